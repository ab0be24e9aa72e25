//! Jobs. Each change loads the job, applies the core's transition and stores it, in one operation of the writer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Accepted, Cancellation, Clock, JobMessage, Jobs, Page, PageRequest, PortError};
use pixmill::{
    Claim, ClaimTerms, Derivation, ImageId, Job, JobId, JobState, JobStatus, LeaseToken, Outcome, Timestamp,
    UserId,
};
use rusqlite::Connection;

use crate::backlog::Backlog;
use crate::columns::row_limit;
use crate::database::Database;
use crate::job_cache::JobCache;
use crate::writer::Durability::{self, Durable, Relaxed};
use crate::{job_rows, queue_rows};

/// How many jobs are forgotten in one transaction.
const PORTION: usize = 500;

/// The jobs in the database.
#[derive(Clone)]
pub struct SqliteJobs {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    cache: Arc<JobCache>,
    /// The queue that jobs enter when they are accepted, if it is this store's.
    backlog: Option<Arc<Backlog>>,
}

impl SqliteJobs {
    pub(crate) fn new(
        database: Arc<Database>,
        clock: Arc<dyn Clock>,
        cache: Arc<JobCache>,
        backlog: Option<Arc<Backlog>>,
    ) -> Self {
        Self { database, clock, cache, backlog }
    }

    /// Applies `transition`, which says whether it changed the job and what to answer; none if there is no job.
    async fn change<T: Send + 'static>(
        &self,
        operation: &'static str,
        durability: Durability,
        id: JobId,
        transition: impl FnOnce(&mut Job, Timestamp) -> (bool, T) + Send + 'static,
    ) -> Result<Option<T>, PortError> {
        let (clock, cache) = (Arc::clone(&self.clock), Arc::clone(&self.cache));
        let body = move |connection: &Connection| {
            let Some(mut job) = job_rows::load(connection, id)? else { return Ok(None) };
            let (changed, answer) = transition(&mut job, clock.now());
            if changed {
                job_rows::update(connection, &job)?;
            }
            Ok(Some((job, answer)))
        };
        let committed = move |found: Option<(Job, T)>| {
            found.map(|(job, answer)| {
                cache.put(job);
                answer
            })
        };
        self.database.write(operation, durability, body, committed).await
    }

    async fn find(&self, operation: &'static str, id: JobId) -> Result<Option<Arc<Job>>, PortError> {
        if let Some(job) = self.cache.get(id) {
            return Ok(Some(job));
        }
        let job = self.database.read(operation, move |connection| job_rows::load(connection, id)).await?;
        Ok(job.map(Arc::new))
    }
}

#[async_trait]
impl Jobs for SqliteJobs {
    async fn accept(&self, mut job: Job) -> Result<Accepted, PortError> {
        let (clock, cache, backlog) =
            (Arc::clone(&self.clock), Arc::clone(&self.cache), self.backlog.clone());
        let enqueue = backlog.is_some();
        job.unpublished &= !enqueue;
        let body = move |connection: &Connection| {
            if !job_rows::insert(connection, &job)? {
                let stored = job_rows::load(connection, job.id)?;
                return Ok((stored.unwrap_or(job), None));
            }
            let entry = if let (true, JobState::Queued { not_before }) = (enqueue, &job.state) {
                let available_at = clock.now().max(*not_before);
                Some(queue_rows::upsert(connection, JobMessage::new(job.id), available_at)?)
            } else {
                None
            };
            Ok((job, entry))
        };
        let committed = move |(job, entry): (Job, Option<queue_rows::Entry>)| {
            let accepted = if job.unpublished { Accepted::Unpublished } else { Accepted::Enqueued };
            cache.put(job);
            if let (Some(backlog), Some(entry)) = (backlog, entry) {
                backlog.put(entry);
            }
            accepted
        };
        self.database.write("jobs.accept", Durable, body, committed).await
    }

    async fn published(&self, id: JobId) -> Result<(), PortError> {
        let note = |job: &mut Job, _| (std::mem::take(&mut job.unpublished), ());
        self.change("jobs.published", Relaxed, id, note).await.map(Option::unwrap_or_default)
    }

    async fn get(&self, owner: UserId, id: JobId) -> Result<Option<Job>, PortError> {
        let job = self.find("jobs.get", id).await?;
        Ok(job.filter(|job| job.owner == owner).map(Arc::unwrap_or_clone))
    }

    async fn load(&self, id: JobId) -> Result<Option<Job>, PortError> {
        Ok(self.find("jobs.load", id).await?.map(Arc::unwrap_or_clone))
    }

    async fn list(
        &self,
        owner: Option<UserId>,
        status: Option<JobStatus>,
        page: PageRequest<JobId>,
    ) -> Result<Page<Job>, PortError> {
        self.database
            .read("jobs.list", move |connection| {
                let mut items = job_rows::list(connection, owner, status, page)?;
                let more = items.len() > page.limit;
                items.truncate(page.limit);
                Ok(Page { items, more })
            })
            .await
    }

