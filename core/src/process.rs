//! One attempt at one job, from the delivery of its message to the settlement.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{self, Either};
use pixmill_engine::Error as EngineError;

use crate::content::{Content, ContentHash};
use crate::describe::Describer;
use crate::failure::{Failure, FailureCode};
use crate::ids::{JobId, random_bytes};
use crate::image::NewVersion;
use crate::job::{Claim, ClaimTerms, Job, Outcome, Output};
use crate::job_state::{JobStatus, LeaseToken};
use crate::library::{changed, remember};
use crate::outbox;
use crate::ports::{
    BlobStoreExt, Delivery, JobMessage, PortError, PortErrorKind, ProcessError, Processed, Retry, Settlement,
    Work,
};
use crate::services::Ports;
use crate::settings::Settings;
use crate::submit::announce;

/// Runs attempts.
#[derive(Clone)]
pub struct Process {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    describer: Describer,
}

/// What came of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processing {
    /// The job reached this final state.
    Finished(JobStatus),
    /// It will be tried again.
    Retried,
    /// There was nothing to do: the job is done, unknown or somebody else's.
    Skipped,
    /// The message, or its job, could not be read.
    Rejected,
}

/// Why an attempt did not give a result.
enum AttemptError {
    /// It would fail in the same way again.
    Permanent(Failure),
    /// Another attempt may work; if none is left, this is the reason.
    Transient(Failure),
    /// A system that the service depends on is away: it will be tried when that is back, at the earliest after this time.
    Away(Duration),
    /// Another worker is making the same: what it makes can be had soon.
    InTheMaking,
}

/// A result already stored cannot be reused unless it stays for at least this long.
const REUSE_MARGIN: Duration = Duration::from_mins(1);
/// First wait between attempts; doubles with each.
const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// Longest wait between attempts.
const BACKOFF_CAP: Duration = Duration::from_mins(1);
/// How long a job waits at least when a system is away.
const AWAY: Duration = Duration::from_secs(2);
/// How long a job waits at least for another one that makes the same.
const IN_THE_MAKING: Duration = Duration::from_millis(250);
/// How long after its acceptance a job still waits for a system that is away.
const PATIENCE: Duration = Duration::from_hours(24);

