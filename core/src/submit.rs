//! Asking for a transformation: everything that can be told from the request and the image's header is checked
//! here; what is accepted is stored first and queued second.

use std::sync::Arc;
use std::time::Duration;

use pixmill_engine::{Error as EngineError, FieldError, Transformation, plan};

use crate::capacity::{Capacity, Full};
use crate::content::{Content, ContentHash};
use crate::derivation::Derivation;
use crate::idempotency::{
    self, IdempotencyKey, OnceError, OnceKey, OnceOperation, Standing, may_come_to_pass,
};
use crate::ids::{ImageId, JobId, MadeId, UserId};
use crate::image::Image;
use crate::job::Job;
use crate::job_state::JobState;
use crate::outbox::publish;
use crate::ports::{Accepted, Event, Made, PortError};
use crate::quotas::{QuotaError, Quotas};
use crate::services::Ports;
use crate::settings::Settings;

/// How long a request that was cut short holds off others under its key.
const LEASE: Duration = Duration::from_mins(1);

/// Takes requests for transformations.
#[derive(Clone)]
pub struct Submissions {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    quotas: Quotas,
    capacity: Capacity,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// The source.
    pub image: ImageId,
    /// Which version of it; the current one when absent.
    pub version: Option<u32>,
    /// What to do.
    pub transformation: Transformation,
    /// Whether the result becomes a version of the image.
    pub save: bool,
}

/// Why a request was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The user has no such image.
    #[error("there is no image with this id")]
    UnknownImage,
    /// Values that can't be used, alone or with this image.
    #[error("the transformation can't be applied")]
    Invalid(Vec<FieldError>),
    /// The result would be over a limit.
    #[error(transparent)]
    Engine(EngineError),
    /// The user has as much as they may have.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The service has as many jobs as it takes on.
    #[error(transparent)]
    Full(#[from] Full),
    /// Another request has the idempotency key.
    #[error(transparent)]
    Once(#[from] OnceError),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Submission {
    /// Tells requests apart: equal ones ask for the same.
    fn fingerprint(&self) -> ContentHash {
        let Self { image, version, transformation, save } = self;
        let asked = (image, version, transformation.clone().canonical(), save);
        ContentHash::of(&serde_json::to_vec(&asked).expect("a transformation is plain data"))
    }

    /// Whether this request could have been accepted as `job`.
    fn is_for(&self, job: &Job) -> bool {
        let Self { image, version, transformation, save } = self;
        *image == job.image
            && version.is_none_or(|version| version == job.source_version)
            && transformation.clone().canonical() == job.transformation
            && *save == job.save
    }
}

impl From<EngineError> for SubmitError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Invalid(fields) => Self::Invalid(fields),
            other => Self::Engine(other),
        }
    }
}

impl Submissions {
    pub(crate) fn new(
        ports: Arc<Ports>,
        settings: Arc<Settings>,
        quotas: Quotas,
        capacity: Capacity,
    ) -> Self {
        Self { ports, settings, quotas, capacity }
    }

    /// Accepts a request, or says what is wrong with it. An accepted job ends in exactly one final state.
    pub async fn submit(&self, owner: UserId, submission: Submission) -> Result<JobId, SubmitError> {
        self.accept(JobId::random(), owner, submission).await
    }

    /// Accepts a request once, however often it is sent under this key.
    pub async fn submit_once(
        &self,
        owner: UserId,
        key: IdempotencyKey,
        submission: Submission,
    ) -> Result<JobId, SubmitError> {
        let (id, asked) = (JobId::random(), submission.fingerprint());
        let key = OnceKey { owner, operation: OnceOperation::Transform, key };
        let keys = self.ports.once_keys.as_ref();
        match idempotency::begin::<SubmitError>(keys, key, id.into(), LEASE).await? {
            Standing::Done(Made { id, fingerprint }) if fingerprint == asked => Ok(id.into()),
            Standing::Done(_) => Err(OnceError::Reused.into()),
            Standing::Now { attempt, before } => {
                let mut outcome = self.accept_unless_accepted(owner, id, &before, submission).await;
                if let Err(SubmitError::Port(error)) = outcome {
                    // The job may be there all the same. Only if it surely is not, the turn is given back.
                    outcome = match self.accepted(owner, &[id.into()]).await {
                        Ok(Some(job)) => Ok(job.id),
                        Ok(None) if !may_come_to_pass(&error, "jobs.accept") => Err(error.into()),
                        _ => return Err(error.into()),
                    };
                }
                let made = outcome.as_ref().ok().map(|id| Made { id: (*id).into(), fingerprint: asked });
                // Where another job is found under the key it stays there: the turn ends by itself.
                if !matches!(outcome, Err(SubmitError::Once(_))) {
                    attempt.settle(made).await;
                }
                outcome
            }
        }
    }

