//! What holds when things go wrong: `cargo xtask faults`.
//!
//! Each run starts a system of its own, lets clients ask and a scenario's faults happen, and checks every promise when it is
//! over. The table has one line for each scenario and form; a run that broke a promise is told with its seed and with
//! what its processes wrote, and makes this program fail.
//!
//! `--runs N` runs each scenario N times, `--seed S` sets where the first of them begins, `--only NAMES` chooses some,
//! `--embedded` or `--distributed` chooses a form, `--at-once N` sets how many runs go on at the same time, whichever
//! scenario they are of, `--scale N` lets there be N times as many of what is counted, `--logs FOLDER` says where to write what processes of
//! failed runs wrote.
//!
//! Runs wait for most of their time, so several at once cost little; but they share the machine, and the table says so:
//! times to recovery are those with so many at once.

mod options;
mod table;

use std::process::ExitCode;

use futures::{StreamExt, stream};
use pixmill_e2e::faults::run;

use crate::options::Options;
use crate::table::Line;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut lines = Vec::new();
    let mut runs = Vec::new();
    for scenario in options.scenarios() {
        for form in options.forms(scenario) {
            for seed in options.seed..options.seed + options.runs {
                runs.push((lines.len(), scenario, form, seed));
            }
            lines.push(Line::new(scenario.name, form));
        }
    }
    let scale = options.scale;
    let runs = stream::iter(runs).map(|(line, scenario, form, seed)| async move {
        // Nothing comes of it if the harness itself failed, which has said why.
        (line, scenario, form, seed, tokio::spawn(run(scenario, form, seed, scale)).await.ok())
    });
    let mut outcomes = runs.buffer_unordered(options.at_once);
    while let Some((line, scenario, form, seed, outcome)) = outcomes.next().await {
        lines[line].add(seed, outcome.as_ref());
        table::tell(scenario, form, seed, outcome.as_ref(), &options.logs)?;
    }
    table::print(&lines, options.at_once)?;
    Ok(if lines.iter().all(Line::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
