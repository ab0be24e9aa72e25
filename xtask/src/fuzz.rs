//! `fuzz`: builds the fuzz targets in `core/engine/fuzz` and lets libFuzzer run them for a stated time each.
//!
//! It works with the stable toolchain: the flags that put coverage counters into the code are stable ones, and the
//! one for the address sanitizer is allowed by `RUSTC_BOOTSTRAP` for this build alone. Inputs found are kept under the
//! target folder and are where the next run goes on. An input that breaks a target is made smaller and named; it
//! becomes a test in `core/engine/tests` with the mending.

mod log;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    cargo,
    failure::Failure,
    progress::{Steps, note, table},
    tools,
};

/// The manifest of the targets; it is a workspace of its own.
pub(crate) const MANIFEST: &str = "core/engine/fuzz/Cargo.toml";

const TARGETS: &[&str] = &["jpeg", "png", "webp", "gif", "avif", "transformation", "end_to_end"];

/// What libFuzzer needs in the code, and what makes faults show.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Cdebug-assertions -Coverflow-checks";

/// Longest input that is tried, in bytes.
const LONGEST: u32 = 16 << 10;

/// Seconds that are spent on making a failing input smaller.
const MINIMISING: u32 = 30;

/// What the command was asked for.
#[derive(Debug, PartialEq)]
struct Request {
    seconds: u32,
    targets: Vec<&'static str>,
}

/// How one target fared.
struct Outcome {
    target: &'static str,
    found: log::Found,
    corpus: usize,
    crash: Option<PathBuf>,
}

/// Builds and runs the targets.
pub(crate) fn start(arguments: &[String]) -> Result<(), Failure> {
    let request = parse(arguments)?;
    if !cfg!(target_os = "linux") {
        return Err(Failure::failed("`fuzz` runs on Linux only: it relies on the address sanitizer there"));
    }
    let mut steps = Steps::new(2 + request.targets.len());
    steps.next("checking build tools");
    tools::ensure()?;
    let home = cargo::target_folder()?.join("fuzz");
    steps.next("building the fuzz targets (the first time takes minutes)");
    let programs = build(&home, &request.targets)?;
    let mut outcomes = Vec::new();
    for (target, program) in request.targets.iter().zip(&programs) {
        steps.next(&format!("fuzzing {target} for {} s", request.seconds));
        outcomes.push(fuzz(target, program, &home, request.seconds)?);
    }
    print!("{}", summary(&outcomes));
    if outcomes.iter().all(|outcome| outcome.crash.is_none()) { Ok(()) } else { Err(Failure::Reported) }
}

fn parse(arguments: &[String]) -> Result<Request, Failure> {
    let mut request = Request { seconds: 0, targets: TARGETS.to_vec() };
    let mut words = arguments.iter().map(String::as_str);
    while let Some(option) = words.next() {
        match (option, words.next()) {
            ("--seconds", Some(value)) => {
                let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
                request.seconds = seconds.ok_or_else(|| {
                    Failure::usage(format!("`--seconds` must be a whole number from 1 on, not `{value}`"))
                })?;
            }
            ("--target", Some(value)) => {
                let target = TARGETS.iter().find(|target| **target == value).ok_or_else(|| {
                    let names = TARGETS.join(", ");
                    Failure::usage(format!("there is no fuzz target `{value}`; the targets are {names}"))
                })?;
                request.targets = vec![target];
            }
            ("--seconds" | "--target", None) => {
                return Err(Failure::usage(format!("`{option}` needs a value")));
            }
            _ => {
                return Err(Failure::usage(format!(
                    "`fuzz` takes `--seconds` and `--target`, not `{option}`"
                )));
            }
        }
    }
    match request.seconds {
        0 => Err(Failure::usage("for how long? say `fuzz --seconds 60`; it is the time for each target")),
        _ => Ok(request),
    }
}

/// Builds the targets and returns where they are, in the order asked for.
fn build(home: &Path, targets: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let triple = host()?;
    // With a target named, the flags are not used for what runs during the build.
    let mut command = cargo::cargo(&["build", "--release", "--manifest-path", MANIFEST, "--target", &triple]);
    let folder = home.join("build");
    command.arg("--target-dir").arg(&folder).env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", FLAGS);
    for target in targets {
        command.args(["--bin", target]);
    }
    cargo::run(&mut command, "the build of the fuzz targets")?;
    Ok(targets.iter().map(|target| folder.join(&triple).join("release").join(target)).collect())
}

