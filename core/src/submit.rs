//! Asking for transformations: everything that can be told from the request and the image's header is checked
//! here; what is accepted is stored first and queued second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future;
use pixmill_engine::{Error as EngineError, FieldError, Transformation, plan};

use crate::batch::Batch;
use crate::capacity::Capacity;
use crate::content::{Content, ContentHash};
use crate::derivation::Derivation;
use crate::idempotency::{
    self, IdempotencyKey, OnceError, OnceKey, OnceOperation, Standing, may_come_to_pass,
};
use crate::ids::{JobId, MadeId, UserId};
use crate::image::Image;
use crate::job::Job;
use crate::job_state::JobState;
use crate::outbox::publish;
use crate::ports::{Accepted, Event, Made, PortError};
use crate::quotas::Quotas;
use crate::services::Ports;
use crate::settings::Settings;
use crate::submission::{BatchSubmission, Form, Submission, SubmitError, Wanted};
use crate::time::Timestamp;

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
        let first = JobId::random();
        self.accept(first, owner, &submission.into(), Form::Single).await?;
        Ok(first)
    }

    /// Accepts a request once, however often it is sent under this key.
    pub async fn submit_once(
        &self,
        owner: UserId,
        key: IdempotencyKey,
        submission: Submission,
    ) -> Result<JobId, SubmitError> {
        let key = OnceKey { owner, operation: OnceOperation::Transform, key };
        let asked = submission.fingerprint();
        self.once(key, asked, &submission.into(), Form::Single).await
    }

    /// Accepts a request for several results, all or none, and gives a job for each of them in their order. What is wrong with
    /// one is said of `outputs[2].width` and the like.
    pub async fn submit_batch(
        &self,
        owner: UserId,
        submission: BatchSubmission,
    ) -> Result<Vec<JobId>, SubmitError> {
        let first = JobId::random();
        self.accept(first, owner, &submission, Form::List).await?;
        Ok(submission.batch(first).ids().collect())
    }

    /// Accepts a request for several results once, however often it is sent under this key.
    pub async fn submit_batch_once(
        &self,
        owner: UserId,
        key: IdempotencyKey,
        submission: BatchSubmission,
    ) -> Result<Vec<JobId>, SubmitError> {
        let key = OnceKey { owner, operation: OnceOperation::Batch, key };
        let first = self.once(key, submission.fingerprint(), &submission, Form::List).await?;
        Ok(submission.batch(first).ids().collect())
    }

    /// Accepts a request once, and gives the first of its jobs.
    async fn once(
        &self,
        key: OnceKey,
        asked: ContentHash,
        submission: &BatchSubmission,
        form: Form,
    ) -> Result<JobId, SubmitError> {
        let (owner, id) = (key.owner, JobId::random());
        let keys = self.ports.once_keys.as_ref();
        match idempotency::begin::<SubmitError>(keys, key, id.into(), LEASE).await? {
            Standing::Done(Made { id, fingerprint }) if fingerprint == asked => Ok(id.into()),
            Standing::Done(_) => Err(OnceError::Reused.into()),
            Standing::Now { attempt, before } => {
                // An attempt before may still be on its way to the database: there is room for one of the same name.
                let id = before.first().map_or(id, |first| (*first).into());
                let mut outcome = self.accept_unless_accepted(owner, id, &before, submission, form).await;
                if let Err(SubmitError::Port(error)) = outcome {
                    // The jobs may be there all the same. Only if they surely are not, the turn is given back.
                    outcome = match self.accepted(owner, &[id.into()]).await {
                        Ok(Some(job)) => Ok(job.id),
                        Ok(None) if !may_come_to_pass(&error, "jobs.accept") => Err(error.into()),
                        _ => return Err(error.into()),
                    };
                }
                let made = outcome.as_ref().ok().map(|id| Made { id: (*id).into(), fingerprint: asked });
                // Where other jobs are found under the key they stay there: the turn ends by itself.
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
        submission: &BatchSubmission,
        form: Form,
    ) -> Result<JobId, SubmitError> {
        let Some(first) = self.accepted(owner, before).await? else {
            return self.accept(id, owner, submission, form).await.map(|()| id);
        };
        for (place, id) in submission.batch(first.id).ids().enumerate() {
            // One of them may have ended long enough ago to be forgotten.
            let job = if place == 0 { Some(first.clone()) } else { self.ports.jobs.get(owner, id).await? };
            if job.is_some_and(|job| !submission.is_for(place, &job)) {
                return Err(OnceError::Reused.into());
            }
        }
        Ok(first.id)
    }

    /// The first job that one of these attempts has made.
    async fn accepted(&self, owner: UserId, attempts: &[MadeId]) -> Result<Option<Job>, PortError> {
        for attempt in attempts {
            let job = self.ports.jobs.get(owner, (*attempt).into()).await?;
            if job.is_some() {
                return Ok(job);
            }
        }
        Ok(None)
    }

    async fn accept(
        &self,
        first: JobId,
        owner: UserId,
        submission: &BatchSubmission,
        form: Form,
    ) -> Result<(), SubmitError> {
        let jobs = self.jobs(first, owner, submission, form).await?;
        let (count, saves) = (jobs.len(), jobs.iter().filter(|job| job.save).count());
        self.quotas.check_jobs::<SubmitError>(owner, count, saves).await?;
        self.capacity.check::<SubmitError>(count).await?;

        let event = |job: &Job| Event { owner, job: job.id, status: job.status(), revision: job.revision };
        let events: Vec<Event> = jobs.iter().map(event).collect();
        let accepted = self.ports.jobs.accept(jobs, self.settings.user_share).await?;
        for (event, accepted) in events.iter().zip(accepted) {
            if accepted != Accepted::Unpublished {
                continue;
            }
            // The job is accepted whatever happens here: the sweeper publishes what this could not.
            if let Err(error) = publish(&self.ports, event.job).await {
                tracing::warn!(job = %event.job, %error, "accepted job not published yet");
            }
        }
        self.capacity.add(count);
        future::join_all(events.into_iter().map(|event| announce(&self.ports, event))).await;
        Ok(())
    }

    /// The jobs that a request asks for, or what is wrong with any of them.
    async fn jobs(
        &self,
        first: JobId,
        owner: UserId,
        submission: &BatchSubmission,
        form: Form,
    ) -> Result<Vec<Job>, SubmitError> {
        let BatchSubmission { image, version, outputs } = submission;
        let (most, count) = (Batch::MOST, outputs.len());
        if !(1..=most).contains(&count) {
            let detail = format!("must have 1 to {most} entries, not {count}");
            return Err(SubmitError::Invalid(vec![FieldError::new("outputs", detail)]));
        }
        let mut wrong = Vec::new();
        for (place, Wanted { transformation, .. }) in outputs.iter().enumerate() {
            if let Err(fields) = transformation.validate() {
                form.note(place, EngineError::Invalid(fields), &mut wrong)?;
            }
        }
        none_wrong(&mut wrong)?;
        let image = self.ports.images.get(owner, *image).await?.ok_or(SubmitError::UnknownImage)?;
        let (source_version, source) = self.source(&image, *version).await?;
        let (mut overlays, mut known) = (Vec::new(), HashMap::new());
        for (place, Wanted { transformation, .. }) in outputs.iter().enumerate() {
            match self.overlay(owner, transformation, &mut known).await? {
                Ok(overlay) => overlays.push(overlay),
                Err(field) => form.note(place, EngineError::Invalid(vec![field]), &mut wrong)?,
            }
        }
        none_wrong(&mut wrong)?;
        for (place, Wanted { transformation, .. }) in outputs.iter().enumerate() {
            if let Err(error) = plan(&source.header(), transformation, &self.settings.limits) {
                form.note(place, error, &mut wrong)?;
            }
        }
        none_wrong(&mut wrong)?;

        let batch = submission.batch(first);
        let now = self.ports.clock.now();
        let canonical: Vec<Transformation> =
            outputs.iter().map(|wanted| wanted.transformation.clone().canonical()).collect();
        let job = |(place, id): (usize, JobId)| {
            let overlay: &Option<Content> = &overlays[place];
            let together = canonical.iter().zip(&overlays).filter(|(_, other)| *other == overlay);
            let together: Vec<_> = together.map(|(transformation, _)| transformation.clone()).collect();
            let transformation = canonical[place].clone();
            let hash = overlay.as_ref().map(|overlay| &overlay.hash);
            Job {
                id,
                owner,
                image: image.id,
                source_version,
                derivation: Derivation::among(owner, &source.hash, hash, &transformation, &together),
                source: source.clone(),
                overlay: overlay.clone(),
                transformation,
                batch: (batch.size > 1).then_some(batch),
                save: outputs[place].save,
                created_at: now,
                updated_at: now,
                revision: 0,
                attempts: 0,
                // At once, whatever the clock of whoever takes it says.
                state: JobState::Queued { not_before: Timestamp::EPOCH },
                unpublished: true,
                published_at: None,
                held: false,
                redrives: Vec::new(),
                remove_output_at: None,
            }
        };
        Ok(batch.ids().enumerate().map(job).collect())
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
                let detail = format!(
                    "this image has no version {number}; GET /images/{{id}}/versions lists those that it has"
                );
                Err(SubmitError::Invalid(vec![FieldError::new("version", detail)]))
            }
        }
    }

    /// The image that a watermark names, if it names one; `known` are those that were looked for before.
    async fn overlay(
        &self,
        owner: UserId,
        transformation: &Transformation,
        known: &mut HashMap<String, Option<Content>>,
    ) -> Result<Result<Option<Content>, FieldError>, PortError> {
        let Some(id) = transformation.watermark.as_ref().and_then(|watermark| watermark.image_id.as_ref())
        else {
            return Ok(Ok(None));
        };
        if !known.contains_key(id) {
            let image = match id.parse() {
                Ok(id) => self.ports.images.get(owner, id).await?,
                Err(_) => None,
            };
            known.insert(id.clone(), image.map(|image| image.current.content));
        }
        Ok(match &known[id] {
            Some(content) => Ok(Some(content.clone())),
            None => Err(FieldError::new("watermark.imageId", "you have no image with this id")),
        })
    }
}

fn none_wrong(wrong: &mut Vec<FieldError>) -> Result<(), SubmitError> {
    if wrong.is_empty() { Ok(()) } else { Err(SubmitError::Invalid(std::mem::take(wrong))) }
}

/// Tells whoever watches. They miss nothing for good if it fails, so it only costs a line in the log.
pub(crate) async fn announce(ports: &Ports, event: Event) {
    if let Err(error) = ports.events.publish(event).await {
        tracing::debug!(job = %event.job, %error, "event not published");
    }
}
