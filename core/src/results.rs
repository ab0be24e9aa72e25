//! Looking at jobs, ending them, and fetching what they made.

use std::sync::Arc;

use crate::content::Content;
use crate::failure::Failure;
use crate::ids::{JobId, UserId};
use crate::job::Job;
use crate::job_state::{JobState, JobStatus};
use crate::library::changed;
use crate::links::Links;
use crate::outbox;
use crate::ports::{Cancellation, Page, PageRequest, PortError};
use crate::services::Ports;
use crate::settings::Settings;
use crate::submit::announce;

/// Answers questions about jobs, and ends them.
#[derive(Clone)]
pub struct Results {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
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
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>, links: Links) -> Self {
        Self { ports, settings, links }
    }

    /// A user's job; `None` also for jobs of others.
    pub async fn job(&self, owner: UserId, id: JobId) -> Result<Option<Job>, PortError> {
        self.ports.jobs.get(owner, id).await
    }

    /// A job, whoever owns it: for operators.
    pub async fn load(&self, id: JobId) -> Result<Option<Job>, PortError> {
        self.ports.jobs.load(id).await
    }

    /// A user's jobs, or for operators everybody's, newest first.
    pub async fn list(
        &self,
        owner: Option<UserId>,
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

    /// Ends a user's job before it is done. A worker that is at it stops at its next look at the lease.
    pub async fn cancel(&self, owner: UserId, id: JobId) -> Result<Cancellation, PortError> {
        let cancellation = self.ports.jobs.cancel(owner, id).await?;
        if let Cancellation::Cancelled(job) = &cancellation {
            announce(&self.ports, changed(job)).await;
            outbox::ended(&self.ports, &self.settings, owner).await;
        }
        Ok(cancellation)
    }
}
