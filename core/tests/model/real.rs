//! The real [`Job`], put together from a small value that can be compared, changed by its own methods, and taken
//! apart again. Times are counted from now, and of a token only counts whether it still holds the job: two
//! states that differ in nothing else have the same future.

use std::time::Duration;

use pixmill::{
    BlobKey, Claim, ClaimTerms, Content, ContentHash, Derivation, Failure, FailureCode, Format, ImageId, Job,
    JobId, JobState, Lease, LeaseToken, Outcome, Output, STRAGGLER_GRACE, Timestamp, Transformation, UserId,
};

/// The unit of time. Everything that waits is a whole number of it.
pub(crate) const TICK: Duration = STRAGGLER_GRACE.checked_div(2).unwrap();
/// How many ticks a lease lasts.
pub(crate) const LEASE: i8 = 2;
/// How many ticks lie between two looks of the sweeper.
pub(crate) const SWEEP: i8 = 1;
/// How many ticks an unsaved result is kept.
const KEEP: u32 = 3;
/// How many ticks an attempt waits that did not work.
const BACKOFF: u32 = 1;

const NOW: Timestamp = Timestamp::from_millis(1 << 40);
const REVISION: u64 = 10;

/// What is stored of a job, as far as it decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stored {
    pub(crate) stage: Stage,
    pub(crate) attempts: u8,
    pub(crate) unpublished: bool,
    /// Ticks since it last changed, up to `SWEEP`.
    pub(crate) age: i8,
    /// Ticks until what it stored falls due for removal.
    pub(crate) removal: Option<i8>,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// Waits, for so many ticks at least.
    Queued(i8),
    /// The lease ends in so many ticks; once it has ended, down to `-SWEEP`.
    Running(i8),
    Completed,
    Failed,
    Cancelled,
}

impl Stage {
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Completed,
    Failed,
    Retry,
    Postponed,
}

/// What a worker is told that asks for the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yours,
    NotYet { ticks: i8 },
    Exhausted,
    Finished,
}

/// Breaks the rule that revisions grow by one with the state, and else stay.
pub(crate) const REVISIONS: &str = "the revision grows by one with every change of state, and only then";
/// Breaks the rule that a final state stays.
pub(crate) const FINAL: &str = "a final state never changes";

/// Applies the transitions of the real job.
pub(crate) struct RealJob {
    plain: Job,
    terms: ClaimTerms,
    /// The token of the present lease, and one that was never, or is no more, good.
    tokens: [LeaseToken; 2],
}

impl RealJob {
    pub(crate) fn new(save: bool, max_attempts: u32) -> Self {
        let (owner, image) = (UserId::from_bytes([1; 12]), ImageId::from_bytes([2; 12]));
        let source = Content {
            blob: BlobKey::original(image),
            hash: ContentHash::of(b"source"),
            bytes: 6,
            format: Format::Png,
            width: 2,
            height: 1,
            alpha: false,
        };
        let transformation = Transformation::default();
        let plain = Job {
            id: JobId::from_bytes([3; 12]),
            owner,
            image,
            source_version: 1,
            derivation: Derivation::new(owner, &source.hash, None, &transformation),
            source,
            overlay: None,
            transformation,
            batch: None,
            save,
            created_at: NOW - TICK * 1000,
            updated_at: NOW,
            revision: REVISION,
            attempts: 0,
            state: JobState::Queued { not_before: NOW },
            unpublished: true,
            published_at: None,
            held: false,
            redrives: Vec::new(),
            remove_output_at: None,
        };
        let token = |number: u64| serde_json::from_value(number.into()).expect("a token is a number");
        let terms = ClaimTerms { lease: TICK * LEASE as u32, max_attempts };
        Self { plain, terms, tokens: [token(1), token(2)] }
    }

    /// As it was accepted.
    pub(crate) fn accepted() -> Stored {
        Stored { stage: Stage::Queued(0), attempts: 0, unpublished: true, age: 0, removal: None }
    }

