//! `ci`: everything that must hold before a merge, in one go. A step that fails does not stop the others, so
//! that one run shows all there is to mend.
//!
//! The tests run through `cargo xtask test`, the command that people are told to use.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    bench,
    cargo::{self, cargo},
    containers, deny,
    failure::Failure,
    features, fuzz, layers, no_arguments, openapi,
    progress::{Steps, parse_verdict, seconds, table, verdict},
};

/// What a step came to.
struct Outcome {
    passed: u64,
    failed: u64,
    note: String,
}

impl From<Result<String, Failure>> for Outcome {
    fn from(result: Result<String, Failure>) -> Self {
        match result {
            Ok(note) => Self { passed: 1, failed: 0, note },
            Err(failure) => {
                let note = failure.message().unwrap_or("see above").to_owned();
                Self { passed: 0, failed: 1, note }
            }
        }
    }
}

/// A step with its name.
struct Step {
    name: &'static str,
    run: fn() -> Outcome,
}

const STEPS: &[Step] = &[
    Step { name: "test", run: test },
    Step {
        name: "fmt",
        run: || command(&mut cargo(&["fmt", "--all", "--", "--check"]), "cargo fmt --check"),
    },
    Step { name: "clippy", run: clippy },
    Step { name: "deny", run: || deny::check().map(String::from).into() },
    Step { name: "layers", run: || layers::start(&[]).map(|()| String::new()).into() },
    Step { name: "containers", run: || containers::start(&[]).map(|()| String::new()).into() },
    Step { name: "features", run: || features::start(&[]).map(|()| String::new()).into() },
    Step { name: "docs", run: docs },
    Step { name: "fuzz lock", run: fuzz_lock },
    Step { name: "bench's tests", run: bench_tests },
    Step { name: "openapi", run: || openapi::start(&["--check".into()]).map(|()| String::new()).into() },
];

/// Runs every step; the last line sums them up.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    no_arguments("ci", arguments)?;
    let mut steps = Steps::new(STEPS.len());
    let mut results = Vec::new();
    for step in STEPS {
        steps.next(step.name);
        let begun = Instant::now();
        let outcome = (step.run)();
        if outcome.failed > 0 {
            eprintln!("      {} failed: {}", step.name, outcome.note);
        }
        results.push((step.name, outcome, begun.elapsed()));
    }
    print!("{}", summary(&results));
    if results.iter().all(|(_, outcome, _)| outcome.failed == 0) { Ok(()) } else { Err(Failure::Reported) }
}

/// The closing table and, alone on the last line, the verdict.
fn summary(results: &[(&str, Outcome, Duration)]) -> String {
    let row = |(name, outcome, took): &(&str, Outcome, Duration)| {
        let first_line = outcome.note.lines().next().unwrap_or_default().to_owned();
        [(*name).into(), outcome.passed.to_string(), outcome.failed.to_string(), seconds(*took), first_line]
    };
    let rows: Vec<_> = results.iter().map(row).collect();
    let sum = |count: fn(&Outcome) -> u64| results.iter().map(|(_, outcome, _)| count(outcome)).sum();
    format!(
        "\n{}\nThe sums are those of the tests, plus one for each other step.\n{}\n",
        table(["step", "passed", "failed", "took", ""], &rows),
        verdict(sum(|outcome| outcome.passed), sum(|outcome| outcome.failed), 0),
    )
}

fn command(command: &mut Command, what: &str) -> Outcome {
    cargo::run(command, what).map(|()| String::new()).into()
}

fn clippy() -> Outcome {
    let arguments = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    command(&mut cargo(&arguments), "cargo clippy")
}

fn docs() -> Outcome {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    command(doc.env("RUSTDOCFLAGS", "-D warnings"), "cargo doc")
}

/// The fuzz targets are a workspace of their own, whose lock nothing else here reads.
fn fuzz_lock() -> Outcome {
    let mut metadata =
        cargo(&["metadata", "--locked", "--format-version", "1", "--manifest-path", fuzz::MANIFEST]);
    command(metadata.stdout(Stdio::null()), "`cargo metadata --locked` for the fuzz targets")
}

/// The engine's bench is a workspace of its own, too, so that nobody has to build what it needs.
fn bench_tests() -> Outcome {
    command(
        &mut cargo(&["test", "--locked", "--manifest-path", bench::engine::BENCH]),
        "the tests of the bench",
    )
}

/// Runs the tests as a person would and takes their last line at its word.
fn test() -> Outcome {
    match follow(cargo(&["xtask", "test"]).stdout(Stdio::piped())) {
        Ok((last_line, succeeded)) => judge(&last_line, succeeded),
        Err(error) => Err(cargo::cannot_start("cargo xtask test", &error)).into(),
    }
}

/// The tests' outcome. A run that failed must not count as green, whatever it said.
fn judge(last_line: &str, succeeded: bool) -> Outcome {
    let (passed, failed, skipped) = parse_verdict(last_line).unwrap_or((0, 1, 0));
    let note = match (parse_verdict(last_line), skipped) {
        (None, _) => "ended without a verdict".to_owned(),
        (Some(_), 0) => String::new(),
        (Some(_), _) => format!("{skipped} skipped"),
    };
    Outcome { passed, failed: if succeeded { failed } else { failed.max(1) }, note }
}

/// Shows standard output as it comes; returns its last line that is not empty, and whether all went well.
fn follow(command: &mut Command) -> std::io::Result<(String, bool)> {
    let mut child = command.spawn()?;
    let mut output = BufReader::new(child.stdout.take().expect("standard output was asked to be piped"));
    let (mut line, mut last) = (Vec::new(), String::new());
    while output.read_until(b'\n', &mut line)? > 0 {
        std::io::stdout().write_all(&line)?;
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            text.trim().clone_into(&mut last);
        }
        line.clear();
    }
    Ok((last, child.wait()?.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_are_taken_at_their_last_line_unless_they_failed() {
        for (line, succeeded, passed, failed) in [
            ("12 passed, 0 failed", true, 12, 0),
            ("12 passed, 0 failed, 3 skipped", true, 12, 0),
            ("12 passed, 2 failed", false, 12, 2),
            ("12 passed, 0 failed", false, 12, 1),
            ("", false, 0, 1),
            ("", true, 0, 1),
            ("error: something broke", true, 0, 1),
        ] {
            let outcome = judge(line, succeeded);
            assert_eq!((outcome.passed, outcome.failed), (passed, failed), "{line:?} {succeeded}");
        }
    }

    #[test]
    fn the_summary_ends_in_the_verdict_alone() {
        let took = Duration::from_secs(1);
        let results = [
            ("test", judge("40 passed, 1 failed, 2 skipped", false), took),
            ("fmt", Outcome::from(Ok(String::new())), took),
            ("layers", Outcome::from(Err(Failure::failed("two lines\nof reasons"))), took),
        ];
        let text = summary(&results);
        assert_eq!(text.lines().last(), Some("41 passed, 2 failed"));
        assert!(text.contains("2 skipped") && text.contains("two lines") && !text.contains("of reasons"));
    }
}
