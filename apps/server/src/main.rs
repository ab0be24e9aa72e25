//! The Pixmill server: the API and the worker in one process, and the commands of an operator.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pixmill_wiring::{
    DeadLetterCommand, MongoDb, ServerConfig, UserCommand, backup, check_server, document, make_secret,
    manage_dead_letters, manage_user, program, serve,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Self-hosted image processing: users, uploads, asynchronous transformations, versions.
#[derive(Parser)]
#[command(name = "pixmill-server", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    config: ServerConfig,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Print the OpenAPI document
    Openapi,
    /// Say whether the server on this machine takes requests
    Health {
        /// Address that it listens on
        #[arg(long, env = "HOST", default_value = "127.0.0.1")]
        host: IpAddr,
        /// Port that it listens on
        #[arg(long, env = "PORT", default_value_t = 3000)]
        port: u16,
    },
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
        #[command(flatten)]
        mongodb: MongoDb,
    },
    /// Make a key for tokens and links in a file, unless it holds one: for `JWT_SECRET_FILE`
    MakeSecret {
        /// The file; its folder must be there
        file: PathBuf,
    },
    /// Look at jobs that failed and may be opened anew, and open them, whether the server runs or not
    DeadLetters {
        /// Folder that the server keeps its data in
        #[arg(long, env = "PIXMILL_DATA_DIR", default_value = "./data", global = true)]
        data_dir: PathBuf,
        #[command(flatten)]
        mongodb: MongoDb,
        #[command(subcommand)]
        command: DeadLetterCommand,
    },
    /// Add and change users, whether the server runs or not
    User {
        /// Folder that the server keeps its data in
        #[arg(long, env = "PIXMILL_DATA_DIR", default_value = "./data", global = true)]
        data_dir: PathBuf,
        #[command(flatten)]
        mongodb: MongoDb,
        #[command(subcommand)]
        command: UserCommand,
    },
}

fn main() -> ExitCode {
    program(|Cli { config, command }| match command {
        None => serve(config),
        Some(Command::Openapi) => document(),
        Some(Command::Health { host, port }) => check_server(host, port),
        Some(Command::Admin(Admin::Backup { target, data_dir, mongodb })) => {
            backup(&data_dir, &mongodb, &target)
        }
        Some(Command::Admin(Admin::DeadLetters { data_dir, mongodb, command })) => {
            manage_dead_letters(command, &data_dir, &mongodb)
        }
        Some(Command::Admin(Admin::MakeSecret { file })) => make_secret(&file),
        Some(Command::Admin(Admin::User { data_dir, mongodb, command })) => {
            manage_user(command, &data_dir, &mongodb)
        }
    })
}
