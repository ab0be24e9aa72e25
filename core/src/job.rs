//! A job and the transitions of its state. Pure: a repository loads a job, applies one of these methods and
//! stores the result in one atomic step, so that every back end follows the same rules.

use std::time::Duration;

use pixmill_engine::Transformation;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::content::{BlobKey, Content};
use crate::derivation::Derivation;
use crate::failure::{Failure, FailureCode, Redrive};
use crate::ids::{ImageId, JobId, UserId};
use crate::job_state::{JobState, JobStatus, Lease, LeaseToken};
use crate::time::Timestamp;

/// One transformation of one image, from submission to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// The id.
    pub id: JobId,
    /// Who asked.
    pub owner: UserId,
    /// The source image.
    pub image: ImageId,
    /// The version of it that was current, or was named, at submission.
    pub source_version: u32,
    /// The source's bytes.
    pub source: Content,
    /// The bytes of the image that the watermark names.
    pub overlay: Option<Content>,
    /// What to do, in canonical form.
    pub transformation: Transformation,
    /// Whether the result becomes a version of the image.
    pub save: bool,
    /// The jobs that were asked for together with it, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// Names the result: the same for the same work.
    pub derivation: Derivation,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
    /// Grows by one with every change of state.
    pub revision: u64,
    /// How often it was claimed.
    pub attempts: u32,
    /// Where it stands.
    pub state: JobState,
    /// The queue does not surely know of it yet: the sweeper publishes it if nobody else does.
    pub unpublished: bool,
    /// When the queue was last known to have taken it, if it is a system of its own.
    #[serde(default)]
    pub published_at: Option<Timestamp>,
    /// It is kept from the queue while others of its owner are there in number: see [`Jobs::release`].
    ///
    /// [`Jobs::release`]: crate::ports::Jobs::release
    #[serde(default)]
    pub held: bool,
    /// How often an operator opened it anew, and what had come of it until then. Their number is its generation.
    #[serde(default)]
    pub redrives: Vec<Redrive>,
    /// When what it stored (or may have left behind) is to be removed.
    pub remove_output_at: Option<Timestamp>,
}

/// What a completed job made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The bytes.
    pub content: Content,
    /// The number of the version that it was saved as; absent if it was not saved.
    pub version: Option<u32>,
}

/// What came of an attempt, as the worker reports it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The result is stored. An unsaved one is kept for `keep`.
    Completed {
        /// The result.
        output: Output,
        /// How long an unsaved result stays readable.
        keep: Duration,
    },
    /// It is no use to try again.
    Failed(Failure),
    /// Try again after this time.
    Retry {
        /// How long to wait.
        after: Duration,
    },
    /// It could not be tried, for a reason that has nothing to do with the job: take it up again after this time, as if
    /// this attempt had not been.
    Postponed {
        /// How long to wait.
        after: Duration,
    },
}

/// What came of asking for a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// The job is the caller's, under this token.
    Claimed(Box<Job>, LeaseToken),
    /// It can't be claimed yet: another worker holds it, or it waits between attempts.
    NotYet {
        /// When to ask again.
        after: Duration,
    },
    /// It was at its last attempt and its worker vanished: it has failed with this call.
    Exhausted(Box<Job>),
    /// It has reached a final state.
    Finished(JobStatus),
    /// There is no such job.
    Unknown,
}

/// How a job may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimTerms {
    /// How long the lease lasts without renewal.
    pub lease: Duration,
    /// How often a job is tried in all.
    pub max_attempts: u32,
}

/// How long an attempt that lost its job may still be writing; what it left is removed after that.
pub const STRAGGLER_GRACE: Duration = Duration::from_mins(10);

/// How long a job that was published waits before the queue may have lost it. Each time it was published in vain it waits
/// twice as long, so that a long line is not made much longer by what is said twice.
pub const QUEUE_PATIENCE: Duration = Duration::from_secs(30);

impl Job {
    /// The state by name.
    pub fn status(&self) -> JobStatus {
        match self.state {
            JobState::Queued { .. } => JobStatus::Queued,
            JobState::Running { .. } => JobStatus::Running,
            JobState::Completed { .. } => JobStatus::Completed,
            JobState::Failed { .. } => JobStatus::Failed,
            JobState::Cancelled => JobStatus::Cancelled,
        }
    }

    /// Where this job stores its result: the same key at every attempt of one generation.
    pub fn output_key(&self) -> BlobKey {
        self.output_key_in(self.generation())
    }

