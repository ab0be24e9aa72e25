//! Finishing what was interrupted: jobs that the queue does not know of, uploads that never ended, deletions cut
//! short, results whose time has passed. Every step is safe to repeat and to run in several processes at once.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{self, Either};

use crate::accounts::Accounts;
use crate::job::Job;
use crate::library::Library;
use crate::outbox::{publish, release};
use crate::ports::{PortError, Retry};
use crate::process::remove_output;
use crate::services::Ports;
use crate::settings::Settings;

/// Looks for unfinished business at regular times.
#[derive(Clone)]
pub struct Sweeper {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    library: Library,
    accounts: Accounts,
}

/// What one sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Jobs handed to the queue.
    pub published: usize,
    /// Images of which everything is removed.
    pub images: usize,
    /// Outputs of jobs removed.
    pub outputs: usize,
    /// Deleted users forgotten.
    pub users: usize,
    /// Idempotency keys forgotten.
    pub keys: usize,
    /// Ended jobs forgotten.
    pub jobs: usize,
}

/// How much one look takes on, so that a long backlog does not hold up the rest.
const BATCH: usize = 500;

impl Sweeper {
    pub(crate) fn new(
        ports: Arc<Ports>,
        settings: Arc<Settings>,
        library: Library,
        accounts: Accounts,
    ) -> Self {
        Self { ports, settings, library, accounts }
    }

    /// Sweeps now, and again after each interval, until `stop` is done.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            match self.sweep().await {
                Ok(swept) if swept == Swept::default() => {}
                Ok(Swept { published, images, outputs, users, keys, jobs }) => {
                    tracing::info!(published, images, outputs, users, keys, jobs, "swept");
                }
                Err(error) => tracing::warn!(%error, "sweep not finished"),
            }
            let pause = self.ports.clock.sleep(self.settings.sweep_interval);
            if let Either::Left(_) = future::select(stop.as_mut(), pause).await {
                return;
            }
        }
    }

    /// Looks once. What goes wrong with one kind of business keeps the others waiting only if it may be better the next time, as
    /// when a system is away.
    pub async fn sweep(&self) -> Result<Swept, PortError> {
        let mut wrong = None;
        let mut done = |step: Result<usize, PortError>| match step {
            Err(error) if error.retry() == Retry::Never => {
                wrong.get_or_insert(error);
                Ok(0)
            }
            step => step,
        };
        let swept = Swept {
            published: done(release(&self.ports, &self.settings, None).await)?
                + done(self.publish_forgotten().await)?,
            images: done(self.remove_images().await)?,
            outputs: done(self.remove_outputs().await)?,
            users: done(self.remove_users().await)?,
            keys: done(self.ports.once_keys.purge(BATCH).await)?,
            jobs: done(self.ports.jobs.expire(self.settings.job_retention, BATCH).await)?,
        };
        wrong.map_or(Ok(swept), Err)
    }

    async fn publish_forgotten(&self) -> Result<usize, PortError> {
        let due = self.ports.jobs.due_unpublished(self.settings.sweep_interval, BATCH).await?;
        for job in &due {
            publish(&self.ports, *job).await?;
        }
        Ok(due.len())
    }

    async fn remove_images(&self) -> Result<usize, PortError> {
        let due = self.ports.images.due_removals(BATCH).await?;
        for image in &due {
            self.library.clear(*image).await?;
            self.ports.images.purge(*image).await?;
        }
        Ok(due.len())
    }

    async fn remove_outputs(&self) -> Result<usize, PortError> {
        let due = self.ports.jobs.due_output_removals(BATCH).await?;
        for job in &due {
            // Another process may have been here since.
            let now = self.ports.jobs.load(job.id).await?;
            let still = |now: Job| now.generation() == job.generation() && now.remove_output_at.is_some();
            if now.is_some_and(still) {
                remove_output(&self.ports, job).await?;
                self.ports.jobs.output_removed(job.id, job.generation()).await?;
            }
        }
        Ok(due.len())
    }

    async fn remove_users(&self) -> Result<usize, PortError> {
        let mut purged = 0;
        for user in self.ports.users.deleted(BATCH).await? {
            self.accounts.clear(user.id).await?;
            if user.due {
                self.ports.users.purge(user.id).await?;
                purged += 1;
            }
        }
        Ok(purged)
    }
}
