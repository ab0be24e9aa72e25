//! Measures one transformation: `measure FILE JSON ITERATIONS [--threads N] [--out FILE] [--overlay FILE]`.
//!
//! Prints `wall_ms cpu_ms bytes`, a line an iteration. CPU time is that of the thread which did the work, from the
//! scheduler's own count in nanoseconds; with `--threads`, every thread does all iterations. At the end the process's
//! peak memory goes to stderr. Linux only, for the numbers come from `/proc`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command-line program")]

use std::error::Error;
use std::time::Instant;

use pixmill_engine::{CancelToken, Limits, Transformation, transform};

const USAGE: &str = "usage: measure FILE JSON ITERATIONS [--threads N] [--out FILE] [--overlay FILE]";

struct Task {
    source: Vec<u8>,
    overlay: Option<Vec<u8>>,
    transformation: Transformation,
    iterations: usize,
    threads: usize,
    out: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let task = task()?;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..task.threads).map(|_| scope.spawn(|| run(&task))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker returns its errors"))
    })?;
    eprintln!("peak RSS {} KiB", peak_kib().unwrap_or_default());
    Ok(())
}

fn task() -> Result<Task, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().ok_or(USAGE);
    let (file, json, iterations) = (next()?, next()?, next()?);
    let mut task = Task {
        source: std::fs::read(file)?,
        overlay: None,
        transformation: serde_json::from_str(&json)?,
        iterations: iterations.parse()?,
        threads: 1,
        out: None,
    };
    while let Some(option) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match option.as_str() {
            "--threads" => task.threads = value.parse()?,
            "--out" => task.out = Some(value),
            "--overlay" => task.overlay = Some(std::fs::read(value)?),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(task)
}

fn run(task: &Task) -> Result<(), String> {
    let limits = Limits { max_memory_bytes: u64::MAX, ..Limits::default() };
    for iteration in 0..task.iterations {
        let (wall, cpu) = (Instant::now(), cpu_ms());
        let overlay = task.overlay.as_deref();
        let result = transform(&task.source, overlay, &task.transformation, &limits, &CancelToken::new())
            .map_err(|error| error.to_string())?;
        let (wall, cpu) = (wall.elapsed().as_secs_f64() * 1e3, cpu_ms() - cpu);
        println!("{wall:.3} {cpu:.3} {}", result.bytes.len());
        if let Some(out) = task.out.as_ref().filter(|_| iteration == 0) {
            std::fs::write(out, &result.bytes).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// CPU time of this thread in milliseconds.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    nanoseconds.unwrap_or(f64::NAN) / 1e6
}

/// The most memory that the process has held, in KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
