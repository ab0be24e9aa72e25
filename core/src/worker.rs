//! The loop that turns deliveries into attempts, several at a time. It needs no runtime: all attempts are
//! futures of one task, and the work itself runs behind the `Processor` port.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{FutureExt, OptionFuture};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::ports::Delivery;
use crate::process::Process;
use crate::services::Ports;
use crate::settings::Settings;

/// Runs jobs.
#[derive(Clone)]
pub struct Worker {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    process: Process,
}

/// How long to wait after the queue or a repository failed.
const PAUSE: Duration = Duration::from_secs(1);

impl Worker {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>, process: Process) -> Self {
        Self { ports, settings, process }
    }

    /// What runs one attempt.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Takes jobs until `stop` is done, then finishes those that it has begun. Dropping the future gives them
    /// up: their messages go back to the queue, and their leases run out.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop.fuse());
        let mut attempts = FuturesUnordered::new();
        loop {
            let free = attempts.len() < self.settings.worker_concurrency;
            let mut next = pin!(OptionFuture::from(free.then(|| self.receive())).fuse());
            futures::select_biased! {
                () = stop => break,
                () = attempts.select_next_some() => {}
                delivery = next => match delivery {
                    Some(delivery) => attempts.push(self.attempt(delivery)),
                    // All slots are taken: only an attempt that ends, or the stop, leads on.
                    None => futures::select_biased! {
                        () = stop => break,
                        () = attempts.select_next_some() => {}
                    },
                },
            }
        }
        while attempts.next().await.is_some() {}
    }

    async fn receive(&self) -> Box<dyn Delivery> {
        loop {
            match self.ports.queue.receive().await {
                Ok(delivery) => return delivery,
                Err(error) => {
                    tracing::warn!(%error, "nothing received from the queue");
                    self.ports.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    async fn attempt(&self, delivery: Box<dyn Delivery>) {
        if let Err(error) = self.process.run(delivery).await {
            tracing::warn!(%error, "attempt given up; the job will be taken up again");
            self.ports.clock.sleep(PAUSE).await;
        }
    }
}
