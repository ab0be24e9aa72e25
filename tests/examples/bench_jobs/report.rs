//! The figures, for people and for programs.

use std::io::{self, Write};
use std::time::Duration;

use pixmill_e2e::percentile;
use serde_json::{Value, json};

use crate::rounds::Times;

/// One kind of job on one system.
pub(crate) struct Line {
    form: &'static str,
    workers: usize,
    job: String,
    count: usize,
    per_second: f64,
    median: Duration,
    slowest_in_a_hundred: Duration,
}

impl Line {
    pub(crate) fn new(distributed: bool, workers: usize, job: &str, times: Times) -> Self {
        let Times { mut jobs, together } = times;
        jobs.sort_unstable();
        Self {
            form: if distributed { "distributed" } else { "embedded" },
            workers,
            job: job.to_owned(),
            count: jobs.len(),
            per_second: jobs.len() as f64 / together.as_secs_f64(),
            median: percentile(&jobs, 0.5),
            slowest_in_a_hundred: percentile(&jobs, 0.99),
        }
    }
}

pub(crate) fn print(lines: &[Line]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "form         workers  job            jobs    jobs/s     p50 ms     p99 ms")?;
    for Line { form, workers, job, count, per_second, median, slowest_in_a_hundred } in lines {
        let (median, slowest) = (millis(*median), millis(*slowest_in_a_hundred));
        writeln!(
            out,
            "{form:<12} {workers:>7}  {job:<12} {count:>6} {per_second:>9.1} {median:>10.1} {slowest:>10.1}"
        )?;
    }
    Ok(())
}

pub(crate) fn json(lines: &[Line]) -> Value {
    let line = |line: &Line| {
        json!({
            "form": line.form,
            "workers": line.workers,
            "job": line.job,
            "jobs": line.count,
            "jobsPerSecond": line.per_second,
            "p50Ms": millis(line.median),
            "p99Ms": millis(line.slowest_in_a_hundred),
        })
    };
    lines.iter().map(line).collect()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
