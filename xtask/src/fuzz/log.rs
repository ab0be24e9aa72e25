//! Reads what libFuzzer prints: the seed, the number of runs and the input that failed. A line now and then is shown,
//! and all of them from the first failure on.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

/// What the lines came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) seed: Option<u64>,
    pub(super) runs: Option<u64>,
    /// The input on which the target failed.
    pub(super) crash: Option<PathBuf>,
    pub(super) succeeded: bool,
}

/// Runs a target to its end.
pub(super) fn follow(command: &mut Command) -> std::io::Result<Found> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let output = BufReader::new(child.stderr.take().expect("standard error was asked to be piped"));
    let mut found = Found::default();
    let mut failing = false;
    for line in output.split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        found.read(&line);
        failing |= line.contains("panicked at") || line.contains("ERROR: ");
        if failing || is_progress(&line) {
            eprintln!("      {line}");
        }
    }
    found.succeeded = child.wait()?.success();
    Ok(found)
}

/// The lines that libFuzzer prints at growing intervals, and not those about each new input.
fn is_progress(line: &str) -> bool {
    line.starts_with('#') && ["INITED", "pulse", "DONE"].iter().any(|word| line.contains(word))
}

impl Found {
    fn read(&mut self, line: &str) {
        if let Some(seed) = line.strip_prefix("INFO: Seed: ") {
            self.seed = seed.trim().parse().ok();
        } else if let Some(runs) = line.strip_prefix("stat::number_of_executed_units:") {
            self.runs = runs.trim().parse().ok();
        } else if let Some((_, file)) = line.split_once("Test unit written to ") {
            self.crash = Some(PathBuf::from(file.trim()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_count_are_found() {
        let mut found = Found::default();
        for line in [
            "INFO: Seed: 2718281",
            "#8192\tpulse  cov: 91 ft: 188 corp: 20/1Kb exec/s: 4096 rss: 60Mb",
            "artifact_prefix='/t/crashes/gif/'; Test unit written to /t/crashes/gif/crash-1f",
            "stat::number_of_executed_units: 12345",
        ] {
            found.read(line);
        }
        let crash = Some(PathBuf::from("/t/crashes/gif/crash-1f"));
        assert_eq!(found, Found { seed: Some(2_718_281), runs: Some(12_345), crash, succeeded: false });
        assert!(is_progress("#8192\tpulse  cov: 91") && !is_progress("#9\tNEW    cov: 92"));
    }
}
