//! `cargo xtask`: the project's own commands, written in Rust so that a clone needs nothing but cargo.
//!
//! This file knows which commands exist and turns their outcome into an exit code; each command lives in a
//! module of its own.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a command-line tool is for")]

mod arm;
mod bench;
mod cargo;
mod ci;
mod containers;
mod deny;
mod duplicate_keys;
mod failure;
mod faults;
mod features;
mod fuzz;
mod layers;
mod mutations;
mod openapi;
mod progress;
mod python;
mod run;
mod services;
mod test;
mod tools;

use std::{env, process::ExitCode};

use failure::Failure;

/// One entry of the command list, and of `--help`.
struct Task {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    start: fn(&[String]) -> Result<(), Failure>,
}

const TASKS: &[Task] = &[
    Task {
        name: "run",
        arguments: "[-- server arguments]",
        about: "build the server in release mode and start it",
        start: run::start,
    },
    Task {
        name: "test",
        arguments: "[--full] [cargo test arguments]",
        about: "run every test; --full runs the ignored ones too",
        start: test::start,
    },
    Task {
        name: "openapi",
        arguments: "[--check|--release]",
        about: "write openapi/pixmill.json, check that it is up to date and breaks no client, or release it",
        start: openapi::start,
    },
    Task {
        name: "containers",
        arguments: "",
        about: "check the Dockerfile and the Compose file",
        start: containers::start,
    },
    Task {
        name: "layers",
        arguments: "",
        about: "check who depends on whom, and where files live",
        start: layers::start,
    },
    Task {
        name: "features",
        arguments: "",
        about: "check that every crate builds alone with each of its features",
        start: features::start,
    },
    Task {
        name: "services",
        arguments: "up|down|status",
        about: "start and stop the real servers that the distributed form talks to, for tests and trials",
        start: services::start,
    },
    Task {
        name: "bench",
        arguments: "api|jobs|engine [arguments]",
        about: "measure the HTTP API, jobs, or the engine beside sharp, in release builds",
        start: bench::start,
    },
    Task {
        name: "faults",
        arguments: "[--embedded|--distributed] [--runs N] [--seed S] [--only F7,F8] [--at-once N] [--scale N]",
        about: "kill processes and cut off systems, and check that every promise holds",
        start: faults::start,
    },
    Task {
        name: "mutations",
        arguments: "[GUARD...]",
        about: "take out one guard after the other, and check that the fault harness or a test notices",
        start: mutations::start,
    },
    Task {
        name: "fuzz",
        arguments: "--seconds N [--target NAME]",
        about: "look for inputs that break the engine, N seconds for each target",
        start: fuzz::start,
    },
    Task {
        name: "arm",
        arguments: "",
        about: "run the engine's tests of what it has for NEON, through QEMU",
        start: arm::start,
    },
    Task {
        name: "ci",
        arguments: "",
        about: "everything above that must hold before a merge",
        start: ci::start,
    },
];

fn main() -> ExitCode {
    let outcome = match arguments() {
        Ok(arguments) => dispatch(&arguments),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("error: {message}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn arguments() -> Result<Vec<String>, Failure> {
    env::args_os()
        .skip(1)
        .map(|argument| {
            argument
                .into_string()
                .map_err(|raw| Failure::usage(format!("argument {} is not valid UTF-8", raw.display())))
        })
        .collect()
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", overview());
        return Ok(());
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", overview());
        return Ok(());
    }
    let task = TASKS.iter().find(|task| task.name == name).ok_or_else(|| unknown(name))?;
    let own = rest.iter().take_while(|argument| *argument != "--");
    if own.into_iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("cargo xtask {} {}\n  {}", task.name, task.arguments, task.about);
        return Ok(());
    }
    (task.start)(rest)
}

fn overview() -> String {
    let line =
        |task: &Task| format!("  {:<38} {}\n", format!("{} {}", task.name, task.arguments), task.about);
    let lines: String = TASKS.iter().map(line).collect();
    format!("Pixmill's tasks. Usage: cargo xtask <command>\n\n{lines}")
}

fn unknown(name: &str) -> Failure {
    let names: Vec<_> = TASKS.iter().map(|task| task.name).collect();
    Failure::usage(format!("there is no command `{name}`; the commands are {}", names.join(", ")))
}

/// Refuses arguments on behalf of a command that takes none.
fn no_arguments(name: &str, arguments: &[String]) -> Result<(), Failure> {
    match arguments.first() {
        None => Ok(()),
        Some(first) => Err(Failure::usage(format!("`{name}` takes no arguments, but got `{first}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &[&str]) -> Result<(), Failure> {
        dispatch(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn the_overview_lists_every_command() {
        let text = overview();
        for task in TASKS {
            assert!(text.contains(&format!("  {} ", task.name)), "{} is missing", task.name);
        }
    }

    #[test]
    fn asking_for_help_succeeds() {
        for arguments in [&[][..], &["--help"], &["-h"], &["help"], &["ci", "--help"], &["test", "-h"]] {
            assert!(call(arguments).is_ok(), "{arguments:?}");
        }
    }

    #[test]
    fn misuse_is_named_and_exits_with_two() {
        for (arguments, word) in [
            (&["biuld"][..], "no command `biuld`"),
            (&["layers", "now"], "takes no arguments"),
            (&["features", "-v"], "takes no arguments"),
            (&["ci", "fast"], "takes no arguments"),
            (&["bench"], "bench api"),
            (&["bench", "moon"], "moon"),
            (&["bench", "engine", "--fast"], "--fast"),
            (&["openapi", "--chekc"], "--chekc"),
            (&["fuzz"], "--seconds"),
            (&["faults", "--fast"], "--fast"),
            (&["services"], "services up"),
            (&["services", "sideways"], "sideways"),
            (&["services", "up", "now"], "takes no arguments"),
            (&["run", "--port", "1"], "after `--`"),
        ] {
            let failure = call(arguments).expect_err("misuse must fail");
            assert_eq!(failure.exit_code(), 2, "{arguments:?}");
            let message = failure.message().unwrap_or_default();
            assert!(message.contains(word), "{arguments:?} gave {message:?}");
        }
    }
}
