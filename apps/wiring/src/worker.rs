//! Running a worker: jobs that servers have accepted, and the sweeper.

use std::io::{self, Write};

use pixmill::WorkerServices;

use crate::assembly::{self, Assembly};
use crate::config::WorkerConfig;
use crate::error::StartError;
use crate::lifetime::Lifetime;
use crate::{runtime, telemetry};

/// Works on jobs until SIGTERM or SIGINT.
///
/// # Errors
/// If the worker can't be started, with what would help; or if it stops by itself.
pub fn work(config: WorkerConfig) -> Result<(), StartError> {
    config.check().map_err(StartError::Setting)?;
    telemetry::start(config.log_format);
    runtime()?.block_on(run(config))
}

/// Says whether everything that a worker needs can be reached with these settings, system by system.
///
/// # Errors
/// If something can't.
pub fn check_worker(config: &WorkerConfig) -> Result<(), StartError> {
    config.check().map_err(StartError::Setting)?;
    let answers = runtime()?.block_on(assembly::reach(config))?;
    for (system, answer) in answers {
        answer?;
        writeln!(io::stdout(), "{system} answers").map_err(StartError::Output)?;
    }
    Ok(())
}

async fn run(config: WorkerConfig) -> Result<(), StartError> {
    let Assembly { ports, probes, children } = assembly::of_worker(&config).await?;
    let WorkerServices { worker, sweeper } = WorkerServices::new(ports, config.settings());
    let mut lifetime = Lifetime::new();
    lifetime.run_worker(worker);
    lifetime.run_sweeper(sweeper);
    lifetime.run_probes(probes, |_| {});
    greet(&config).map_err(StartError::Output)?;

    let ended = lifetime.until_signalled(config.grace(), || {}).await;
    if let Some(children) = children {
        children.shutdown().await;
    }
    tracing::info!("stopped");
    ended
}

/// Tells the person at the terminal that the worker waits for jobs.
fn greet(config: &WorkerConfig) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Pixmill is working on up to {} jobs at once", config.slots())?;
    for (what, place) in config.systems.places() {
        writeln!(out, "  {what:<18} {place}")?;
    }
    out.flush()
}