impl Process {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>, describer: Describer) -> Self {
        Self { ports, settings, describer }
    }

    /// Takes the job that `delivery` speaks of, works on it while renewing the lease, records the outcome and
    /// settles the delivery last. If a port fails in between, the delivery is given back and the job's lease
    /// runs out, so that another attempt takes it from the start.
    pub async fn run(&self, delivery: Box<dyn Delivery>) -> Result<Processing, PortError> {
        let message = match JobMessage::parse(delivery.payload()) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, "message rejected");
                delivery.settle(Settlement::Reject).await?;
                return Ok(Processing::Rejected);
            }
        };
        let terms = ClaimTerms { lease: self.settings.lease, max_attempts: self.settings.job_max_attempts };
        let claim = match self.ports.jobs.claim(message.job_id, terms).await {
            // A later version may have stored it, with an operation that this one does not know. Whoever of this version reads
            // it again can't either, and would do nothing else.
            Err(error) if error.kind() == PortErrorKind::Corrupt => {
                tracing::error!(job = %message.job_id, %error, "message rejected: its job can't be read");
                delivery.settle(Settlement::Reject).await?;
                return Ok(Processing::Rejected);
            }
            claim => claim?,
        };
        match claim {
            Claim::Claimed(job, token) => self.attempt(*job, token, delivery).await,
            Claim::NotYet { after } => {
                delivery.settle(Settlement::Retry { after }).await?;
                Ok(Processing::Skipped)
            }
            Claim::Exhausted(job) => {
                tracing::warn!(job = %job.id, attempts = job.attempts, "job failed: its workers vanished");
                announce(&self.ports, changed(&job)).await;
                self.settled(delivery, &job, job.status()).await
            }
            Claim::Finished(_) | Claim::Unknown => {
                delivery.settle(Settlement::Ack).await?;
                Ok(Processing::Skipped)
            }
        }
    }

    async fn attempt(
        &self,
        job: Job,
        token: LeaseToken,
        delivery: Box<dyn Delivery>,
    ) -> Result<Processing, PortError> {
        announce(&self.ports, changed(&job)).await;
        let produce = std::pin::pin!(self.produce(&job));
        let keep_lease = std::pin::pin!(self.keep_lease(job.id, token));
        let produced = match future::select(produce, keep_lease).await {
            Either::Left((produced, _)) => produced,
            Either::Right(((), _)) => {
                self.discard(&job).await?;
                delivery.settle(Settlement::Ack).await?;
                return Ok(Processing::Skipped);
            }
        };
        let outcome = self.outcome(&job, produced);
        if !self.ports.jobs.finish(job.id, token, outcome.clone()).await? {
            self.discard(&job).await?;
            delivery.settle(Settlement::Ack).await?;
            return Ok(Processing::Skipped);
        }
        // What is stored now follows from what was claimed: under the token nobody else could change it.
        let mut ended = job.clone();
        ended.finish(self.ports.clock.now(), token, outcome.clone());
        announce(&self.ports, changed(&ended)).await;
        match outcome {
            Outcome::Completed { .. } => self.settled(delivery, &job, JobStatus::Completed).await,
            Outcome::Failed(failure) => {
                tracing::info!(job = %job.id, code = failure.code.name(), "job failed");
                self.settled(delivery, &job, JobStatus::Failed).await
            }
            Outcome::Retry { after } | Outcome::Postponed { after } => {
                delivery.settle(Settlement::Retry { after }).await?;
                self.ports.jobs.published(job.id).await?;
                Ok(Processing::Retried)
            }
        }
    }

    /// Settles the message of a job that has ended, and makes room for the next one of its owner.
    async fn settled(
        &self,
        delivery: Box<dyn Delivery>,
        job: &Job,
        status: JobStatus,
    ) -> Result<Processing, PortError> {
        outbox::ended(&self.ports, &self.settings, job.owner).await;
        delivery.settle(Settlement::Ack).await?;
        Ok(Processing::Finished(status))
    }

    /// Renews the lease for as long as it is ours. Returns once it is somebody else's.
    async fn keep_lease(&self, id: JobId, token: LeaseToken) {
        loop {
            self.ports.clock.sleep(self.settings.lease / 3).await;
            match self.ports.jobs.renew(id, token, self.settings.lease).await {
                Ok(true) => {}
                Ok(false) => return,
                // The lease may run out meanwhile; then the token decides, not this loop.
                Err(error) => tracing::warn!(job = %id, %error, "lease not renewed"),
            }
        }
    }

    fn outcome(&self, job: &Job, produced: Result<Output, AttemptError>) -> Outcome {
        match produced {
            Ok(output) => Outcome::Completed { output, keep: self.settings.result_ttl },
            Err(AttemptError::Permanent(failure)) => Outcome::Failed(failure),
            Err(AttemptError::Away(_)) if self.ports.clock.now().since(job.opened_at()) > PATIENCE => {
                let detail = "a system that the service depends on did not answer for too long";
                Outcome::Failed(Failure::new(FailureCode::Unavailable, detail))
            }
            Err(AttemptError::Away(at_least)) => Outcome::Postponed { after: at_least.max(spread(AWAY)) },
            Err(AttemptError::InTheMaking) => Outcome::Postponed { after: spread(IN_THE_MAKING) },
            Err(AttemptError::Transient(failure)) if job.attempts >= self.settings.job_max_attempts => {
                Outcome::Failed(failure)
            }
            Err(AttemptError::Transient(failure)) => {
                tracing::warn!(job = %job.id, attempt = job.attempts, reason = %failure.detail, "attempt failed");
                Outcome::Retry { after: backoff(job.attempts) }
            }
        }
    }

    /// Makes the result, or finds it made already, and stores it.
    async fn produce(&self, job: &Job) -> Result<Output, AttemptError> {
        let (content, file) = match self.reuse(job).await? {
            Some(content) => (content, None),
            None if self.ports.jobs.has_one_ahead(job).await? => return Err(AttemptError::InTheMaking),
            None => {
                let (content, file) = self.compute(job).await?;
                (content, Some(file))
            }
        };
        if !job.save {
            return Ok(Output { content, version: None });
        }
        let file = match file {
            Some(file) => file,
            None => self.read(&content).await?,
        };
        let version = NewVersion {
            image: job.image,
            job: job.id,
            parent: job.source_version,
            content: content.clone(),
            description: self.describer.made(file).await,
        };
        match self.ports.images.add_version(version).await? {
            Some(number) => Ok(Output { content, version: Some(number) }),
            None => Err(source_missing()),
        }
    }

    /// Copies the result of an earlier job that did the same.
    async fn reuse(&self, job: &Job) -> Result<Option<Content>, AttemptError> {
        let Some(earlier) = self.ports.jobs.find_result(job.derivation.clone(), REUSE_MARGIN).await? else {
            return Ok(None);
        };
        let Some(output) = earlier.output(self.ports.clock.now()) else { return Ok(None) };
        let key = job.output_key();
        let copied = self.ports.blobs.copy(output.content.blob.clone(), key.clone()).await?;
        Ok(copied.then(|| Content { blob: key, ..output.content.clone() }))
    }

    async fn compute(&self, job: &Job) -> Result<(Content, Bytes), AttemptError> {
        let source = self.read(&job.source).await?;
        let overlay = match &job.overlay {
            Some(overlay) => Some(self.read(overlay).await?),
            None => None,
        };
        let work = Work {
            source,
            overlay,
            transformation: job.transformation.clone(),
            limits: self.settings.limits.clone(),
            time_limit: self.settings.job_timeout,
        };
        let Processed { bytes, format, width, height, alpha } = self.ports.processor.process(work).await?;
        let (blob, hash) = (job.output_key(), ContentHash::of(&bytes));
        let content =
            Content { blob: blob.clone(), hash, bytes: bytes.len() as u64, format, width, height, alpha };
        self.ports.blobs.put_bytes(blob, bytes.clone()).await?;
        remember(&self.ports, &self.settings, &content, bytes.clone()).await;
        Ok((content, bytes))
    }

    async fn read(&self, content: &Content) -> Result<Bytes, AttemptError> {
        self.ports.blobs.get_bytes(content.blob.clone(), content.bytes).await?.ok_or_else(source_missing)
    }

    /// Removes what an attempt stored for a job that has ended without it. A job that another attempt completed,
    /// or is at, owns what lies at the same key.
    async fn discard(&self, job: &Job) -> Result<(), PortError> {
        let status = self.ports.jobs.load(job.id).await?.map(|job| job.status());
        if matches!(status, None | Some(JobStatus::Failed | JobStatus::Cancelled)) {
            remove_output(&self.ports, job).await?;
        }
        Ok(())
    }
}

