//! The repository of jobs. The rules of a job's states are [`Job`]'s own; here each is applied to one document.

mod batches;
mod published;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future;
use mongodb::bson::{Bson, Document, doc};
use pixmill::ports::{Accepted, Cancellation, Jobs, Page, PageRequest, PortError, Precedent};
use pixmill::{
    Batch, Claim, ClaimTerms, ImageId, Job, JobId, JobState, JobStatus, LeaseToken, Outcome, Timestamp,
    UserId,
};
use serde::{Deserialize, Serialize};

use self::batches::Batches;
use self::published::Published;
use crate::documents::{Documents, Record, after, at_most, millis, oid};
use crate::server::Server;

/// Jobs in MongoDB. The queue is another system, so accepted jobs are [`Accepted::Unpublished`].
#[derive(Debug)]
pub struct MongoJobs {
    jobs: Arc<Documents<JobRecord>>,
    published: Published,
    batches: Batches,
}

/// A job as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobRecord {
    job: Job,
    output_removed: bool,
}

impl Record for JobRecord {
    fn indexed(&self) -> Document {
        let Self { job, output_removed } = self;
        let not_before = match &job.state {
            JobState::Queued { not_before } => millis(*not_before),
            _ => 0,
        };
        let kept = !output_removed && job.output(Timestamp::EPOCH).is_some();
        let result_until = kept.then(|| job.remove_output_at.map_or(i64::MAX, millis));
        let removal_due_at = job.remove_output_at.filter(|_| !output_removed).map(millis);
        doc! {
            "owner": oid(job.owner.as_bytes()),
            "image": oid(job.image.as_bytes()),
            "status": job.status().name(),
            "open": !job.status().is_final(),
            "held": job.held,
            "endedAt": job.status().is_final().then(|| millis(job.updated_at)),
            "createdAt": millis(job.created_at),
            "derivation": job.derivation.as_str(),
            "staleSince": job.stale_since().map(millis),
            "notBefore": not_before,
            "resultUntil": result_until,
            "removalDueAt": removal_due_at,
            "publishedAt": job.published_at.filter(|_| !job.unpublished).map(millis),
        }
    }

    fn amend(&mut self, document: &Document) {
        if let Ok(at) = document.get_i64("publishedAt") {
            self.job.unpublished = false;
            self.job.published_at = Some(Timestamp::from_millis(at.unsigned_abs()));
        }
    }
}

impl MongoJobs {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        let jobs = Arc::new(Documents::new(server, "jobs"));
        let batches = Batches::new(server, jobs.clone());
        Self { published: Published::start(jobs.clone()), batches, jobs }
    }

    /// Applies a transition to a job, if it exists, at the time that it is now.
    async fn change<T>(
        &self,
        operation: &'static str,
        id: JobId,
        mut transition: impl FnMut(&mut Job, Timestamp) -> T,
    ) -> Result<Option<T>, PortError> {
        self.jobs.change(operation, oid(id.as_bytes()), |record, now| transition(&mut record.job, now)).await
    }

    /// A job, also one that was accepted with others and has no document of its own yet.
    async fn find(&self, operation: &'static str, id: JobId) -> Result<Option<Job>, PortError> {
        let object = oid(id.as_bytes());
        let mut found = self.jobs.get(operation, object).await?;
        if found.is_none() {
            self.batches.finish_with(operation, id).await?;
            // Also if somebody else has finished it meanwhile.
            found = self.jobs.get(operation, object).await?;
        }
        Ok(found.map(|record| record.job))
    }

    /// How many jobs of this user are before the workers; `most` if there are more.
    async fn released(&self, operation: &'static str, owner: &Bson, most: usize) -> Result<usize, PortError> {
        let released = doc! { "owner": owner, "open": true, "held": false };
        Ok(self.jobs.ids(operation, released, Document::new(), at_most(most)).await?.len())
    }
}

