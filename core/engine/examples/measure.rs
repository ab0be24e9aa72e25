//! Measures one transformation: `measure FILE JSON ITERATIONS [--threads N] [--out FILE] [--overlay FILE] [--apart yes]`.
//!
//! A JSON list of transformations counts as one task: an iteration does them all in one call, or with `--apart yes` in a
//! call each, and their results go to `FILE.0`, `FILE.1` and so on.
//!
//! Prints `wall_ms cpu_ms bytes`, a line an iteration. CPU time is that of the thread which did the work, from the
//! scheduler's own count in nanoseconds; with `--threads`, every thread does all iterations. At the end the process's
//! peak memory and what it held before the first iteration go to stderr. Linux only, for the numbers come from `/proc`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command-line program")]

use std::error::Error;
use std::time::Instant;

use pixmill_engine::{CancelToken, Limits, Output, Transformation, transform, transform_many};

const USAGE: &str =
    "usage: measure FILE JSON ITERATIONS [--threads N] [--out FILE] [--overlay FILE] [--apart yes]";

struct Task {
    source: Vec<u8>,
    overlay: Option<Vec<u8>>,
    transformations: Vec<Transformation>,
    iterations: usize,
    threads: usize,
    out: Option<String>,
    apart: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let task = task()?;
    // What reading the file took doesn't count. Where the peak can't be set back, it does.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let idle = memory_kib("VmRSS:").unwrap_or_default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..task.threads).map(|_| scope.spawn(|| run(&task))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker returns its errors"))
    })?;
    eprintln!("peak RSS {} KiB, {idle} KiB idle", memory_kib("VmHWM:").unwrap_or_default());
    Ok(())
}

fn task() -> Result<Task, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().ok_or(USAGE);
    let (file, json, iterations) = (next()?, next()?, next()?);
    let mut task = Task {
        source: std::fs::read(file)?,
        overlay: None,
        transformations: transformations(&json)?,
        iterations: iterations.parse()?,
        threads: 1,
        out: None,
        apart: false,
    };
    while let Some(option) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match option.as_str() {
            "--threads" => task.threads = value.parse()?,
            "--out" => task.out = Some(value),
            "--overlay" => task.overlay = Some(std::fs::read(value)?),
            "--apart" if value == "yes" => task.apart = true,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(task)
}

/// One transformation or a list of them.
fn transformations(json: &str) -> serde_json::Result<Vec<Transformation>> {
    if json.trim_start().starts_with('[') {
        serde_json::from_str(json)
    } else {
        Ok(vec![serde_json::from_str(json)?])
    }
}

fn run(task: &Task) -> Result<(), String> {
    for iteration in 0..task.iterations {
        let (wall, cpu) = (Instant::now(), cpu_ms());
        let outputs = outputs(task).map_err(|error| error.to_string())?;
        let (wall, cpu) = (wall.elapsed().as_secs_f64() * 1e3, cpu_ms() - cpu);
        let bytes: usize = outputs.iter().map(|output| output.bytes.len()).sum();
        println!("{wall:.3} {cpu:.3} {bytes}");
        let Some(out) = task.out.as_deref().filter(|_| iteration == 0) else { continue };
        for (index, output) in outputs.iter().enumerate() {
            let file = if outputs.len() > 1 { format!("{out}.{index}") } else { out.to_owned() };
            std::fs::write(file, &output.bytes).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// One iteration.
fn outputs(task: &Task) -> Result<Vec<Output>, pixmill_engine::Error> {
    let limits = Limits { max_memory_bytes: u64::MAX, ..Limits::default() };
    let (source, overlay) = (&task.source[..], task.overlay.as_deref());
    match &task.transformations[..] {
        list @ [_, _, ..] if !task.apart => {
            transform_many(source, overlay, list, &limits, &CancelToken::new())?.into_iter().collect()
        }
        list => {
            let one = |one| transform(source, overlay, one, &limits, &CancelToken::new());
            list.iter().map(one).collect()
        }
    }
}

/// CPU time of this thread in milliseconds. The scheduler brings its count up to date when it is entered, which would
/// otherwise be at its next tick.
fn cpu_ms() -> f64 {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    nanoseconds.unwrap_or(f64::NAN) / 1e6
}

/// A figure of the process's memory, in KiB: `VmRSS:` is what it holds, `VmHWM:` the most that it has held.
fn memory_kib(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
