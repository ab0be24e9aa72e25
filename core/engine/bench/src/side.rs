//! One side of a comparison: a process that does a task a number of times and prints what each time took.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::sharp::Sharp;
use crate::task::Task;

/// Who does the work.
pub(crate) enum Side<'a> {
    /// The engine, through this executable.
    Ours(&'a Path),
    /// sharp, with this many threads for each picture.
    Sharp(&'a Sharp, usize),
}

/// One iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) wall_ms: f64,
    pub(crate) cpu_ms: f64,
    pub(crate) bytes: u64,
}

/// What a process told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) samples: Vec<Sample>,
    /// The peak of the process's memory above what it held when the work began.
    pub(crate) above_kib: u64,
}

impl Side<'_> {
    /// Runs a task `iterations` times in a process of its own, in each of `threads` threads.
    pub(crate) fn run(
        &self,
        task: &Task,
        source: &Path,
        iterations: usize,
        threads: usize,
        out: Option<&Path>,
    ) -> Result<Told, String> {
        let (mut command, json) = match self {
            Self::Ours(measure) => (Command::new(measure), task.ours()),
            Self::Sharp(sharp, _) => (sharp.command("time"), task.sharp()),
        };
        command.arg(source).arg(json).arg(iterations.to_string()).args(["--threads", &threads.to_string()]);
        if let Self::Sharp(_, concurrency) = self {
            // As many pictures at a time as there are threads to work on them.
            command
                .args(["--concurrency", &concurrency.to_string()])
                .env("UV_THREADPOOL_SIZE", threads.to_string());
        }
        if let Some(out) = out {
            command.arg("--out").arg(out);
        }
        let output = succeed(&mut command, task.name)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let samples = text.lines().map(sample).collect::<Option<Vec<_>>>();
        let above = above_kib(&String::from_utf8_lossy(&output.stderr));
        match (samples, above) {
            (Some(mut samples), Some(above_kib)) if samples.len() == iterations * threads => {
                if matches!(self, Self::Sharp(..)) {
                    // It can only tell the CPU time of the process, in which as many pictures are made at the same time.
                    for sample in &mut samples {
                        sample.cpu_ms /= threads as f64;
                    }
                }
                Ok(Told { samples, above_kib })
            }
            _ => Err(format!("{}: the output of {command:?} was not understood:\n{text}", task.name)),
        }
    }
}

/// The files that a run with `--out` wrote: one, or one a picture with a number behind the name.
pub(crate) fn written(out: &Path) -> Vec<PathBuf> {
    if out.is_file() {
        return vec![out.to_path_buf()];
    }
    let numbered = |index| PathBuf::from(format!("{}.{index}", out.display()));
    (0..u16::MAX).map(numbered).take_while(|path| path.is_file()).collect()
}

fn sample(line: &str) -> Option<Sample> {
    let mut words = line.split_whitespace();
    let sample = Sample {
        wall_ms: words.next()?.parse().ok()?,
        cpu_ms: words.next()?.parse().ok()?,
        bytes: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(sample)
}

fn above_kib(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("peak RSS "))?;
    let (peak, idle) = line.strip_suffix(" KiB idle")?.split_once(" KiB, ")?;
    Some(peak.parse::<u64>().ok()?.saturating_sub(idle.parse().ok()?))
}

/// Runs a command that must succeed and returns what it wrote.
pub(crate) fn succeed(command: &mut Command, what: &str) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("cannot start {command:?} for {what}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{what}: {command:?} failed ({}):\n{}", output.status, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_or_refused() {
        assert_eq!(sample("16.250 15.9 90210"), Some(Sample { wall_ms: 16.25, cpu_ms: 15.9, bytes: 90210 }));
        assert!(sample("16.250 15.9").is_none() && sample("a b c").is_none() && sample("1 2 3 4").is_none());
        assert_eq!(above_kib("warning\npeak RSS 123456 KiB, 123000 KiB idle\n"), Some(456));
        assert_eq!(above_kib("peak RSS unknown"), None);
    }
}