/// Removes the blob of a job, and the version if it became one.
pub(crate) async fn remove_output(ports: &Ports, job: &Job) -> Result<(), PortError> {
    if job.save {
        ports.images.drop_version(job.image, job.id).await?;
    }
    ports.blobs.delete(job.output_key()).await
}

fn source_missing() -> AttemptError {
    AttemptError::Permanent(Failure::new(FailureCode::SourceMissing, "the image was deleted"))
}

impl From<PortError> for AttemptError {
    fn from(error: PortError) -> Self {
        let chain = chain(&error);
        tracing::warn!(error = %chain, "a port failed during an attempt");
        match (error.retry(), error.kind()) {
            (Retry::Later(after), _) => Self::Away(after),
            (Retry::Never, PortErrorKind::Corrupt) => {
                Self::Permanent(Failure::new(FailureCode::Internal, "stored data is damaged"))
            }
            (Retry::Never, _) => Self::Permanent(Failure::new(FailureCode::Internal, "the service failed")),
        }
    }
}

impl From<ProcessError> for AttemptError {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::Port(error) => error.into(),
            // The adapter has logged how; to the user it would mean nothing.
            ProcessError::Crashed(_) => {
                let detail = "the process that worked on the image died at every attempt";
                Self::Transient(Failure::new(FailureCode::Crashed, detail))
            }
            ProcessError::Engine(error) => error.into(),
        }
    }
}

impl From<EngineError> for AttemptError {
    fn from(error: EngineError) -> Self {
        let detail = error.to_string();
        match error {
            EngineError::Unsupported { .. } | EngineError::Undecodable { .. } => {
                Self::Permanent(Failure::new(FailureCode::Undecodable, detail))
            }
            EngineError::LimitExceeded { .. } => {
                Self::Permanent(Failure::new(FailureCode::LimitExceeded, detail))
            }
            EngineError::Invalid(_) => {
                Self::Permanent(Failure::new(FailureCode::InvalidTransformation, detail))
            }
            EngineError::TimedOut | EngineError::Cancelled => {
                Self::Transient(Failure::new(FailureCode::TimedOut, detail))
            }
            other => {
                tracing::error!(error = %other, "the engine failed");
                Self::Permanent(Failure::new(FailureCode::Internal, "the service failed on this image"))
            }
        }
    }
}

/// An error with everything below it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// A time up to twice as long as this one, so that what was put off together does not come back together.
fn spread(time: Duration) -> Duration {
    time + time.mul_f64(random_fraction())
}

fn random_fraction() -> f64 {
    f64::from(u32::from_be_bytes(random_bytes())) / f64::from(u32::MAX)
}

/// Exponential backoff with full jitter: anything from nothing to twice the wait before, so that jobs which
/// failed together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let ceiling = BACKOFF_BASE.saturating_mul(1 << attempt.min(16)).min(BACKOFF_CAP);
    ceiling.mul_f64(random_fraction())
}
