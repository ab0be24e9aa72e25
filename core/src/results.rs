//! Following jobs and fetching what they made.

use std::sync::Arc;

use futures::stream::BoxStream;

use crate::content::Content;
use crate::ids::{JobId, UserId};
use crate::job::{Failure, Job, JobState, JobStatus};
use crate::links::Links;
use crate::ports::{Event, Page, PageRequest, PortError};
use crate::services::Ports;

/// Answers questions about jobs.
#[derive(Clone)]
pub struct Results {
    ports: Arc<Ports>,
    links: Links,
}

/// What can be fetched for a job.
#[derive(Debug, Clone, PartialEq)]
pub enum TransformedImage {
    /// The job is not done yet.
    Pending,
    /// It failed.
    Failed(Failure),
    /// It was cancelled.
    Cancelled,
    /// The result was there, and its time has passed.
    Expired,
    /// The result, to be opened with [`Library::open`](crate::Library::open).
    Ready(Content),
}

impl Results {
    pub(crate) fn new(ports: Arc<Ports>, links: Links) -> Self {
        Self { ports, links }
    }

    /// A user's job; `None` also for jobs of others.
    pub async fn job(&self, owner: UserId, id: JobId) -> Result<Option<Job>, PortError> {
        self.ports.jobs.get(owner, id).await
    }

    /// A user's jobs, newest first.
    pub async fn list(
        &self,
        owner: UserId,
        status: Option<JobStatus>,
        page: PageRequest<JobId>,
    ) -> Result<Page<Job>, PortError> {
        self.ports.jobs.list(owner, status, page).await
    }

    /// A link to the version that a completed job saved; `None` if it saved none, or if it is gone.
    pub async fn saved_url(&self, job: &Job) -> Result<Option<String>, PortError> {
        let JobState::Completed { output } = &job.state else { return Ok(None) };
        let Some(number) = output.version else { return Ok(None) };
        match self.ports.images.version(job.image, number).await? {
            Some(version) => self.links.to_version(job.image, &version).await.map(Some),
            None => Ok(None),
        }
    }

    /// What a job made; `None` if the user has no such job.
    pub async fn transformed(&self, owner: UserId, id: JobId) -> Result<Option<TransformedImage>, PortError> {
        let Some(job) = self.ports.jobs.get(owner, id).await? else { return Ok(None) };
        let readable = job.output(self.ports.clock.now()).map(|output| output.content.clone());
        Ok(Some(match job.state {
            JobState::Queued { .. } | JobState::Running { .. } => TransformedImage::Pending,
            JobState::Failed { failure } => TransformedImage::Failed(failure),
            JobState::Cancelled => TransformedImage::Cancelled,
            JobState::Completed { .. } => readable.map_or(TransformedImage::Expired, TransformedImage::Ready),
        }))
    }

    /// News of a user's jobs from now on: hints, after which [`job`](Self::job) tells what is so.
    pub async fn watch(&self, owner: UserId) -> Result<BoxStream<'static, Event>, PortError> {
        self.ports.events.subscribe(owner).await
    }
}
