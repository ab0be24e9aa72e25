//! `run`: from a fresh clone to a running server, in three visible steps.

use std::{env, fs, process::Command};

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
    let other_systems = other_systems(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    steps.next(if other_systems {
        "building pixmill-server with the adapters of other systems (release)"
    } else {
        "building pixmill-server (release)"
    });
    let server = cargo::build_server(other_systems)?;
    steps.next(&format!("starting {}", server.display()));
    become_process(Command::new(server).args(arguments))
}

/// Variables that name a system beside the data folder.
const OTHER_SYSTEMS: [&str; 6] =
    ["AWS_BUCKET_NAME", "MONGO_URI", "RABBITMQ_HOST", "RABBITMQ_URL", "REDIS_HOST", "REDIS_URL"];

/// Whether such a system is configured, in the environment or in the file `.env`.
fn other_systems(is_set: impl Fn(&str) -> bool) -> bool {
    OTHER_SYSTEMS.into_iter().any(is_set) || in_file(&fs::read_to_string(".env").unwrap_or_default())
}

fn in_file(file: &str) -> bool {
    file.lines()
        .filter_map(|line| line.trim_start().trim_start_matches("export ").split_once('='))
        .any(|(name, value)| OTHER_SYSTEMS.contains(&name.trim_end()) && !value.trim().is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_systems_are_found_in_the_environment_and_in_the_file() {
        assert!(other_systems(|name| name == "REDIS_URL"));
        assert!(in_file("PORT=1\nexport AWS_BUCKET_NAME=photos\n"));
        assert!(!in_file("REDIS_HOST=\n"));
        assert!(!in_file("# REDIS_URL=redis://localhost\nAWS_REGION=eu-west-1\n"));
    }
}