/// The machine that rustc builds for when it is not told.
fn host() -> Result<String, Failure> {
    let text = cargo::output(Command::new("rustc").arg("-vV"), "rustc -vV")?;
    let text = String::from_utf8_lossy(&text);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::failed("rustc -vV names no host"))
}

fn fuzz(target: &'static str, program: &Path, home: &Path, seconds: u32) -> Result<Outcome, Failure> {
    let (corpus, crashes) = (home.join("corpus").join(target), home.join("crashes").join(target));
    for folder in [&corpus, &crashes] {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::failed(format!("cannot make {}: {error}", folder.display())))?;
    }
    let mut seeds = Command::new(program);
    cargo::run(seeds.env("PIXMILL_FUZZ_SEEDS", &corpus).stderr(Stdio::null()), "writing the seeds")?;
    let mut command = Command::new(program);
    command
        .arg(&corpus)
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-timeout=25", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    let found = log::follow(&mut command)
        .map_err(|error| Failure::failed(format!("cannot run the fuzz target {target}: {error}")))?;
    let crash = found.crash.as_deref().map(|file| minimised(program, file));
    let corpus = fs::read_dir(&corpus).map_or(0, Iterator::count);
    if !found.succeeded && crash.is_none() {
        return Err(Failure::failed(format!("the fuzz target {target} ended without a result; see above")));
    }
    Ok(Outcome { target, found, corpus, crash })
}

/// Makes a failing input smaller; where that does not work, for a slow input for example, it stays as it is.
fn minimised(program: &Path, file: &Path) -> PathBuf {
    note(&format!("making {} smaller, for {MINIMISING} s at most", file.display()));
    let smaller = file.with_extension("min");
    let mut command = Command::new(program);
    command
        .args(["-minimize_crash=1", &format!("-max_total_time={MINIMISING}")])
        .arg(format!("-exact_artifact_path={}", smaller.display()))
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Its exit code says nothing: what counts is the file.
    let _ = command.status();
    if smaller.is_file() { smaller } else { file.to_path_buf() }
}

fn summary(outcomes: &[Outcome]) -> String {
    let row = |outcome: &Outcome| {
        let crash = outcome.crash.as_ref().map_or("ok".into(), |file| format!("FAILED: {}", file.display()));
        let count = |n: Option<u64>| n.map_or("?".into(), |n| n.to_string());
        let corpus = outcome.corpus.to_string();
        [outcome.target.into(), count(outcome.found.runs), corpus, count(outcome.found.seed), crash]
    };
    let rows: Vec<_> = outcomes.iter().map(row).collect();
    table(["target", "runs", "corpus", "seed", ""], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<Request, Failure> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_request_is_understood_or_refused() {
        assert_eq!(request("--seconds 5").expect("valid").targets, TARGETS);
        let one = request("--target gif --seconds 9").expect("valid");
        assert_eq!(one, Request { seconds: 9, targets: vec!["gif"] });
        for (line, word) in [
            ("", "--seconds 60"),
            ("--seconds", "needs a value"),
            ("--seconds 0", "whole number"),
            ("--seconds soon", "soon"),
            ("--seconds 1 --target bmp", "bmp"),
            ("--minutes 5", "--minutes"),
        ] {
            let failure = request(line).expect_err("must be refused");
            assert_eq!(failure.exit_code(), 2, "{line}");
            assert!(failure.message().is_some_and(|message| message.contains(word)), "{line}");
        }
    }

    #[test]
    fn the_targets_are_those_of_the_manifest() {
        let manifest = fs::read_to_string(cargo::root().join(MANIFEST)).expect("the manifest is there");
        let lines = manifest.lines().filter(|line| line.starts_with("path = \"targets/"));
        let listed: Vec<_> = lines.collect();
        let wanted: Vec<_> = TARGETS.iter().map(|target| format!("path = \"targets/{target}.rs\"")).collect();
        assert_eq!(listed, wanted);
    }
}
