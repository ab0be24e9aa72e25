//! One attempt at a job, and at those of its batch that are taken along, from the delivery of its message to the settlement.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{self, Either, OptionFuture};

use crate::attempt::{AttemptError, backoff, spread};
use crate::batch::Batch;
use crate::describe::Describer;
use crate::failure::{Failure, FailureCode};
use crate::ids::JobId;
use crate::job::{Claim, ClaimTerms, Job, Outcome, Output};
use crate::job_state::{JobStatus, LeaseToken};
use crate::library::changed;
use crate::outbox;
use crate::ports::{Delivery, JobMessage, PortError, PortErrorKind, Settlement};
use crate::produce::Producer;
use crate::services::Ports;
use crate::settings::Settings;
use crate::submit::announce;

/// Runs attempts.
#[derive(Clone)]
pub struct Process {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    producer: Producer,
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

/// A job that is this worker's.
struct Taken {
    job: Job,
    token: LeaseToken,
}

/// How long a job waits at least when a system is away.
const AWAY: Duration = Duration::from_secs(2);
/// How long a job waits at least for another one that makes the same.
const IN_THE_MAKING: Duration = Duration::from_millis(250);
/// How long after its acceptance a job still waits for a system that is away.
const PATIENCE: Duration = Duration::from_hours(24);

impl Process {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>, describer: Describer) -> Self {
        let producer = Producer::new(ports.clone(), settings.clone(), describer);
        Self { ports, settings, producer }
    }

