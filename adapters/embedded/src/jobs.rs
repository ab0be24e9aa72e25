//! Jobs. Each change loads the job, applies the core's transition and stores it, in one operation of the writer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Accepted, Cancellation, Clock, Jobs, Page, PageRequest, PortError, Precedent};
use pixmill::{
    Batch, Claim, ClaimTerms, ImageId, Job, JobId, JobStatus, LeaseToken, Outcome, Timestamp, UserId,
};
use rusqlite::Connection;

use crate::backlog::Backlog;
use crate::columns::row_limit;
use crate::database::Database;
use crate::error::{DatabaseError, OpenError};
use crate::job_cache::JobCache;
use crate::release::{self, Released};
use crate::writer::Durability::{self, Durable, Relaxed};
use crate::{accept, job_rows};

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
    /// Another process has the data folder, and keeps jobs in memory: here they can be read and no more.
    beside: bool,
}

impl SqliteJobs {
    pub(crate) fn new(
        database: Arc<Database>,
        clock: Arc<dyn Clock>,
        cache: Arc<JobCache>,
        backlog: Option<Arc<Backlog>>,
    ) -> Self {
        Self { database, clock, cache, backlog, beside: false }
    }

    /// Opens the jobs of a data folder alone, also while a server runs on it. Then [`Jobs::redrive`] is done by the server
    /// at its next sweep, and nothing else may be changed.
    ///
    /// # Errors
    /// If the folder can't be used, or belongs to another version of Pixmill.
    pub fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let (database, beside) = Database::for_a_command(data_dir, clock.as_ref())?;
        // What is kept in memory would soon be out of date.
        let cache = Arc::new(JobCache::new(0));
        Ok(Self { database: Arc::new(database), clock, cache, backlog: None, beside })
    }

    /// Applies `transition`, which says whether it changed the job and what to answer; none if there is no job.
    async fn change<T: Send + 'static>(
        &self,
        operation: &'static str,
        durability: Durability,
        id: JobId,
        transition: impl FnOnce(&mut Job, Timestamp) -> (bool, T) + Send + 'static,
    ) -> Result<Option<T>, PortError> {
        let clock = Arc::clone(&self.clock);
        let body = move |connection: &Connection, memory: &JobCache| {
            let Some(mut job) = job_rows::load(connection, id)? else { return Ok(None) };
            let (changed, answer) = transition(&mut job, clock.now());
            if changed {
                job_rows::update(connection, memory, &job)?;
            }
            Ok(Some((job, answer)))
        };
        let committed = |found: Option<(Job, T)>, memory: &JobCache| {
            found.map(|(job, answer)| {
                memory.put(job);
                answer
            })
        };
        self.write(operation, durability, body, committed).await
    }

    /// [`Database::write`], with the jobs in memory at hand.
    async fn write<T: Send + 'static, R: Send + 'static>(
        &self,
        operation: &'static str,
        durability: Durability,
        body: impl FnOnce(&Connection, &JobCache) -> Result<T, DatabaseError> + Send + 'static,
        committed: impl FnOnce(T, &JobCache) -> R + Send + 'static,
    ) -> Result<R, PortError> {
        let (before, after) = (Arc::clone(&self.cache), Arc::clone(&self.cache));
        let body = move |connection: &Connection| body(connection, &before);
        self.database.write(operation, durability, body, move |result| committed(result, &after)).await
    }

    /// Deletes jobs and says how many.
    async fn forgotten(
        &self,
        operation: &'static str,
        delete: impl FnOnce(&Connection) -> Result<Vec<JobId>, DatabaseError> + Send + 'static,
    ) -> Result<usize, PortError> {
        let body = move |connection: &Connection, memory: &JobCache| {
            let forgotten = delete(connection)?;
            for id in &forgotten {
                memory.remove(*id);
            }
            Ok(forgotten)
        };
        let committed = |forgotten: Vec<JobId>, memory: &JobCache| {
            // Once more, for what has changed in the same commit was put in after it.
            for id in &forgotten {
                memory.remove(*id);
            }
            forgotten.len()
        };
        self.write(operation, Durable, body, committed).await
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
    async fn accept(&self, jobs: Vec<Job>, share: usize) -> Result<Vec<Accepted>, PortError> {
        let (clock, backlog) = (Arc::clone(&self.clock), self.backlog.clone());
        let enqueue = backlog.is_some();
        let body = move |connection: &Connection, _: &JobCache| {
            accept::accept(connection, jobs, share, clock.now(), enqueue)
        };
        let committed = move |accepted: Vec<accept::Stored>, memory: &JobCache| {
            let answers = accepted.iter().map(accept::Stored::answer).collect();
            for accept::Stored { job, entry, .. } in accepted {
                memory.put(job);
                if let (Some(backlog), Some(entry)) = (&backlog, entry) {
                    backlog.put(entry);
                }
            }
            answers
        };
        self.write("jobs.accept", Durable, body, committed).await
    }

    async fn release(
        &self,
        owner: Option<UserId>,
        share: usize,
        limit: usize,
    ) -> Result<Vec<JobId>, PortError> {
        const OPERATION: &str = "jobs.release";
        if !self.database.read(OPERATION, move |connection| release::any(connection, owner, share)).await? {
            return Ok(Vec::new());
        }
        let (clock, backlog) = (Arc::clone(&self.clock), self.backlog.clone());
        let enqueue = backlog.is_some();
        let body = move |connection: &Connection, memory: &JobCache| {
            let now = clock.now();
            let redriven = match owner {
                Some(_) => Vec::new(),
                None => release::redrive_requested(connection, memory, now, limit)?,
            };
            let enqueue_at = enqueue.then_some(now);
            let released = release::release(connection, memory, owner, share, limit, enqueue_at)?;
            Ok((redriven, released))
        };
        let committed = move |(redriven, released): (Vec<Job>, Vec<Released>), memory: &JobCache| {
            for job in redriven {
                memory.put(job);
            }
            let mut to_publish = Vec::new();
            for Released { job, entry, follows } in released {
                if job.unpublished && !follows {
                    to_publish.push(job.id);
                }
                memory.put(job);
                if let (Some(backlog), Some(entry)) = (&backlog, entry) {
                    backlog.put(entry);
                }
            }
            to_publish
        };
        // If a loss of power undoes it they are held still, and go on with the next that ends or the next sweep.
        self.write(OPERATION, Relaxed, body, committed).await
    }

    async fn published(&self, id: JobId) -> Result<(), PortError> {
        let own_queue = self.backlog.is_some();
        let note = move |job: &mut Job, now| {
            // The store's own queue loses nothing, so nobody will want to know how long a job has been there.
            if own_queue {
                return (std::mem::take(&mut job.unpublished), ());
            }
            job.published(now);
            (true, ())
        };
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

    async fn count_open(&self, owner: Option<UserId>) -> Result<u64, PortError> {
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

    async fn claim_siblings(
        &self,
        leader: &Job,
        terms: ClaimTerms,
    ) -> Result<Vec<(Job, LeaseToken)>, PortError> {
        let (clock, leader) = (Arc::clone(&self.clock), leader.clone());
        let body = move |connection: &Connection, memory: &JobCache| {
            let mut claimed = Vec::new();
            for id in leader.batch.into_iter().flat_map(Batch::ids) {
                let Some(mut job) = job_rows::load(connection, id)? else { continue };
                if let Some(token) = job.join(&leader, clock.now(), terms) {
                    job_rows::update(connection, memory, &job)?;
                    claimed.push((job, token));
                }
            }
            Ok(claimed)
        };
        let committed = |claimed: Vec<(Job, LeaseToken)>, memory: &JobCache| {
            for (job, _) in &claimed {
                memory.put(job.clone());
            }
            claimed
        };
        self.write("jobs.claim_siblings", Relaxed, body, committed).await
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
        let clock = Arc::clone(&self.clock);
        let body = move |connection: &Connection, memory: &JobCache| {
            let mut jobs = job_rows::open_on_image(connection, image)?;
            for job in &mut jobs {
                job.cancel(clock.now());
                job_rows::update(connection, memory, job)?;
            }
            Ok(jobs)
        };
        let committed = |jobs: Vec<Job>, memory: &JobCache| {
            for job in &jobs {
                memory.put(job.clone());
            }
            jobs
        };
        self.write("jobs.cancel_all", Durable, body, committed).await
    }

    async fn precedent(&self, job: &Job, for_at_least: Duration) -> Result<Option<Precedent>, PortError> {
        let (job, now) = (job.clone(), self.clock.now());
        let look = move |connection: &Connection| {
            if let Some(made) = job_rows::find_result(connection, &job.derivation, now + for_at_least)? {
                return Ok(Some(Precedent::Made(Box::new(made))));
            }
            let others = job_rows::running_on(connection, &job.derivation)?;
            let ahead = others.iter().any(|other| other.runs_ahead_of(&job, now));
            Ok(ahead.then_some(Precedent::InTheMaking))
        };
        self.database.read("jobs.precedent", look).await
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

    async fn output_removed(&self, id: JobId, generation: usize) -> Result<(), PortError> {
        let clock = Arc::clone(&self.clock);
        let body = move |connection: &Connection, memory: &JobCache| {
            let Some(mut job) = job_rows::load(connection, id)? else { return Ok(None) };
            if !job.output_removed(clock.now(), generation) {
                return Ok(None);
            }
            job_rows::update(connection, memory, &job)?;
            job_rows::clear_removal(connection, id)?;
            Ok(Some(job))
        };
        let committed = |job: Option<Job>, memory: &JobCache| job.map_or((), |job| memory.put(job));
        // Durable for the same reason as the purge of an image.
        self.write("jobs.output_removed", Durable, body, committed).await
    }

    async fn redrive(&self, id: JobId, generation: usize) -> Result<Option<Job>, PortError> {
        const OPERATION: &str = "jobs.redrive";
        if !self.beside {
            let redrive = move |job: &mut Job, now| {
                let redriven = job.redrive(now, generation).then(|| job.clone());
                (redriven.is_some(), redriven)
            };
            return self.change(OPERATION, Durable, id, redrive).await.map(Option::flatten);
        }
        let clock = Arc::clone(&self.clock);
        let request = move |connection: &Connection| {
            let Some(mut job) = job_rows::load(connection, id)? else { return Ok(None) };
            if !job.redrive(clock.now(), generation) {
                return Ok(None);
            }
            release::request_redrive(connection, id, generation)?;
            Ok(Some(job))
        };
        self.database.write(OPERATION, Durable, request, |job| job).await
    }

    async fn expire(&self, after: Duration, limit: usize) -> Result<usize, PortError> {
        let until = self.clock.now() - after;
        self.forgotten("jobs.expire", move |connection| job_rows::expire(connection, until, limit)).await
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        // In portions, so that others who write are let in between.
        let delete = move |connection: &Connection| job_rows::forget(connection, owner, PORTION);
        while self.forgotten("jobs.forget", delete).await? == PORTION {}
        Ok(())
    }
}
