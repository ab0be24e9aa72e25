//! `services`: the real servers that a distributed Pixmill talks to, for tests and for trying it out, without
//! containers. Each listens on loopback, on a port of its own, and keeps what it stores below the target folder.
//!
//! What is reachable already is used as it is. `down` stops exactly what `up` started.

mod catalog;
mod install;
mod probe;
mod process;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::{
    cargo,
    failure::Failure,
    no_arguments,
    progress::{note, table},
};

use catalog::{SERVICES, Service};
use process::Running;
pub(crate) use process::signal;

/// How long a server may take to answer after it was started.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_PROBES: Duration = Duration::from_millis(100);

/// Starts, stops or shows the servers.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Failure::usage("say `services up`, `services down` or `services status`"));
    };
    no_arguments(&format!("services {command}"), rest)?;
    let folder = folder()?;
    match command.as_str() {
        "up" => up(&folder),
        "down" => down(&folder),
        "status" => {
            status(&folder);
            Ok(())
        }
        other => Err(Failure::usage(format!(
            "there is no `services {other}`; say `services up`, `services down` or `services status`"
        ))),
    }
}

/// Servers for tests. Dropping them stops those that were started for it.
pub(crate) struct Borrowed {
    /// The variables by which tests find them.
    pub(crate) variables: Vec<(&'static str, String)>,
    started: Vec<PathBuf>,
}

/// Makes sure that all servers run, as far as possible. What is missing is told; the tests that need it say so once
/// more.
pub(crate) fn borrow() -> Result<Borrowed, Failure> {
    let folder = folder()?;
    let mut borrowed = Borrowed { variables: Vec::new(), started: Vec::new() };
    for service in SERVICES {
        if !(service.answers)() {
            let home = folder.join(service.name);
            begin_empty(&home)?;
            borrowed.started.push(home);
        }
        match bring_up(service, &folder) {
            Ok(()) => borrowed.variables.push((service.test_variable, (service.test_url)())),
            Err(failure) => note(failure.message().unwrap_or("see above")),
        }
    }
    Ok(borrowed)
}

/// Removes what earlier tests have left in a server that does not run.
fn begin_empty(home: &Path) -> Result<(), Failure> {
    Running::stop_all(home)?;
    match fs::remove_dir_all(home) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::failed(format!("can't empty {}: {error}", home.display())))
        }
        _ => Ok(()),
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        for home in self.started.iter().rev() {
            if let Err(failure) = Running::stop_all(home) {
                note(failure.message().unwrap_or("a server could not be stopped"));
            }
        }
    }
}

fn up(folder: &Path) -> Result<(), Failure> {
    let mut failed = false;
    for service in SERVICES {
        match bring_up(service, folder) {
            Ok(()) => {
                println!("export {}={}", service.test_variable, quoted(&(service.test_url)()));
                for (name, value) in (service.settings)() {
                    println!("export {name}={}", quoted(&value));
                }
            }
            Err(failure) => {
                eprintln!("error: {}", failure.message().unwrap_or("see above"));
                failed = true;
            }
        }
    }
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

fn bring_up(service: &Service, folder: &Path) -> Result<(), Failure> {
    if (service.answers)() {
        note(&format!("{} answers", service.name));
        return Ok(());
    }
    let home = folder.join(service.name);
    install::ensure(&service.needs, folder)
        .map_err(|missing| Failure::failed(format!("no {}: {missing}", service.name)))?;
    let begun = Instant::now();
    // What an earlier start has left, if it did not come up or hangs.
    Running::stop_all(&home)?;
    let failed = |error: io::Error| Failure::failed(format!("{} can't be started: {error}", service.name));
    for (name, command) in (service.commands)(folder, &home).map_err(failed)? {
        Running::start(&home, name, command).map_err(failed)?;
    }
    while !(service.answers)() {
        if begun.elapsed() > PATIENCE {
            return Err(Failure::failed(format!(
                "{} does not answer; what it wrote is in {}",
                service.name,
                home.display()
            )));
        }
        wait(BETWEEN_PROBES);
    }
    note(&format!("started {} in {:.1} s", service.name, begun.elapsed().as_secs_f64()));
    Ok(())
}

fn down(folder: &Path) -> Result<(), Failure> {
    for service in SERVICES.iter().rev() {
        let stopped = Running::stop_all(&folder.join(service.name))?;
        note(&format!("{}: {}", service.name, if stopped { "stopped" } else { "was not started from here" }));
    }
    Ok(())
}

fn status(folder: &Path) {
    let row = |service: &Service| {
        let answers = if (service.answers)() { "answers" } else { "does not answer" };
        let whose = match Running::pids(&folder.join(service.name)).as_slice() {
            [] => String::new(),
            pids => format!("started from here, process {}", pids.join(", ")),
        };
        [service.name.to_owned(), answers.to_owned(), whose]
    };
    print!("{}", table(["service", "", ""], &SERVICES.iter().map(row).collect::<Vec<_>>()));
}

/// Waits before the next look at something that can only be asked.
#[expect(clippy::disallowed_methods, reason = "other programs' processes and ports wake nobody up")]
pub(crate) fn wait(duration: Duration) {
    std::thread::sleep(duration);
}

/// Where the servers keep what they store and write.
fn folder() -> Result<PathBuf, Failure> {
    Ok(cargo::target_folder()?.join("services"))
}

/// A value as a shell reads it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(quoted("a b$c"), "'a b$c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn every_service_has_a_name_and_a_variable_of_its_own() {
        for (index, service) in SERVICES.iter().enumerate() {
            for other in &SERVICES[index + 1..] {
                assert_ne!(service.name, other.name);
                assert_ne!(service.test_variable, other.test_variable);
            }
        }
    }
}