    /// Accepts a request, unless one of the attempts before was accepted.
    async fn accept_unless_accepted(
        &self,
        owner: UserId,
        id: JobId,
        before: &[MadeId],
        submission: Submission,
    ) -> Result<JobId, SubmitError> {
        match self.accepted(owner, before).await? {
            Some(job) if submission.is_for(&job) => Ok(job.id),
            Some(_) => Err(OnceError::Reused.into()),
            None => self.accept(id, owner, submission).await,
        }
    }

    /// The job that one of these attempts has made.
    async fn accepted(&self, owner: UserId, attempts: &[MadeId]) -> Result<Option<Job>, PortError> {
        for attempt in attempts {
            let job = self.ports.jobs.get(owner, (*attempt).into()).await?;
            if job.is_some() {
                return Ok(job);
            }
        }
        Ok(None)
    }

    async fn accept(&self, id: JobId, owner: UserId, submission: Submission) -> Result<JobId, SubmitError> {
        let Submission { image, version, transformation, save } = submission;
        transformation.validate().map_err(SubmitError::Invalid)?;
        let image = self.ports.images.get(owner, image).await?.ok_or(SubmitError::UnknownImage)?;
        let (source_version, source) = self.source(&image, version).await?;
        let overlay = self.overlay(owner, &transformation).await?;
        plan(&source.header(), &transformation, &self.settings.limits)?;
        self.quotas.check_job::<SubmitError>(owner, save).await?;
        self.capacity.check::<SubmitError>().await?;

        let transformation = transformation.canonical();
        let now = self.ports.clock.now();
        let job = Job {
            id,
            owner,
            image: image.id,
            source_version,
            derivation: Derivation::new(
                owner,
                &source.hash,
                overlay.as_ref().map(|overlay| &overlay.hash),
                &transformation,
            ),
            source,
            overlay,
            transformation,
            save,
            created_at: now,
            updated_at: now,
            revision: 0,
            attempts: 0,
            state: JobState::Queued { not_before: now },
            unpublished: true,
            published_at: None,
            held: false,
            redrives: Vec::new(),
            remove_output_at: None,
        };
        let event = Event { owner, job: id, status: job.status(), revision: job.revision };
        if self.ports.jobs.accept(job, self.settings.user_share).await? == Accepted::Unpublished {
            // The job is accepted whatever happens here: the sweeper publishes what this could not.
            if let Err(error) = publish(&self.ports, id).await {
                tracing::warn!(job = %id, %error, "accepted job not published yet");
            }
        }
        self.capacity.add();
        announce(&self.ports, event).await;
        Ok(id)
    }

    async fn source(&self, image: &Image, version: Option<u32>) -> Result<(u32, Content), SubmitError> {
        let number = version.unwrap_or(image.current.number);
        if number == image.current.number {
            return Ok((number, image.current.content.clone()));
        }
        match self.ports.images.version(image.id, number).await? {
            Some(version) => Ok((number, version.content)),
            None => {
                // Versions go with their image, which may have been deleted just now.
                self.ports.images.get(image.owner, image.id).await?.ok_or(SubmitError::UnknownImage)?;
                let detail = format!("this image has no version {number}");
                Err(SubmitError::Invalid(vec![FieldError::new("version", detail)]))
            }
        }
    }

    async fn overlay(
        &self,
        owner: UserId,
        transformation: &Transformation,
    ) -> Result<Option<Content>, SubmitError> {
        let Some(id) = transformation.watermark.as_ref().and_then(|watermark| watermark.image_id.as_ref())
        else {
            return Ok(None);
        };
        let image = match id.parse() {
            Ok(id) => self.ports.images.get(owner, id).await?,
            Err(_) => None,
        };
        match image {
            Some(image) => Ok(Some(image.current.content)),
            None => {
                let error = FieldError::new("watermark.imageId", "you have no image with this id");
                Err(SubmitError::Invalid(vec![error]))
            }
        }
    }
}

/// Tells whoever watches. They miss nothing for good if it fails, so it only costs a line in the log.
pub(crate) async fn announce(ports: &Ports, event: Event) {
    if let Err(error) = ports.events.publish(event).await {
        tracing::debug!(job = %event.job, %error, "event not published");
    }
}
