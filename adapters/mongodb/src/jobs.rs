//! The repository of jobs. The rules of a job's states are [`Job`]'s own; here each is applied to one document.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};
use pixmill::ports::{Accepted, Cancellation, Jobs, Page, PageRequest, PortError};
use pixmill::{
    Claim, ClaimTerms, Derivation, ImageId, Job, JobId, JobState, JobStatus, LeaseToken, Outcome, Timestamp,
    UserId,
};
use serde::{Deserialize, Serialize};

use crate::documents::{Documents, Record, after, at_most, millis, oid};
use crate::server::Server;

/// Jobs in MongoDB. The queue is another system, so accepted jobs are [`Accepted::Unpublished`].
#[derive(Debug)]
pub struct MongoJobs {
    jobs: Documents<JobRecord>,
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
        let (stale_since, not_before) = match &job.state {
            JobState::Queued { not_before } => (job.unpublished.then_some(job.updated_at), Some(*not_before)),
            JobState::Running { lease } => (Some(lease.expires_at), None),
            _ => (None, None),
        };
        let kept = !output_removed && job.output(Timestamp::EPOCH).is_some();
        let result_until = kept.then(|| job.remove_output_at.map_or(i64::MAX, millis));
        let removal_due_at = job.remove_output_at.filter(|_| !output_removed).map(millis);
        doc! {
            "owner": oid(job.owner.as_bytes()),
            "image": oid(job.image.as_bytes()),
            "status": job.status().name(),
            "open": !job.status().is_final(),
            "createdAt": millis(job.created_at),
            "derivation": job.derivation.as_str(),
            "staleSince": stale_since.map(millis),
            "notBefore": not_before.map_or(0, millis),
            "resultUntil": result_until,
            "removalDueAt": removal_due_at,
        }
    }
}

impl MongoJobs {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self { jobs: Documents::new(server, "jobs") }
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
}

#[async_trait]
impl Jobs for MongoJobs {
    async fn accept(&self, job: Job) -> Result<Accepted, PortError> {
        let id = oid(job.id.as_bytes());
        self.jobs.insert("jobs.accept", id, &JobRecord { job, output_removed: false }).await?;
        Ok(Accepted::Unpublished)
    }

    async fn published(&self, id: JobId) -> Result<(), PortError> {
        self.change("jobs.published", id, |job, _| job.unpublished = false).await.map(drop)
    }

    async fn get(&self, owner: UserId, id: JobId) -> Result<Option<Job>, PortError> {
        let job = self.jobs.get("jobs.get", oid(id.as_bytes())).await?.map(|record| record.job);
        Ok(job.filter(|job| job.owner == owner))
    }

    async fn load(&self, id: JobId) -> Result<Option<Job>, PortError> {
        Ok(self.jobs.get("jobs.load", oid(id.as_bytes())).await?.map(|record| record.job))
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

    async fn count_open(&self, owner: UserId) -> Result<u64, PortError> {
        let open = [JobStatus::Queued.name(), JobStatus::Running.name()];
        let filter = doc! { "owner": oid(owner.as_bytes()), "status": { "$in": open.to_vec() } };
        self.jobs.count("jobs.count_open", filter).await
    }

    async fn claim(&self, id: JobId, terms: ClaimTerms) -> Result<Claim, PortError> {
        let claimed = self.change("jobs.claim", id, |job, now| job.claim(now, terms));
        Ok(claimed.await?.unwrap_or(Claim::Unknown))
    }

    async fn renew(&self, id: JobId, token: LeaseToken, ttl: Duration) -> Result<bool, PortError> {
        let renewed = self.change("jobs.renew", id, |job, now| job.renew(now, token, ttl));
        Ok(renewed.await?.unwrap_or(false))
    }

    async fn finish(&self, id: JobId, token: LeaseToken, outcome: Outcome) -> Result<bool, PortError> {
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

    async fn find_result(
        &self,
        derivation: Derivation,
        for_at_least: Duration,
    ) -> Result<Option<Job>, PortError> {
        const OPERATION: &str = "jobs.find_result";
        let until = self.jobs.now(OPERATION).await? + for_at_least;
        let filter = doc! { "derivation": derivation.as_str(), "resultUntil": { "$gt": millis(until) } };
        let found = self.jobs.find(OPERATION, filter, doc! { "resultUntil": -1 }, 1).await?;
        Ok(found.into_iter().map(|record| record.job).find(|job| job.output(until).is_some()))
    }

    async fn due_unpublished(&self, older_than: Duration, limit: usize) -> Result<Vec<JobId>, PortError> {
        const OPERATION: &str = "jobs.due_unpublished";
        let now = self.jobs.now(OPERATION).await?;
        let since = Timestamp::from_millis(now.millis().saturating_sub(older_than.as_millis() as u64));
        let filter = doc! {
            "staleSince": { "$ne": Bson::Null, "$lte": millis(since) },
            "notBefore": { "$lte": millis(now) },
        };
        let found =
            self.jobs.find(OPERATION, filter, doc! { "staleSince": 1, "_id": 1 }, at_most(limit)).await?;
        Ok(found.into_iter().map(|record| record.job.id).collect())
    }

    async fn due_output_removals(&self, limit: usize) -> Result<Vec<Job>, PortError> {
        const OPERATION: &str = "jobs.due_output_removals";
        let now = self.jobs.now(OPERATION).await?;
        let filter = doc! { "removalDueAt": { "$ne": Bson::Null, "$lte": millis(now) } };
        let found = self.jobs.find(OPERATION, filter, doc! { "removalDueAt": 1 }, at_most(limit)).await?;
        Ok(found.into_iter().map(|record| record.job).collect())
    }

    async fn output_removed(&self, id: JobId) -> Result<(), PortError> {
        let noted = self
            .jobs
            .change("jobs.output_removed", oid(id.as_bytes()), |record, _| record.output_removed = true);
        noted.await.map(drop)
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        self.jobs
            .remove("jobs.forget", doc! { "owner": oid(owner.as_bytes()), "open": false })
            .await
            .map(drop)
    }
}
