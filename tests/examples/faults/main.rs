//! What holds when things go wrong: `cargo xtask faults`.
//!
//! Each run starts a system of its own, lets clients ask and a scenario's faults happen, and checks every promise when it is
//! over. The table has one line for each scenario and form; a run that broke a promise is told with its seed and with
//! what its processes wrote, and makes this program fail.
//!
//! `--runs N` runs each scenario N times, `--seed S` sets where the first of them begins, `--only NAME` chooses one,
//! `--embedded` or `--distributed` chooses a form, `--at-once N` sets how many go on at the same time, `--logs FOLDER` says
//! where to write what processes of failed runs wrote.

mod options;
mod table;

use std::process::ExitCode;

use futures::StreamExt;
use futures::stream;
use pixmill_e2e::faults::{Outcome, Scenario, run};

use crate::options::Options;
use crate::table::Line;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut lines = Vec::new();
    for scenario in options.scenarios() {
        for form in options.forms(scenario) {
            let seeds = options.seed..options.seed + options.runs;
            let runs = stream::iter(seeds).map(|seed| one(scenario, form, seed));
            let mut line = Line::new(scenario.name, form);
            let mut outcomes = runs.buffer_unordered(options.at_once);
            while let Some(outcome) = outcomes.next().await {
                let (seed, outcome) = outcome;
                line.add(seed, outcome.as_ref());
                table::tell(scenario, form, seed, outcome.as_ref(), &options.logs)?;
            }
            lines.push(line);
        }
    }
    table::print(&lines)?;
    Ok(if lines.iter().all(Line::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One run; nothing comes of it if the harness itself failed, which has said why.
async fn one(
    scenario: &'static Scenario,
    form: pixmill_e2e::faults::Form,
    seed: u64,
) -> (u64, Option<Outcome>) {
    (seed, tokio::spawn(run(scenario, form, seed)).await.ok())
}
