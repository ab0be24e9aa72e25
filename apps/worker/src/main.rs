//! The Pixmill worker: jobs that servers have accepted, on any machine that reaches the same systems.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pixmill_wiring::{WorkerConfig, check_worker, program, work};

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
    program(|Cli { config, command }| match command {
        None => work(config),
        Some(Command::Check) => check_worker(&config),
    })
}