#[async_trait]
impl Jobs for MongoJobs {
    async fn accept(&self, mut jobs: Vec<Job>, share: usize) -> Result<Vec<Accepted>, PortError> {
        const OPERATION: &str = "jobs.accept";
        let Some(owner) = jobs.first().map(|job| oid(job.owner.as_bytes())) else { return Ok(Vec::new()) };
        let released = self.released(OPERATION, &owner.into(), share).await?;
        let now = self.jobs.now(OPERATION).await?;
        for (place, job) in jobs.iter_mut().enumerate() {
            job.accept(now, released + place >= share);
        }
        let record = |job: &Job| JobRecord { job: job.clone(), output_removed: false };
        match &mut jobs[..] {
            [job] => {
                let id = oid(job.id.as_bytes());
                if !self.jobs.insert(OPERATION, id, &record(job)).await?
                    && let Some(stored) = self.jobs.get(OPERATION, id).await?
                {
                    *job = stored.job;
                }
            }
            several => self.batches.accept(OPERATION, several.iter().map(record).collect()).await?,
        }
        let answer = |(place, job): (usize, &Job)| match job.held {
            true => Accepted::Held,
            false if job.follows(&jobs[..place]) => Accepted::Follows,
            false => Accepted::Unpublished,
        };
        Ok(jobs.iter().enumerate().map(answer).collect())
    }

    async fn release(
        &self,
        owner: Option<UserId>,
        share: usize,
        limit: usize,
    ) -> Result<Vec<JobId>, PortError> {
        const OPERATION: &str = "jobs.release";
        let owners = match owner {
            Some(owner) => vec![oid(owner.as_bytes()).into()],
            None => self.jobs.distinct(OPERATION, "owner", doc! { "held": true }).await?,
        };
        let mut let_go: Vec<Job> = Vec::new();
        for owner in owners {
            if let_go.len() == limit {
                break;
            }
            let held = doc! { "owner": &owner, "held": true };
            let list = async |most: usize| {
                let oldest = doc! { "createdAt": 1, "_id": 1 };
                self.jobs.ids(OPERATION, held.clone(), oldest, at_most(most)).await
            };
            // Few have any, and with few of them there is room: as many are counted as tell.
            if list(1).await?.is_empty() || self.released(OPERATION, &owner, share / 2 + 1).await? > share / 2
            {
                continue;
            }
            // Counted after they are listed: those that others let go meanwhile count, or are among these.
            let held = list(share.min(limit - let_go.len())).await?;
            let room = share.saturating_sub(self.released(OPERATION, &owner, share).await?);
            let release =
                |record: &mut JobRecord, _| std::mem::take(&mut record.job.held).then(|| record.job.clone());
            let held = held.into_iter().take(room);
            let released = held.map(|id| self.jobs.change_readable(OPERATION, id, release));
            let_go.extend(future::try_join_all(released).await?.into_iter().flatten().flatten());
        }
        let to_publish = let_go.iter().enumerate().filter(|(place, job)| !job.follows(&let_go[..*place]));
        Ok(to_publish.map(|(_, job)| job.id).collect())
    }

    async fn published(&self, id: JobId) -> Result<(), PortError> {
        let object = oid(id.as_bytes());
        // A job that has just come and is published for the first time can be noted together with others.
        let fresh = |record: &JobRecord| record.job.revision == 0 && record.job.published_at.is_none();
        if self.jobs.recall(object, fresh) {
            self.published.add(object);
            return Ok(());
        }
        self.change("jobs.published", id, Job::published).await.map(drop)
    }

    async fn get(&self, owner: UserId, id: JobId) -> Result<Option<Job>, PortError> {
        let job = self.find("jobs.get", id).await?;
        Ok(job.filter(|job| job.owner == owner))
    }

    async fn load(&self, id: JobId) -> Result<Option<Job>, PortError> {
        self.find("jobs.load", id).await
    }

