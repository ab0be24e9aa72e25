//! Processes that go on when this program has ended, and are found again by what they left: a file with their number.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// How long a process may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(15);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// No process is as old as that.
const CENTURY: u64 = 100 * 366 * 24 * 60 * 60;

/// A process that was started from here.
pub(super) struct Running;

impl Running {
    /// Starts `command` in a process group of its own. What it writes goes to `{name}.log` in `home`.
    pub(super) fn start(home: &Path, name: &str, mut command: Command) -> io::Result<()> {
        fs::create_dir_all(home)?;
        let log = File::create(home.join(format!("{name}.log")))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let program = command.get_program().display().to_string();
        let child =
            command.spawn().map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
        fs::write(home.join(format!("{name}.pid")), child.id().to_string())
    }

    /// The numbers of the processes that were started for `home` and are alive.
    pub(super) fn pids(home: &Path) -> Vec<String> {
        files(home).iter().filter_map(|file| alive(file)).collect()
    }

    /// Ends the processes that were started for `home`, the last one first. Returns whether there were any.
    pub(super) fn stop_all(home: &Path) -> Result<bool, Failure> {
        let mut stopped = false;
        for file in files(home).iter().rev() {
            if let Some(pid) = alive(file) {
                stop(&pid)?;
                stopped = true;
            }
            fs::remove_file(file)
                .map_err(|error| Failure::failed(format!("can't remove {}: {error}", file.display())))?;
        }
        Ok(stopped)
    }
}

/// The files with numbers, in the order in which they were written.
fn files(home: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(home)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "pid"))
        .collect();
    files.sort_by_key(|path| path.metadata().and_then(|data| data.modified()).ok());
    files
}

/// The number in `file`, if it is still that of the process that wrote it there: numbers are given out again, but
/// not to a process that began before the file was written.
fn alive(file: &Path) -> Option<String> {
    let pid = fs::read_to_string(file).ok()?.trim().to_owned();
    let age: u64 = ps("etimes=", &pid)?.parse().ok()?;
    // One that began just now is a hair younger than `ps` thinks possible, and the age below zero comes out as a huge one.
    let age = Duration::from_secs(if age > CENTURY { 0 } else { age });
    let written = file.metadata().ok()?.modified().ok()?.elapsed().ok()?;
    // Both count from the start of the process, to the second.
    (written.abs_diff(age) < Duration::from_secs(10)).then_some(pid)
}

fn ps(column: &str, pid: &str) -> Option<String> {
    let output = Command::new("ps").args(["-o", column, "-p", pid]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Ends a process and its group, the hard way if it takes too long.
fn stop(pid: &str) -> Result<(), Failure> {
    signal("-TERM", pid)?;
    let begun = Instant::now();
    // One that has ended and was not waited for is a zombie until this program ends.
    while ps("stat=", pid).is_some_and(|state| !state.starts_with('Z')) {
        if begun.elapsed() > GRACE {
            return signal("-KILL", pid);
        }
        super::wait(BETWEEN_LOOKS);
    }
    Ok(())
}

/// Sends a signal to a process and all of its group.
pub(crate) fn signal(signal: &str, pid: &str) -> Result<(), Failure> {
    let status = Command::new("kill").args([signal, "--", &format!("-{pid}")]).stderr(Stdio::null()).status();
    status.map(drop).map_err(|error| Failure::failed(format!("cannot start kill: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_started_is_found_and_stopped() {
        let home = std::env::temp_dir().join(format!("pixmill-xtask-{}", std::process::id()));
        let mut command = Command::new("sleep");
        command.arg("600");
        Running::start(&home, "sleep", command).unwrap();
        assert_eq!(Running::pids(&home).len(), 1);
        assert!(Running::stop_all(&home).unwrap());
        assert!(Running::pids(&home).is_empty());
        assert!(!Running::stop_all(&home).unwrap());
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn a_number_that_was_given_out_again_is_not_ours() {
        let home = std::env::temp_dir().join(format!("pixmill-xtask-again-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        // This machine's first process began long before.
        fs::write(home.join("other.pid"), "1").unwrap();
        let young = ps("etimes=", "1").is_none_or(|age| age.parse::<u64>().unwrap() < 60);
        assert!(young || Running::pids(&home).is_empty());
        fs::remove_dir_all(home).unwrap();
    }
}
