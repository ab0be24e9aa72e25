//! Noting that jobs are with the queue: many with one write, a moment later. Most jobs are with a worker by then, and have
//! nothing left to note. What a process did not come to note is published once more by the sweeper, which does no harm.
//! Nor does a note that comes when another process has queued the job again: that process has the job's message in its hands
//! until the queue has the next one.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use pixmill::ports::PortError;
use pixmill::{JobStatus, QUEUE_PATIENCE};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::JobRecord;
use crate::documents::{Documents, millis};

const OPERATION: &str = "jobs.published";
/// How long jobs are gathered: far less than a sweeper waits for them.
const GATHER: Duration = Duration::from_millis(100);

/// Jobs that are with the queue, and the task that notes it.
#[derive(Debug)]
pub(super) struct Published {
    gathered: Arc<Gathered>,
    noting: JoinHandle<()>,
}

#[derive(Debug)]
struct Gathered {
    jobs: Arc<Documents<JobRecord>>,
    ids: Mutex<Vec<ObjectId>>,
    /// Held while a note is on its way.
    noting: tokio::sync::Mutex<()>,
    news: Notify,
}

impl Published {
    pub(super) fn start(jobs: Arc<Documents<JobRecord>>) -> Self {
        let (ids, noting, news) = Default::default();
        let gathered = Arc::new(Gathered { jobs, ids, noting, news });
        let noting = tokio::spawn(note_now_and_then(gathered.clone()));
        Self { gathered, noting }
    }

    pub(super) fn add(&self, id: ObjectId) {
        self.gathered.ids().push(id);
        self.gathered.news.notify_one();
    }

    /// Notes nothing more of a job that is about to be queued again.
    pub(super) async fn forget(&self, id: ObjectId) {
        self.gathered.ids().retain(|gathered| *gathered != id);
        drop(self.gathered.noting.lock().await);
    }

    /// Notes what is gathered.
    pub(super) async fn note(&self) -> Result<(), PortError> {
        self.gathered.note().await
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.noting.abort();
    }
}

async fn note_now_and_then(gathered: Arc<Gathered>) {
    loop {
        gathered.news.notified().await;
        tokio::time::sleep(GATHER).await;
        if let Err(error) = gathered.note().await {
            tracing::debug!(%error, "jobs that the queue has may be published once more");
        }
    }
}

impl Gathered {
    fn ids(&self) -> MutexGuard<'_, Vec<ObjectId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn note(&self) -> Result<(), PortError> {
        let _noting = self.noting.lock().await;
        let ids = mem::take(&mut *self.ids());
        if ids.is_empty() {
            return Ok(());
        }
        // Beside the record: no worker that takes one of them shall have to wait.
        let waiting = doc! { "_id": { "$in": ids }, "status": JobStatus::Queued.name(), "held": false };
        let now = self.jobs.now(OPERATION).await?;
        // As `Job::stale_since` has it for a job that has just come.
        let stale_since = millis(now + QUEUE_PATIENCE);
        let fields = doc! { "publishedAt": millis(now), "staleSince": stale_since };
        self.jobs.note(OPERATION, waiting, fields).await
    }
}