    async fn count_open(&self, owner: UserId) -> Result<u64, PortError> {
        self.database.read("jobs.count_open", move |connection| job_rows::count_open(connection, owner)).await
    }

    async fn claim(&self, id: JobId, terms: ClaimTerms) -> Result<Claim, PortError> {
        let claim = move |job: &mut Job, now| {
            let claim = job.claim(now, terms);
            (matches!(claim, Claim::Claimed(..) | Claim::Exhausted(_)), claim)
        };
        let claim = self.change("jobs.claim", Relaxed, id, claim).await?;
        Ok(claim.unwrap_or(Claim::Unknown))
    }

    async fn renew(&self, id: JobId, token: LeaseToken, ttl: Duration) -> Result<bool, PortError> {
        let renew = move |job: &mut Job, now| {
            let held = job.renew(now, token, ttl);
            (held, held)
        };
        self.change("jobs.renew", Relaxed, id, renew).await.map(Option::unwrap_or_default)
    }

    async fn finish(&self, id: JobId, token: LeaseToken, outcome: Outcome) -> Result<bool, PortError> {
        let finish = move |job: &mut Job, now| {
            let held = job.finish(now, token, outcome);
            (held, held)
        };
        self.change("jobs.finish", Durable, id, finish).await.map(Option::unwrap_or_default)
    }

    async fn cancel(&self, owner: UserId, id: JobId) -> Result<Cancellation, PortError> {
        let cancel = move |job: &mut Job, now| {
            let cancellation = Cancellation::of(job, owner, now);
            (matches!(cancellation, Cancellation::Cancelled(_)), cancellation)
        };
        let cancellation = self.change("jobs.cancel", Durable, id, cancel).await?;
        Ok(cancellation.unwrap_or(Cancellation::Unknown))
    }

    async fn cancel_all(&self, image: ImageId) -> Result<Vec<Job>, PortError> {
        let (clock, cache) = (Arc::clone(&self.clock), Arc::clone(&self.cache));
        let body = move |connection: &Connection| {
            let mut jobs = job_rows::open_on_image(connection, image)?;
            for job in &mut jobs {
                job.cancel(clock.now());
                job_rows::update(connection, job)?;
            }
            Ok(jobs)
        };
        let committed = move |jobs: Vec<Job>| {
            for job in &jobs {
                cache.put(job.clone());
            }
            jobs
        };
        self.database.write("jobs.cancel_all", Durable, body, committed).await
    }

    async fn find_result(
        &self,
        derivation: Derivation,
        for_at_least: Duration,
    ) -> Result<Option<Job>, PortError> {
        let until = self.clock.now() + for_at_least;
        self.database
            .read("jobs.find_result", move |connection| job_rows::find_result(connection, &derivation, until))
            .await
    }

    async fn due_unpublished(&self, older_than: Duration, limit: usize) -> Result<Vec<JobId>, PortError> {
        let now = self.clock.now();
        self.database
            .read("jobs.due_unpublished", move |connection| {
                job_rows::due_unpublished(connection, now - older_than, now, row_limit(limit))
            })
            .await
    }

    async fn due_output_removals(&self, limit: usize) -> Result<Vec<Job>, PortError> {
        let now = self.clock.now();
        self.database
            .read("jobs.due_output_removals", move |connection| {
                job_rows::due_removals(connection, now, row_limit(limit))
            })
            .await
    }

    async fn output_removed(&self, id: JobId) -> Result<(), PortError> {
        let (clock, cache) = (Arc::clone(&self.clock), Arc::clone(&self.cache));
        let body = move |connection: &Connection| {
            let Some(mut job) = job_rows::load(connection, id)? else { return Ok(None) };
            let now = clock.now();
            // What is gone before its time is expired from now on.
            if job.output(now).is_some() {
                job.remove_output_at = Some(now);
                job_rows::update(connection, &job)?;
            }
            job_rows::clear_removal(connection, id)?;
            Ok(Some(job))
        };
        let committed = move |job: Option<Job>| job.map_or((), |job| cache.put(job));
        // Durable for the same reason as the purge of an image.
        self.database.write("jobs.output_removed", Durable, body, committed).await
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        // In portions, so that others who write are let in between.
        loop {
            let cache = Arc::clone(&self.cache);
            let delete = move |connection: &Connection| job_rows::forget(connection, owner, PORTION);
            let committed = move |forgotten: Vec<JobId>| {
                for id in &forgotten {
                    cache.remove(*id);
                }
                forgotten.len()
            };
            if self.database.write("jobs.forget", Durable, delete, committed).await? < PORTION {
                return Ok(());
            }
        }
    }
}