    async fn list(
        &self,
        owner: Option<UserId>,
        status: Option<JobStatus>,
        page: PageRequest<JobId>,
    ) -> Result<Page<Job>, PortError> {
        const OPERATION: &str = "jobs.list";
        let mut filter = Document::new();
        if let Some(owner) = owner {
            filter.insert("owner", oid(owner.as_bytes()));
        }
        if let Some(status) = status {
            filter.insert("status", status.name());
        }
        if let Some(last) = page.after {
            let known = self.jobs.get(OPERATION, oid(last.as_bytes())).await?.map(|record| record.job);
            match known.filter(|job| owner.is_none_or(|owner| job.owner == owner)) {
                Some(job) => filter.extend(after(job.created_at, oid(last.as_bytes()))),
                None => return Ok(Page { items: Vec::new(), more: false }),
            }
        }
        let Page { items, more } = self.jobs.page(OPERATION, filter, &page).await?;
        Ok(Page { items: items.into_iter().map(|record| record.job).collect(), more })
    }

    async fn count_open(&self, owner: Option<UserId>) -> Result<u64, PortError> {
        let mut open = doc! { "open": true };
        if let Some(owner) = owner {
            open.insert("owner", oid(owner.as_bytes()));
        }
        self.jobs.count("jobs.count_open", open).await
    }

    async fn claim(&self, id: JobId, terms: ClaimTerms) -> Result<Claim, PortError> {
        const OPERATION: &str = "jobs.claim";
        let claim = |job: &mut Job, now| job.claim(now, terms);
        if let Some(claim) = self.change(OPERATION, id, claim).await? {
            return Ok(claim);
        }
        self.batches.finish_with(OPERATION, id).await?;
        Ok(self.change(OPERATION, id, claim).await?.unwrap_or(Claim::Unknown))
    }

    async fn claim_siblings(
        &self,
        leader: &Job,
        terms: ClaimTerms,
    ) -> Result<Vec<(Job, LeaseToken)>, PortError> {
        let siblings = leader.batch.into_iter().flat_map(Batch::ids).filter(|id| *id != leader.id);
        let claims = siblings.map(|id| {
            self.change("jobs.claim_siblings", id, |job, now| {
                job.join(leader, now, terms).map(|token| (job.clone(), token))
            })
        });
        let mut claimed = Vec::new();
        for claim in future::join_all(claims).await {
            match claim {
                Ok(sibling) => claimed.extend(sibling.flatten()),
                // What the others have become is not to be lost for it.
                Err(error) => tracing::warn!(job = %leader.id, %error, "one of the batch is not taken along"),
            }
        }
        Ok(claimed)
    }

    async fn renew(&self, id: JobId, token: LeaseToken, ttl: Duration) -> Result<bool, PortError> {
        let renewed = self.change("jobs.renew", id, |job, now| job.renew(now, token, ttl));
        Ok(renewed.await?.unwrap_or(false))
    }

    async fn finish(&self, id: JobId, token: LeaseToken, outcome: Outcome) -> Result<bool, PortError> {
        if matches!(outcome, Outcome::Retry { .. } | Outcome::Postponed { .. }) {
            self.published.forget(oid(id.as_bytes())).await;
        }
        let finished = self.change("jobs.finish", id, |job, now| job.finish(now, token, outcome.clone()));
        Ok(finished.await?.unwrap_or(false))
    }

    async fn cancel(&self, owner: UserId, id: JobId) -> Result<Cancellation, PortError> {
        let cancelled = self.change("jobs.cancel", id, |job, now| Cancellation::of(job, owner, now));
        Ok(cancelled.await?.unwrap_or(Cancellation::Unknown))
    }

    async fn cancel_all(&self, image: ImageId) -> Result<Vec<Job>, PortError> {
        const OPERATION: &str = "jobs.cancel_all";
        let filter = doc! { "image": oid(image.as_bytes()), "open": true };
        let mut cancelled = Vec::new();
        for record in self.jobs.find(OPERATION, filter, doc! { "_id": 1 }, 0).await? {
            let job = self.change(OPERATION, record.job.id, |job, now| job.cancel(now).then(|| job.clone()));
            cancelled.extend(job.await?.flatten());
        }
        Ok(cancelled)
    }