    pub(crate) fn claim(&self, stored: &mut Stored) -> Result<Answer, &'static str> {
        self.change(stored, |job| match job.claim(NOW, self.terms) {
            Claim::Claimed(..) => Answer::Yours,
            Claim::NotYet { after } => Answer::NotYet { ticks: after.div_duration_f64(TICK).ceil() as i8 },
            Claim::Exhausted(_) => Answer::Exhausted,
            Claim::Finished(_) => Answer::Finished,
            Claim::Unknown => unreachable!("a job does not know of others"),
        })
    }

    pub(crate) fn renew(&self, stored: &mut Stored, holds: bool) -> Result<bool, &'static str> {
        self.change(stored, |job| job.renew(NOW, self.token(holds), self.terms.lease))
    }

    pub(crate) fn finish(&self, stored: &mut Stored, holds: bool, end: End) -> Result<bool, &'static str> {
        let after = TICK * BACKOFF;
        let outcome = match end {
            End::Completed => self.completed(),
            End::Failed => Outcome::Failed(Failure::new(FailureCode::Undecodable, "damaged")),
            End::Retry => Outcome::Retry { after },
            End::Postponed => Outcome::Postponed { after },
        };
        self.change(stored, |job| job.finish(NOW, self.token(holds), outcome))
    }

    pub(crate) fn cancel(&self, stored: &mut Stored) -> Result<bool, &'static str> {
        self.change(stored, |job| job.cancel(NOW))
    }

    fn token(&self, holds: bool) -> LeaseToken {
        self.tokens[usize::from(!holds)]
    }

    fn completed(&self) -> Outcome {
        let content = Content { blob: self.plain.output_key(), ..self.plain.source.clone() };
        let output = Output { content, version: self.plain.save.then_some(2) };
        Outcome::Completed { output, keep: TICK * KEEP }
    }

    fn change<T>(
        &self,
        stored: &mut Stored,
        transition: impl FnOnce(&mut Job) -> T,
    ) -> Result<T, &'static str> {
        let before = self.assemble(*stored);
        let mut job = before.clone();
        let answer = transition(&mut job);
        if before.status().is_final() && job.state != before.state {
            return Err(FINAL);
        }
        // A renewal moves the end of the lease and nothing else.
        let renewed = matches!(
            (&before.state, &job.state),
            (JobState::Running { lease: old }, JobState::Running { lease: new }) if old.token == new.token
        );
        let changed = job.state != before.state && !renewed;
        if job.revision != before.revision + u64::from(changed) {
            return Err(REVISIONS);
        }
        *stored = self.take_apart(&job);
        Ok(answer)
    }

    fn assemble(&self, stored: Stored) -> Job {
        let Stored { stage, attempts, unpublished, age, removal } = stored;
        let state = match stage {
            Stage::Queued(wait) => JobState::Queued { not_before: at(wait) },
            Stage::Running(left) => {
                JobState::Running { lease: Lease { token: self.tokens[0], expires_at: at(left) } }
            }
            Stage::Completed => match self.completed() {
                Outcome::Completed { output, .. } => JobState::Completed { output },
                _ => unreachable!("it was made completed"),
            },
            Stage::Failed => JobState::Failed { failure: Failure::new(FailureCode::Crashed, "failed") },
            Stage::Cancelled => JobState::Cancelled,
        };
        Job {
            attempts: attempts.into(),
            unpublished,
            state,
            updated_at: at(-age),
            remove_output_at: removal.map(at),
            ..self.plain.clone()
        }
    }

    fn take_apart(&self, job: &Job) -> Stored {
        let rest = Job {
            attempts: 0,
            revision: REVISION,
            updated_at: NOW,
            state: self.plain.state.clone(),
            unpublished: true,
            remove_output_at: None,
            ..job.clone()
        };
        assert_eq!(rest, self.plain, "a transition changes what this model does not know of");
        let stage = match &job.state {
            JobState::Queued { not_before } => Stage::Queued(ticks(*not_before)),
            JobState::Running { lease } => Stage::Running(ticks(lease.expires_at)),
            JobState::Completed { .. } => Stage::Completed,
            JobState::Failed { .. } => Stage::Failed,
            JobState::Cancelled => Stage::Cancelled,
        };
        Stored {
            stage,
            attempts: job.attempts.try_into().expect("few attempts"),
            unpublished: job.unpublished,
            age: -ticks(job.updated_at),
            removal: job.remove_output_at.map(ticks),
        }
    }
}

/// The time so many ticks from now.
fn at(ticks: i8) -> Timestamp {
    if ticks < 0 {
        NOW - TICK * ticks.unsigned_abs().into()
    } else {
        NOW + TICK * ticks.unsigned_abs().into()
    }
}

/// How many ticks from now a time is.
fn ticks(time: Timestamp) -> i8 {
    let whole = |span: Duration| (span.as_millis() / TICK.as_millis()) as i8;
    whole(time.since(NOW)) - whole(NOW.since(time))
}