    /// Where it has stored results in this generation and those before.
    pub fn output_keys(&self) -> impl Iterator<Item = BlobKey> {
        (0..=self.generation()).map(|generation| self.output_key_in(generation))
    }

    fn output_key_in(&self, generation: usize) -> BlobKey {
        let key = if self.save { BlobKey::version } else { BlobKey::preview };
        key(self.image, self.id).in_generation(generation)
    }

    /// Takes a new job in, at the store's time. It is held if its owner has a full share before the workers.
    pub fn accept(&mut self, now: Timestamp, held: bool) {
        self.updated_at = now;
        self.held = held;
    }

    /// The lease that `token` still holds.
    fn holds(&self, token: LeaseToken) -> bool {
        matches!(&self.state, JobState::Running { lease } if lease.token == token)
    }

    /// Takes the job for one attempt, or says why not. After [`Claim::Claimed`] and [`Claim::Exhausted`] the
    /// job has changed and must be stored.
    pub fn claim(&mut self, now: Timestamp, terms: ClaimTerms) -> Claim {
        let wait_until = match &self.state {
            JobState::Queued { not_before } => *not_before,
            JobState::Running { lease } => lease.expires_at,
            _ => return Claim::Finished(self.status()),
        };
        if wait_until > now {
            return Claim::NotYet { after: wait_until.since(now) };
        }
        if self.attempts >= terms.max_attempts {
            let detail = format!("the worker stopped without a word at each of {} attempts", self.attempts);
            self.end(now, JobState::Failed { failure: Failure::new(FailureCode::Crashed, detail) });
            return Claim::Exhausted(Box::new(self.clone()));
        }
        let token = LeaseToken::random();
        self.attempts += 1;
        self.unpublished = false;
        self.held = false;
        self.change(now, JobState::Running { lease: Lease { token, expires_at: now + terms.lease } });
        Claim::Claimed(Box::new(self.clone()), token)
    }

    /// Whether the attempt that has just begun takes others of the batch along. Only the first does: an attempt that ended
    /// badly may have been the fault of one of them, so each that was in it is tried alone from then on, and a job that breaks
    /// whatever works on it costs the others one attempt, which must not be their last.
    pub fn may_lead(&self, terms: ClaimTerms) -> bool {
        self.batch.is_some() && self.attempts == 1 && self.redrives.is_empty() && terms.max_attempts > 1
    }

    /// Takes the job for one attempt together with `leader`, whose attempt has just begun, if it waits, may be taken now, and
    /// has never been tried. If it was taken it has changed and must be stored.
    pub fn join(&mut self, leader: &Self, now: Timestamp, terms: ClaimTerms) -> Option<LeaseToken> {
        let waits = self.status() == JobStatus::Queued && !self.held;
        let fresh = self.attempts == 0 && self.redrives.is_empty();
        if !(waits && fresh && leader.may_lead(terms) && self.is_made_with(leader)) {
            return None;
        }
        match self.claim(now, terms) {
            Claim::Claimed(_, token) => Some(token),
            _ => None,
        }
    }

    /// Extends the lease that `token` holds, even if it has expired and nobody else has claimed the job since.
    /// Returns whether the token still holds it.
    pub fn renew(&mut self, now: Timestamp, token: LeaseToken, ttl: Duration) -> bool {
        match &mut self.state {
            JobState::Running { lease } if lease.token == token => {
                lease.expires_at = now + ttl;
                true
            }
            _ => false,
        }
    }

    /// Applies what came of the attempt under `token`. Returns whether the token still held the job; if not,
    /// nothing changes.
    pub fn finish(&mut self, now: Timestamp, token: LeaseToken, outcome: Outcome) -> bool {
        if !self.holds(token) {
            return false;
        }
        match outcome {
            Outcome::Completed { output, keep } => {
                self.remove_output_at = output.version.is_none().then(|| now + keep);
                self.change(now, JobState::Completed { output });
            }
            Outcome::Failed(failure) => self.end(now, JobState::Failed { failure }),
            Outcome::Retry { after } => self.queue(now, after),
            Outcome::Postponed { after } => {
                self.attempts -= 1;
                self.queue(now, after);
            }
        }
        true
    }

    /// Ends the job before it is done. Returns whether that was still possible.
    pub fn cancel(&mut self, now: Timestamp) -> bool {
        let open = !self.status().is_final();
        if open {
            self.end(now, JobState::Cancelled);
        }
        open
    }

