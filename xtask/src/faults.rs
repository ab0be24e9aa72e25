//! `faults`: the fault harness over all its scenarios. What goes wrong and what must hold all the same is the harness's
//! own matter.
//!
//! The programs are built as tests are, not as releases are: faults on order must never lie where releases come from.

use std::process::Command;

use crate::{cargo, failure::Failure, progress::Steps, services, tools};

/// The program that lets things go wrong.
const HARNESS: &str = "tests/examples/faults/main.rs";

/// Builds servers and workers with faults on order, and runs the harness with these arguments.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    check(arguments)?;
    let mut steps = Steps::new(4);
    steps.next("checking build tools");
    tools::ensure()?;
    steps.next("building pixmill-server and pixmill-worker with faults on order, and the harness");
    let built = cargo::build_programs_and_tests()?;
    let server = cargo::server_among(&built)?;
    let harness = built.iter().find(|built| built.source.ends_with(HARNESS));
    let harness = harness.ok_or_else(|| Failure::failed("cargo built no harness"))?;
    let needed = !arguments.iter().any(|argument| argument == "--embedded");
    steps.next("starting the servers that adapters talk to");
    let services = if needed { Some(services::borrow()?) } else { None };
    steps.next("letting things go wrong");
    let mut command = Command::new(&harness.path);
    command.arg("--logs").arg(cargo::target_folder()?.join("faults"));
    command.args(arguments).env("PIXMILL_SERVER_BIN", server);
    if let Some(services) = &services {
        command.envs(services.variables.iter().cloned());
    }
    cargo::run(&mut command, "the fault harness")
}

/// Refuses what the harness does not know before anything is built for it.
fn check(arguments: &[String]) -> Result<(), Failure> {
    let mut words = arguments.iter().map(String::as_str);
    while let Some(option) = words.next() {
        match option {
            "--embedded" | "--distributed" => {}
            "--only" | "--runs" | "--seed" | "--at-once" | "--scale" => {
                let value = words.next();
                value.ok_or_else(|| Failure::usage(format!("`{option}` needs a value")))?;
            }
            _ => {
                return Err(Failure::usage(format!(
                    "`faults` takes `--runs`, `--seed`, `--only`, `--at-once`, `--scale`, `--embedded` and `--distributed`, not `{option}`"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_understood_or_refused() {
        let check = |line: &str| check(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert!(check("--runs 3 --seed 7 --only F7,F8 --scale 2 --embedded").is_ok());
        for (line, word) in [("--runs", "needs a value"), ("--fast", "--fast"), ("F7", "F7")] {
            let failure = check(line).expect_err("must be refused");
            assert_eq!(failure.exit_code(), 2, "{line}");
            assert!(failure.message().is_some_and(|message| message.contains(word)), "{line}");
        }
    }
}
