//! The Pixmill worker: jobs that servers have accepted, on any machine that reaches the same systems.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pixmill_wiring::{WorkerConfig, check_worker, is_processor_child, load_env_file, processor_child, work};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Works on the jobs that Pixmill servers have accepted; start as many as you like.
#[derive(Parser)]
#[command(name = "pixmill-worker", version)]
struct Cli {
    #[command(flatten)]
    config: WorkerConfig,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Say whether everything that a worker needs can be reached with these settings
    Check,
}

fn main() -> ExitCode {
    if is_processor_child() {
        return processor_child();
    }
    let done = load_env_file().and_then(|()| {
        let Cli { config, command } = Cli::parse();
        match command {
            None => work(config),
            Some(Command::Check) => check_worker(&config),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
