//! Five hundred small transformations at once, and what that costs: `cargo run -p pixmill-e2e --example load`.
//! The exit code says whether every job completed and both aims are met.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use pixmill_e2e::{Server, load, percentile};

const JOBS: usize = 500;
const AIM_P99: Duration = Duration::from_millis(50);
const AIM_MEMORY: u64 = 500 << 20;

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let server = Server::start(&[("RATE_LIMIT_REQUESTS", "0"), ("RUST_LOG", "warn")]).await;
    let client = server.user("anna").await;
    let report = load(&server, &client, JOBS).await;
    let p99 = percentile(&report.polls, 0.99);
    let mut out = io::stdout().lock();
    writeln!(out, "jobs completed      {} of {} in {:.1?}", report.completed, report.jobs, report.took)?;
    writeln!(
        out,
        "status polls, p99   {p99:.1?} of {} polls (aim: at most {AIM_P99:?})",
        report.polls.len()
    )?;
    let megabytes = |bytes: u64| bytes >> 20;
    let (peak, aim) = (megabytes(report.peak_memory), megabytes(AIM_MEMORY));
    writeln!(out, "peak memory         {peak} MiB, server and children (aim: under {aim} MiB)")?;
    let met = report.completed == JOBS && p99 <= AIM_P99 && report.peak_memory < AIM_MEMORY;
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
