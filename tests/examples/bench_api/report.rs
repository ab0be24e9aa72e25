//! The figures as a table for people and as JSON for programs.

use std::io::{self, Write};
use std::time::Duration;

use pixmill_e2e::{LoadReport, percentile};
use serde_json::{Value, json};

use crate::streams::{SOCKETS, Streams};
use crate::submissions::{CLIENTS, Submissions};
use crate::{CONNECTIONS, JOBS};

const AIM_RATIO: f64 = 0.60;
const AIM_SUBMISSIONS: f64 = 1000.0;
const AIM_P99_MS: f64 = 50.0;
const AIM_MEMORY_MIB: f64 = 500.0;

/// The server beside the bare handler, in answers per second, round by round.
pub(crate) struct Comparison {
    /// The length of the body.
    pub(crate) bytes: usize,
    pub(crate) bare: Vec<f64>,
    pub(crate) ours: Vec<f64>,
}

impl Comparison {
    /// Ratios are taken within rounds, because what else the machine does changes from round to round.
    fn ratio(&self) -> f64 {
        median(&self.ours.iter().zip(&self.bare).map(|(ours, bare)| ours / bare).collect::<Vec<_>>())
    }

    fn json(&self) -> Value {
        json!({
            "bytes": self.bytes, "barePerSecond": self.bare, "perSecond": self.ours,
            "bareMedian": median(&self.bare), "median": median(&self.ours), "ratio": self.ratio(),
        })
    }
}

/// Everything that was measured.
pub(crate) struct Figures {
    pub(crate) status: Comparison,
    pub(crate) image: Comparison,
    pub(crate) submissions: Submissions,
    pub(crate) under_load: LoadReport,
    pub(crate) streams: Streams,
}

impl Figures {
    /// The table, on standard output.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let rounds = self.status.ours.len();
        writeln!(
            out,
            "{rounds} rounds, {CONNECTIONS} connections, client and servers on {} processors",
            cores()
        )?;
        writeln!(out)?;
        rates(&mut out, &format!("bare handler, {} bytes", self.status.bytes), &self.status.bare)?;
        rates(&mut out, "status polls", &self.status.ours)?;
        rates(&mut out, &format!("bare handler, {} bytes", self.image.bytes), &self.image.bare)?;
        rates(&mut out, "cached results", &self.image.ours)?;
        rates(&mut out, &format!("submissions, {CLIENTS} clients"), &self.submissions.rates)?;
        writeln!(out)?;
        for (what, value, aim, at_least) in self.aims() {
            let met = if at_least { value >= aim } else { value <= aim };
            let (bound, verdict) =
                (if at_least { "at least" } else { "at most" }, if met { "met" } else { "MISSED" });
            writeln!(out, "{what:<44} {value:>10.2}   aim: {bound} {aim:.2}, {verdict}")?;
        }
        let (latencies, polls) = (&self.submissions.latencies, &self.under_load.polls);
        writeln!(out, "{:<44} {:>10.2}", "submission, p50, ms", ms(percentile(latencies, 0.5)))?;
        writeln!(out, "{:<44} {:>10.2}", "submission, p99, ms", ms(percentile(latencies, 0.99)))?;
        writeln!(out, "{:<44} {:>10.2}", "poll under load, p50, ms", ms(percentile(polls, 0.5)))?;
        writeln!(out, "{:<44} {:>10.2}", format!("{JOBS} jobs, s"), self.under_load.took.as_secs_f64())?;
        let Streams { bytes_each, alone, beside } = &self.streams;
        writeln!(
            out,
            "{:<44} {:>10.2}",
            format!("memory for each of {SOCKETS} WebSockets, KiB"),
            bytes_each / 1024.0
        )?;
        for (what, polls) in [("alone", alone), ("beside them", beside)] {
            for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
                let what = format!("poll {what}, {name}, ms");
                writeln!(out, "{what:<44} {:>10.2}", ms(percentile(polls, share)))?;
            }
        }
        Ok(())
    }

    /// What is aimed at: name, value, aim, and whether more is better.
    fn aims(&self) -> [(String, f64, f64, bool); 6] {
        let load = &self.under_load;
        [
            ("status polls / bare handler".to_owned(), self.status.ratio(), AIM_RATIO, true),
            ("cached results / bare handler".to_owned(), self.image.ratio(), AIM_RATIO, true),
            (
                "durable submissions per second".to_owned(),
                median(&self.submissions.rates),
                AIM_SUBMISSIONS,
                true,
            ),
            (format!("jobs completed of {JOBS}"), load.completed as f64, JOBS as f64, true),
            (
                format!("poll while {JOBS} jobs run, p99, ms"),
                ms(percentile(&load.polls, 0.99)),
                AIM_P99_MS,
                false,
            ),
            (
                "peak memory, server and children, MiB".to_owned(),
                mib(load.peak_memory),
                AIM_MEMORY_MIB,
                false,
            ),
        ]
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let (latencies, load) = (&self.submissions.latencies, &self.under_load);
        json!({
            "processors": cores(),
            "connections": CONNECTIONS,
            "status": self.status.json(),
            "cachedResult": self.image.json(),
            "submissions": {
                "clients": CLIENTS,
                "perSecond": self.submissions.rates,
                "median": median(&self.submissions.rates),
                "p50Ms": ms(percentile(latencies, 0.5)),
                "p99Ms": ms(percentile(latencies, 0.99)),
            },
            "underLoad": {
                "jobs": load.jobs,
                "completed": load.completed,
                "seconds": load.took.as_secs_f64(),
                "polls": load.polls.len(),
                "pollP50Ms": ms(percentile(&load.polls, 0.5)),
                "pollP99Ms": ms(percentile(&load.polls, 0.99)),
                "peakMemoryMib": mib(load.peak_memory),
            },
            "streams": {
                "webSockets": SOCKETS,
                "bytesEach": self.streams.bytes_each,
                "pollAloneP50Ms": ms(percentile(&self.streams.alone, 0.5)),
                "pollAloneP99Ms": ms(percentile(&self.streams.alone, 0.99)),
                "pollBesideP50Ms": ms(percentile(&self.streams.beside, 0.5)),
                "pollBesideP99Ms": ms(percentile(&self.streams.beside, 0.99)),
            },
        })
    }
}

fn rates(out: &mut impl Write, what: &str, rates: &[f64]) -> io::Result<()> {
    let rounds: Vec<String> = rates.iter().map(|rate| format!("{rate:>8.0}")).collect();
    writeln!(out, "{what:<28} per second {}   median {:>8.0}", rounds.join(" "), median(rates))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
