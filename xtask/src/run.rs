//! `run`: from a fresh clone to a running server, in three visible steps.

use std::process::Command;

use crate::{cargo, failure::Failure, progress::Steps, tools};

/// Builds the release server and becomes it, with the arguments that follow `--`.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    let arguments = match arguments.split_first() {
        None => &[],
        Some((first, rest)) if first == "--" => rest,
        Some((first, _)) => {
            let message = format!("put the server's arguments after `--`: cargo xtask run -- {first} …");
            return Err(Failure::usage(message));
        }
    };
    let mut steps = Steps::new(3);
    steps.next("checking build tools");
    tools::ensure()?;
    steps.next("building pixmill-server (release)");
    let server = cargo::build_server()?;
    steps.next(&format!("starting {}", server.display()));
    become_process(Command::new(server).args(arguments))
}

/// Replaces this process, so that signals, Ctrl-C among them, reach the server itself.
#[cfg(unix)]
fn become_process(command: &mut Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(cargo::cannot_start("pixmill-server", &error))
}

/// Waits for the server: a console's Ctrl-C reaches every process attached to it.
#[cfg(not(unix))]
fn become_process(command: &mut Command) -> Result<(), Failure> {
    cargo::run(command, "pixmill-server")
}