    /// The reason for which the job failed, if it is a dead letter.
    pub fn dead_letter(&self) -> Option<&Failure> {
        match &self.state {
            JobState::Failed { failure } if failure.code.may_pass() => Some(failure),
            _ => None,
        }
    }

    /// How often the job was opened anew.
    pub fn generation(&self) -> usize {
        self.redrives.len()
    }

    /// Opens a dead letter of this generation anew, with all its attempts, behind whatever its owner has waiting. Returns
    /// whether it was one, and what its attempts left is removed: see [`STRAGGLER_GRACE`].
    pub fn redrive(&mut self, now: Timestamp, generation: usize) -> bool {
        let Some(failure) = self.dead_letter().filter(|_| self.generation() == generation) else {
            return false;
        };
        // What is to be removed is noted for one generation at a time.
        if self.remove_output_at.is_some() {
            return false;
        }
        self.redrives.push(Redrive { at: now, failure: failure.clone(), attempts: self.attempts });
        self.attempts = 0;
        self.held = true;
        self.queue(now, Duration::ZERO);
        true
    }

    /// Notes that what the job stored, or may have left behind, in this generation is gone. Returns whether it is of that
    /// generation still: whoever removed it beside another may come when the job has long been opened anew.
    pub fn output_removed(&mut self, now: Timestamp, generation: usize) -> bool {
        if self.generation() != generation {
            return false;
        }
        match &self.state {
            // What is gone before its time is expired from now on.
            JobState::Completed { .. } => self.remove_output_at = self.remove_output_at.map(|at| at.min(now)),
            _ => self.remove_output_at = None,
        }
        true
    }

    /// When the job was accepted, or last opened anew.
    pub fn opened_at(&self) -> Timestamp {
        self.redrives.last().map_or(self.created_at, |redrive| redrive.at)
    }

    /// Whether the job counts among those of its owner that are before the workers.
    pub fn is_released(&self) -> bool {
        !self.status().is_final() && !self.held
    }

    /// Notes that the queue has the job, if it still waits.
    pub fn published(&mut self, now: Timestamp) {
        if self.status() == JobStatus::Queued {
            self.unpublished = false;
            self.published_at = Some(now);
        }
    }

    /// Whether it waits for a worker and the queue has not heard of it.
    pub fn waits_unpublished(&self) -> bool {
        matches!(self.state, JobState::Queued { .. }) && self.unpublished && !self.held
    }

    /// Since when the queue may not know of the job, which may be yet to come; `None` if it need not know, or surely does.
    pub fn stale_since(&self) -> Option<Timestamp> {
        match &self.state {
            JobState::Queued { .. } if self.held => None,
            JobState::Queued { .. } if self.unpublished => Some(self.updated_at),
            JobState::Queued { not_before } => self.published_at.map(|at| {
                let waited = at.since(self.updated_at);
                at.max(*not_before) + waited.max(QUEUE_PATIENCE)
            }),
            JobState::Running { lease } => Some(lease.expires_at),
            _ => None,
        }
    }

    /// Whether a worker is making the same as `other`, and began before the one that is at `other`.
    pub fn runs_ahead_of(&self, other: &Self, now: Timestamp) -> bool {
        let JobState::Running { lease } = &self.state else { return false };
        // Renewing a lease leaves the time of the last change, which is that of the claim.
        lease.expires_at > now
            && self.derivation == other.derivation
            && (self.updated_at, self.id) < (other.updated_at, other.id)
    }

    /// Whether the result of a completed job can still be read at `now`.
    pub fn output(&self, now: Timestamp) -> Option<&Output> {
        match &self.state {
            JobState::Completed { output } if self.remove_output_at.is_none_or(|at| at > now) => Some(output),
            _ => None,
        }
    }

    fn queue(&mut self, now: Timestamp, after: Duration) {
        self.unpublished = true;
        self.change(now, JobState::Queued { not_before: now + after });
    }

    fn end(&mut self, now: Timestamp, state: JobState) {
        self.unpublished = false;
        self.held = false;
        // An attempt may have stored something, or may still be about to: also one that was put off and does not count.
        self.remove_output_at = (self.revision > 0).then(|| now + STRAGGLER_GRACE);
        self.change(now, state);
    }

    fn change(&mut self, now: Timestamp, state: JobState) {
        self.state = state;
        self.updated_at = now;
        self.revision += 1;
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
