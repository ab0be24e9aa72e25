//! The parts of a process that run beside each other, until a signal ends them in order.

use std::future::Future;
use std::io;
use std::time::Duration;

use pixmill::{Sweeper, Worker};
use tokio::task::JoinSet;

use crate::error::StartError;
use crate::probe::{self, Probe};
use crate::shutdown::{Shutdown, signalled};

/// Tasks that end when the process is told to stop.
pub(crate) struct Lifetime {
    shutdown: Shutdown,
    tasks: JoinSet<io::Result<()>>,
}

impl Lifetime {
    pub(crate) fn new() -> Self {
        Self { shutdown: Shutdown::new(), tasks: JoinSet::new() }
    }

    /// Runs a part, which hears from its argument when to stop and must not end before.
    pub(crate) fn run<P>(&mut self, part: impl FnOnce(Shutdown) -> P)
    where
        P: Future<Output = io::Result<()>> + Send + 'static,
    {
        self.tasks.spawn(part(self.shutdown.clone()));
    }

    /// Works on jobs.
    pub(crate) fn run_worker(&mut self, worker: Worker) {
        self.run(|stop| async move {
            worker.run(stop.begun()).await;
            Ok(())
        });
    }

    /// Finishes what was interrupted.
    pub(crate) fn run_sweeper(&mut self, sweeper: Sweeper) {
        self.run(|stop| async move {
            sweeper.run(stop.begun()).await;
            Ok(())
        });
    }

    /// Asks other systems whether they are there, and tells `missing` each time which are away that nothing goes without.
    pub(crate) fn run_probes(
        &mut self,
        probes: Vec<Probe>,
        missing: impl Fn(Vec<&'static str>) + Send + 'static,
    ) {
        self.run(|stop| async move {
            tokio::select! { () = stop.begun() => {}, () = probe::watch(probes, missing) => {} }
            Ok(())
        });
    }

    /// Waits for SIGTERM or SIGINT, calls `stopping`, tells all parts, and gives them the grace to finish.
    ///
    /// # Errors
    /// If a part ended by itself.
    pub(crate) async fn until_signalled(
        mut self,
        grace: Duration,
        stopping: impl FnOnce(),
    ) -> Result<(), StartError> {
        let ended = tokio::select! {
            signal = signalled() => {
                let signal = signal.map_err(|source| StartError::System { what: "signals", source })?;
                tracing::info!(signal, grace_secs = grace.as_secs(), "stopping");
                Ok(())
            }
            // None of them ends before it is told to, unless something is badly wrong.
            Some(ended) = self.tasks.join_next() => ended.map_err(io::Error::from).flatten().map_err(StartError::Server),
        };
        stopping();
        self.shutdown.begin();
        wind_up(self.tasks, grace).await;
        ended
    }
}

/// Waits for the tasks, but not for longer than `grace`, nor after a second signal. Work that is cut off goes on
/// at the next start.
async fn wind_up(mut tasks: JoinSet<io::Result<()>>, grace: Duration) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended.map_err(io::Error::from).flatten() {
                tracing::error!(%error, "a part of the server failed while stopping");
            }
        }
    };
    tokio::select! {
        () = all => {}
        () = tokio::time::sleep(grace) => tracing::warn!("grace is over; unfinished jobs go on later"),
        _ = signalled() => tracing::warn!("stopping at once; unfinished jobs go on later"),
    }
}