    /// Takes the job that `delivery` speaks of, and what waits of its batch, works on it while renewing the leases, records
    /// the outcomes and settles the delivery last. If a port fails in between, the delivery is given back and the leases
    /// run out, so that another attempt takes each job from the start.
    pub async fn run(&self, delivery: Box<dyn Delivery>) -> Result<Processing, PortError> {
        let message = match JobMessage::parse(delivery.payload()) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, "message rejected");
                delivery.settle(Settlement::Reject).await?;
                return Ok(Processing::Rejected);
            }
        };
        let claim = match self.ports.jobs.claim(message.job_id, self.terms()).await {
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
                outbox::ended(&self.ports, &self.settings, job.owner).await;
                delivery.settle(Settlement::Ack).await?;
                Ok(Processing::Finished(job.status()))
            }
            Claim::Finished(_) | Claim::Unknown => {
                if claim == Claim::Finished(JobStatus::Cancelled) {
                    self.pass_on(message.job_id).await?;
                }
                delivery.settle(Settlement::Ack).await?;
                Ok(Processing::Skipped)
            }
        }
    }

    fn terms(&self) -> ClaimTerms {
        ClaimTerms { lease: self.settings.lease, max_attempts: self.settings.job_max_attempts }
    }

    async fn attempt(
        &self,
        job: Job,
        token: LeaseToken,
        delivery: Box<dyn Delivery>,
    ) -> Result<Processing, PortError> {
        let siblings = self.siblings(&job).await;
        let ours: Vec<Taken> = [Taken { job, token }].into_iter().chain(siblings).collect();
        for Taken { job, .. } in &ours {
            announce(&self.ports, changed(job)).await;
        }
        let jobs: Vec<&Job> = ours.iter().map(|taken| &taken.job).collect();
        let Some(produced) = self.produce(&ours, &jobs).await else {
            for job in &jobs {
                self.discard(job).await?;
            }
            delivery.settle(Settlement::Ack).await?;
            return Ok(Processing::Skipped);
        };
        let ends = ours.iter().zip(produced).map(|(taken, produced)| self.end(taken, produced));
        let ends = future::join_all(ends).await;
        let ended =
            ends.iter().any(|end| matches!(end, Ok(Some(Outcome::Completed { .. } | Outcome::Failed(_)))));
        let owner = ours[0].job.owner;
        // Neither waits for the other, so the next job comes one way to the database and back earlier.
        let let_go = OptionFuture::from(ended.then(|| outbox::ended(&self.ports, &self.settings, owner)));
        future::join(let_go, self.settle(delivery, &jobs, ends)).await.1
    }

    /// Makes and saves the results while the leases are renewed; nothing if all leases are lost before that is made which would
    /// be saved.
    ///
    /// When it returns nothing of it is under way. What nobody polls any more must not be kept: it may hold what the next call
    /// waits for, such as a lock of an adapter.
    async fn produce(&self, ours: &[Taken], jobs: &[&Job]) -> Option<Vec<Result<Output, AttemptError>>> {
        let mut keep_leases = pin!(self.keep_leases(ours));
        let made = match future::select(pin!(self.producer.make(jobs)), keep_leases.as_mut()).await {
            Either::Left((made, _)) => made,
            Either::Right(((), _)) => return None,
        };
        match future::select(pin!(self.producer.save(jobs, made)), keep_leases).await {
            Either::Left((produced, _)) => Some(produced),
            // The token decides what comes of it.
            Either::Right(((), saving)) => Some(saving.await),
        }
    }

    /// Settles the delivery of the first of these jobs, and sees to it that the others come back if they are to.
    async fn settle(
        &self,
        delivery: Box<dyn Delivery>,
        jobs: &[&Job],
        ends: Vec<Result<Option<Outcome>, PortError>>,
    ) -> Result<Processing, PortError> {
        let mut ends = jobs.iter().zip(ends);
        let Some((first, end)) = ends.next() else { return Ok(Processing::Skipped) };
        for (job, end) in ends {
            self.hand_over(job, end).await;
        }
        let (processing, settlement) = match end? {
            None => (Processing::Skipped, Settlement::Ack),
            Some(Outcome::Completed { .. }) => (Processing::Finished(JobStatus::Completed), Settlement::Ack),
            Some(Outcome::Failed(_)) => (Processing::Finished(JobStatus::Failed), Settlement::Ack),
            Some(Outcome::Retry { after } | Outcome::Postponed { after }) => {
                (Processing::Retried, Settlement::Retry { after })
            }
        };
        delivery.settle(settlement).await?;
        if processing == Processing::Retried {
            self.ports.jobs.published(first.id).await?;
        }
        Ok(processing)
    }

    /// Takes those along that wait and can be made with `job`. If that fails they wait for a message of their own.
    async fn siblings(&self, job: &Job) -> Vec<Taken> {
        if !job.may_lead(self.terms()) {
            return Vec::new();
        }
        match self.ports.jobs.claim_siblings(job, self.terms()).await {
            Ok(claimed) => claimed.into_iter().map(|(job, token)| Taken { job, token }).collect(),
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "others of the batch are not taken along");
                Vec::new()
            }
        }
    }

    /// Gives the message of a job that was cancelled before its turn to the next one of its batch, which would have been taken
    /// along by it.
    async fn pass_on(&self, cancelled: JobId) -> Result<(), PortError> {
        let jobs = &self.ports.jobs;
        let Some(cancelled) = jobs.load(cancelled).await? else { return Ok(()) };
        for id in cancelled.batch.into_iter().flat_map(Batch::ids) {
            if let Some(next) = jobs.load(id).await?
                && next.waits_unpublished()
                && next.is_made_with(&cancelled)
            {
                return outbox::publish(&self.ports, id).await;
            }
        }
        Ok(())
    }

    /// Ends an attempt, and says with what outcome; with none if the job was somebody else's by then.
    async fn end(
        &self,
        Taken { job, token }: &Taken,
        produced: Result<Output, AttemptError>,
    ) -> Result<Option<Outcome>, PortError> {
        let outcome = self.outcome(job, produced);
        if !self.ports.jobs.finish(job.id, *token, outcome.clone()).await? {
            self.discard(job).await?;
            return Ok(None);
        }
        // What is stored now follows from what was claimed: under the token nobody else could change it.
        let mut ended = job.clone();
        ended.finish(self.ports.clock.now(), *token, outcome.clone());
        announce(&self.ports, changed(&ended)).await;
        if let Outcome::Failed(failure) = &outcome {
            tracing::info!(job = %job.id, code = failure.code.name(), "job failed");
        }
        Ok(Some(outcome))
    }

    /// Sees to it that a job which was taken along without its message comes back if it is to. If that fails the sweeper does
    /// it, so it only costs a line in the log.
    async fn hand_over(&self, job: &Job, end: Result<Option<Outcome>, PortError>) {
        let handed = match end {
            // It comes at once, and is put off until its time.
            Ok(Some(Outcome::Retry { .. } | Outcome::Postponed { .. })) => {
                outbox::publish(&self.ports, job.id).await
            }
            end => end.map(drop),
        };
        if let Err(error) = handed {
            tracing::warn!(job = %job.id, %error, "attempt given up; the job will be taken up again");
        }
    }

    /// Renews the leases for as long as they are ours. Returns once all are somebody else's.
    async fn keep_leases(&self, taken: &[Taken]) {
        let mut held: Vec<&Taken> = taken.iter().collect();
        while !held.is_empty() {
            self.ports.clock.sleep(self.settings.lease / 3).await;
            let renewed = future::join_all(held.iter().map(|taken| self.renew(taken))).await;
            held = held.into_iter().zip(renewed).filter_map(|(taken, ours)| ours.then_some(taken)).collect();
        }
    }

    /// Renews one lease, unless it is somebody else's.
    async fn renew(&self, Taken { job, token }: &Taken) -> bool {
        match self.ports.jobs.renew(job.id, *token, self.settings.lease).await {
            Ok(ours) => ours,
            // The lease may run out meanwhile; then the token decides, not this loop.
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "lease not renewed");
                true
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

    /// Removes what an attempt stored for a job that has ended without it. A job of the same generation that another attempt
    /// completed, or is at, owns what lies at the same key, unless all that belongs to the image has been removed by then.
    async fn discard(&self, job: &Job) -> Result<(), PortError> {
        let owns = |now: Job| {
            let ended = matches!(now.status(), JobStatus::Failed | JobStatus::Cancelled);
            !ended && now.generation() == job.generation()
        };
        let owned = self.ports.jobs.load(job.id).await?.is_some_and(owns);
        if !owned || self.ports.images.get(job.owner, job.image).await?.is_none() {
            remove_output(&self.ports, job).await?;
        }
        Ok(())
    }
}

/// Removes the blob of a job, and the version if it became one, and what a straggler of an earlier generation may have added
/// since that was removed.
pub(crate) async fn remove_output(ports: &Ports, job: &Job) -> Result<(), PortError> {
    for key in job.output_keys() {
        if job.save {
            ports.images.drop_version(job.image, key.clone()).await?;
        }
        ports.blobs.delete(key).await?;
    }
    Ok(())
}
