//! Measures the engine beside sharp: CPU and wall time, quality, bytes and memory, the two taking turns in one run.
//!
//! `cargo xtask bench engine` installs sharp, builds the engine's `measure` example and this program, and calls it:
//!
//! ```text
//! pixmill-engine-bench --measure PROGRAM --sharp FOLDER --scratch FOLDER
//!     [--images FOLDER] [--json FILE] [--rounds N] [--only T1,T3]
//! ```
//!
//! Linux only: `measure` reads its figures from `/proc`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command-line program")]

mod arguments;
mod compare;
mod picture;
mod report;
mod score;
mod sharp;
mod side;
mod sources;
mod statistics;
mod synthetic;
mod task;

use std::fs;
use std::process::ExitCode;

use serde_json::json;

use arguments::Arguments;
use compare::Bench;
use sharp::Sharp;
use sources::Sources;

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let scratch = &arguments.scratch;
    fs::create_dir_all(scratch).map_err(|error| format!("cannot make {}: {error}", scratch.display()))?;
    let sharp = Sharp::new(&arguments.sharp, scratch)?;
    let versions = sharp.versions()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "engine against sharp {} with libvips {}, {cores} cores",
        text(&versions["sharp"]),
        text(&versions["libvips"])
    );
    println!(
        "times: the median with quarters, of one thread and of all cores; ratios: the median with their range\n"
    );
    let mut sources = Sources::new(&sharp, arguments.images.as_deref(), scratch)?;
    let bench =
        Bench { measure: &arguments.measure, sharp: &sharp, scratch, rounds: arguments.rounds, cores };
    let mut comparisons = Vec::new();
    for task in &arguments.tasks {
        compare::progress(task.name, "finding or making its picture");
        let source = sources.get(task.source)?;
        let comparison = bench.compare(task, &source)?;
        println!("{}  source: {}\n", comparison.text(), source.display());
        comparisons.push(comparison);
    }
    print!("{}", report::summary(&comparisons));
    if let Some(file) = &arguments.json {
        let tasks: Vec<_> = comparisons.iter().map(compare::Comparison::json).collect();
        let document =
            json!({"versions": versions, "cores": cores, "rounds": arguments.rounds, "tasks": tasks});
        fs::write(file, format!("{document:#}\n"))
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(())
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or("of unknown version")
}