    async fn precedent(&self, job: &Job, for_at_least: Duration) -> Result<Option<Precedent>, PortError> {
        const OPERATION: &str = "jobs.precedent";
        let now = self.jobs.now(OPERATION).await?;
        let until = now + for_at_least;
        let same = doc! { "derivation": job.derivation.as_str() };
        // The one whose result is kept longest, and another. Most often there is a result, or no other job at all.
        let first = self.jobs.find_each(OPERATION, same.clone(), doc! { "resultUntil": -1 }, 2).await?;
        let kept = |record: &&JobRecord| !record.output_removed && record.job.output(until).is_some();
        if let Some(made) = first.iter().flatten().find(kept) {
            return Ok(Some(Precedent::Made(Box::new(made.job.clone()))));
        }
        if let [Some(only)] = &first[..]
            && only.job.id == job.id
        {
            return Ok(None);
        }
        let mut running = same;
        running.insert("status", JobStatus::Running.name());
        let running = self.jobs.find_readable(OPERATION, running, Document::new(), 0).await?;
        let ahead = running.iter().any(|other| other.job.runs_ahead_of(job, now));
        Ok(ahead.then_some(Precedent::InTheMaking))
    }

    async fn due_unpublished(&self, older_than: Duration, limit: usize) -> Result<Vec<JobId>, PortError> {
        const OPERATION: &str = "jobs.due_unpublished";
        self.published.note().await?;
        self.batches.finish_all(OPERATION).await?;
        let now = self.jobs.now(OPERATION).await?;
        let filter = doc! {
            "staleSince": { "$lte": millis(now - older_than) },
            "notBefore": { "$lte": millis(now) },
        };
        let sort = doc! { "staleSince": 1, "_id": 1 };
        let found = self.jobs.find_readable(OPERATION, filter, sort, at_most(limit)).await?;
        Ok(found.into_iter().map(|record| record.job.id).collect())
    }

    async fn due_output_removals(&self, limit: usize) -> Result<Vec<Job>, PortError> {
        const OPERATION: &str = "jobs.due_output_removals";
        let now = self.jobs.now(OPERATION).await?;
        let filter = doc! { "removalDueAt": { "$lte": millis(now) } };
        let sort = doc! { "removalDueAt": 1 };
        let found = self.jobs.find_readable(OPERATION, filter, sort, at_most(limit)).await?;
        Ok(found.into_iter().map(|record| record.job).collect())
    }

    async fn output_removed(&self, id: JobId, generation: usize) -> Result<(), PortError> {
        let noted = self.jobs.change("jobs.output_removed", oid(id.as_bytes()), |record, now| {
            record.output_removed |= record.job.output_removed(now, generation);
        });
        noted.await.map(drop)
    }

    async fn redrive(&self, id: JobId, generation: usize) -> Result<Option<Job>, PortError> {
        let redriven = self.jobs.change("jobs.redrive", oid(id.as_bytes()), |record, now| {
            record.job.redrive(now, generation).then(|| {
                record.output_removed = false;
                record.job.clone()
            })
        });
        Ok(redriven.await?.flatten())
    }

    async fn expire(&self, after: Duration, limit: usize) -> Result<usize, PortError> {
        const OPERATION: &str = "jobs.expire";
        let before = self.jobs.now(OPERATION).await? - after;
        let over = doc! { "endedAt": { "$lte": millis(before) }, "removalDueAt": Bson::Null };
        let over = self.jobs.ids(OPERATION, over, doc! { "endedAt": 1 }, at_most(limit)).await?;
        // What was opened anew since then stays.
        let expired = doc! { "_id": { "$in": over }, "open": false };
        Ok(self.jobs.remove(OPERATION, expired).await? as usize)
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        self.jobs
            .remove("jobs.forget", doc! { "owner": oid(owner.as_bytes()), "open": false })
            .await
            .map(drop)
    }
}
