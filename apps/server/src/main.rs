//! The Pixmill server: the API and the worker in one process, and the commands of an operator.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pixmill_wiring::{
    Config, UserCommand, backup, document, is_processor_child, load_env_file, manage_user, processor_child,
    serve,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Self-hosted image processing: users, uploads, asynchronous transformations, versions.
#[derive(Parser)]
#[command(name = "pixmill-server", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print the OpenAPI document
    Openapi,
    /// Operate an installation
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Subcommand)]
enum Admin {
    /// Copy all data, consistently, while the server runs
    Backup {
        /// Folder to copy to; it must not exist, or be empty
        target: PathBuf,
        /// Folder that the server keeps its data in
        #[arg(long, env = "PIXMILL_DATA_DIR", default_value = "./data")]
        data_dir: PathBuf,
    },
    /// Add and change users, whether the server runs or not
    User {
        /// Folder that the server keeps its data in
        #[arg(long, env = "PIXMILL_DATA_DIR", default_value = "./data", global = true)]
        data_dir: PathBuf,
        #[command(subcommand)]
        command: UserCommand,
    },
}

fn main() -> ExitCode {
    if is_processor_child() {
        return processor_child();
    }
    let done = load_env_file().and_then(|()| {
        let Cli { config, command } = Cli::parse();
        match command {
            None => serve(config),
            Some(Command::Openapi) => document(),
            Some(Command::Admin(Admin::Backup { target, data_dir })) => backup(&data_dir, &target),
            Some(Command::Admin(Admin::User { data_dir, command })) => manage_user(command, &data_dir),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
