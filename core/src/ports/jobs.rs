//! Where jobs are kept, and the one lease that says who may work on one.

use std::time::Duration;

use async_trait::async_trait;

use crate::ids::{ImageId, JobId, UserId};
use crate::job::{Claim, ClaimTerms, Job, Outcome};
use crate::job_state::{JobStatus, LeaseToken};
use crate::ports::{Page, PageRequest, PortError};
use crate::time::Timestamp;

/// What came of accepting a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The queue shares the repository's store and has the job already.
    Enqueued,
    /// The job is marked as unpublished: publish it, then call [`Jobs::published`].
    Unpublished,
    /// The job is marked as held: it waits for [`Jobs::release`].
    Held,
    /// The queue hears of another one that is made with it: see [`Job::follows`]. Nothing is to be done.
    Follows,
}

/// What came of cancelling a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Cancellation {
    /// It is cancelled now.
    Cancelled(Box<Job>),
    /// It had reached this final state before.
    Finished(JobStatus),
    /// The user has no such job.
    Unknown,
}

impl Cancellation {
    /// Cancels a job for `owner`, if it is theirs: see [`Job::cancel`]. After [`Cancellation::Cancelled`] the job has
    /// changed and must be stored.
    pub fn of(job: &mut Job, owner: UserId, now: Timestamp) -> Self {
        if job.owner != owner {
            Self::Unknown
        } else if job.cancel(now) {
            Self::Cancelled(Box::new(job.clone()))
        } else {
            Self::Finished(job.status())
        }
    }
}

/// What other jobs mean for one that does the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Precedent {
    /// This one has done it, and its result can be had.
    Made(Box<Job>),
    /// Another worker is at it, and began before: see [`Job::runs_ahead_of`].
    InTheMaking,
}

/// The repository of jobs. Each method is one atomic step: it loads a job, applies the transition of the same
/// name from [`Job`] and stores it.
///
/// Durations, never instants, are passed: the adapter's own clock (the server's, where there is one) decides
/// what is due.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Stores new jobs of one user, all or none. When the call returns, they survive a crash.
    ///
    /// So that nobody's jobs keep those of others waiting, only `share` of a user's jobs are before the workers at once;
    /// others are held. The number is not exact while jobs of the same user are accepted at once.
    ///
    /// # Behavior
    /// - An accepted job is found with all fields as given, save that `unpublished` is false if the answer is
    ///   [`Accepted::Enqueued`], and `held` true if it is [`Accepted::Held`].
    /// - `updated_at` is the store's own time, whatever was given: what becomes of the job is measured from it.
    /// - A job id that exists already is left as it is.
    /// - A job of a user with `share` open jobs that are not held is held; those of others are not.
    /// - Of several, whoever finds one finds all.
    /// - Of those of a batch that are not held, the first that is made with others is [`Accepted::Enqueued`] or
    ///   [`Accepted::Unpublished`], and the others are [`Accepted::Follows`].
    ///
    /// # Cancellation
    /// Dropping the future leaves the jobs accepted or not, never in part.
    async fn accept(&self, jobs: Vec<Job>, share: usize) -> Result<Vec<Accepted>, PortError>;

    /// Lets held jobs of a user, or of everybody, go on to the queue, oldest first: not one by one, but as many as bring a
    /// user up to `share` once half of it is done. Returns those that are to be published; the queue has the others already,
    /// or hears of one that is let go with them and that they follow. At most `limit` are let go.
    ///
    /// # Behavior
    /// - The oldest held jobs of a user with at most half of `share` before the workers are let go, up to `share`, and none of
    ///   others.
    /// - A job that was let go is not held any more, and is listed by `due_unpublished` if it was returned.
    /// - A held job is not listed by `due_unpublished`, and ends like any other when it is cancelled.
    /// - Of those of a batch that are made with each other and let go at once only the first is to be published.
    /// - Of many concurrent calls no more are let go than a share.
    async fn release(
        &self,
        owner: Option<UserId>,
        share: usize,
        limit: usize,
    ) -> Result<Vec<JobId>, PortError>;

    /// Notes that the queue, where it is another system, has the job.
    ///
    /// # Behavior
    /// - The job no longer appears in `due_unpublished`.
    async fn published(&self, id: JobId) -> Result<(), PortError>;

    /// Finds a user's job.
    ///
    /// # Behavior
    /// - Another user's job and an unknown id both give `None`.
    async fn get(&self, owner: UserId, id: JobId) -> Result<Option<Job>, PortError>;

    /// Finds a job whoever owns it: for workers, not for answers to users.
    ///
    /// # Behavior
    /// - An unknown id gives `None`.
    async fn load(&self, id: JobId) -> Result<Option<Job>, PortError>;

    /// Lists a user's jobs, or everybody's, newest first (by creation, then by id), of one state or of all.
    ///
    /// # Behavior
    /// - Pages follow each other without a gap or a repetition, also while jobs are added.
    /// - Only the owner's jobs are listed, if one is named, and all jobs otherwise.
    /// - With a state, only jobs in that state are listed.
    async fn list(
        &self,
        owner: Option<UserId>,
        status: Option<JobStatus>,
        page: PageRequest<JobId>,
    ) -> Result<Page<Job>, PortError>;

    /// How many of a user's jobs, or of everybody's, are not final.
    ///
    /// # Behavior
    /// - Queued and running jobs of the user count, and no others.
    /// - Without a user, those of all count.
    async fn count_open(&self, owner: Option<UserId>) -> Result<u64, PortError>;

    /// Takes a job for one attempt: see [`Job::claim`].
    ///
    /// # Behavior
    /// - Of many concurrent calls exactly one gets the job.
    /// - A held job is given to nobody else until the lease expires, and then with another token.
    /// - A job that waits between attempts is not given before its time.
    /// - The attempt after the last is [`Claim::Exhausted`], and the job has failed.
    /// - Final jobs are [`Claim::Finished`], unknown ones [`Claim::Unknown`].
    async fn claim(&self, id: JobId, terms: ClaimTerms) -> Result<Claim, PortError>;

    /// Takes those of a batch that wait and can be made with `leader`, which was claimed just now, for the same attempt: see
    /// [`Job::join`]. It is done to each on its own, and who is not taken is as before.
    ///
    /// # Behavior
    /// - Jobs of the batch that wait and were never tried are taken, each under a token of its own.
    /// - Jobs that are held, that were tried before, that have ended, or that need another second image stay as they are.
    /// - After its first attempt a leader takes nobody along.
    async fn claim_siblings(
        &self,
        leader: &Job,
        terms: ClaimTerms,
    ) -> Result<Vec<(Job, LeaseToken)>, PortError>;

    /// Extends the lease: see [`Job::renew`]. `false` means that the job is somebody else's, or nobody's.
    ///
    /// # Behavior
    /// - A renewed lease lasts `ttl` from now.
    /// - A token that lost the job renews nothing.
    async fn renew(&self, id: JobId, token: LeaseToken, ttl: Duration) -> Result<bool, PortError>;

    /// Ends an attempt: see [`Job::finish`]. `false` means that the token no longer held the job, and that
    /// nothing changed. When the call returns, the change survives a crash.
    ///
    /// # Behavior
    /// - A token that lost the job changes nothing.
    /// - A finished job keeps its outcome: the second of two calls answers `false`.
    /// - After [`Outcome::Retry`] the job is queued and due to be published.
    /// - After [`Outcome::Postponed`] it is, too, and the attempt does not count.
    async fn finish(&self, id: JobId, token: LeaseToken, outcome: Outcome) -> Result<bool, PortError>;

    /// Cancels a user's job: see [`Job::cancel`].
    ///
    /// # Behavior
    /// - A cancelled job can't be claimed, renewed or finished.
    /// - Another user's job is [`Cancellation::Unknown`] and goes on.
    async fn cancel(&self, owner: UserId, id: JobId) -> Result<Cancellation, PortError>;

    /// Cancels every open job on an image, and returns them.
    ///
    /// # Behavior
    /// - Final jobs and jobs on other images are left alone.
    async fn cancel_all(&self, image: ImageId) -> Result<Vec<Job>, PortError>;

    /// What other jobs of the same derivation mean for this one, which is running. A result counts if it is still kept for at
    /// least `for_at_least`.
    ///
    /// # Behavior
    /// - Jobs that are not completed, and results that expired, are not made.
    /// - Of the running jobs of one derivation, the one that was claimed first is alone, and to all others it is in the making.
    /// - A result that is kept comes before one that is in the making.
    /// - Jobs that wait, that have ended, whose lease has expired, or that make something else are no precedent.
    async fn precedent(&self, job: &Job, for_at_least: Duration) -> Result<Option<Precedent>, PortError>;

    /// Open jobs that the queue may not know of: unpublished for `older_than` (and due, if they wait between
    /// attempts), running with a lease that expired that long ago, or published and waiting for so long that the queue may
    /// have lost them: see [`Job::stale_since`]. At most `limit` of them.
    ///
    /// # Behavior
    /// - A job that was published just now and waits, and one with a live lease, are not listed.
    /// - A job that was published and waits for [`QUEUE_PATIENCE`](crate::QUEUE_PATIENCE) is listed until it is published again.
    async fn due_unpublished(&self, older_than: Duration, limit: usize) -> Result<Vec<JobId>, PortError>;

    /// Jobs whose stored output is to be removed now. At most `limit` of them.
    ///
    /// # Behavior
    /// - A job is listed once its time has come, until `output_removed`.
    async fn due_output_removals(&self, limit: usize) -> Result<Vec<Job>, PortError>;

    /// Notes that what a job had stored in this generation is removed.
    ///
    /// # Behavior
    /// - The job is no longer listed for removal, and its result stays expired.
    /// - A job that has been opened anew since then is left alone.
    async fn output_removed(&self, id: JobId, generation: usize) -> Result<(), PortError>;

    /// Opens a dead letter anew: see [`Job::redrive`]. `None` if it is not one of this generation, or what it left is not
    /// removed yet.
    ///
    /// # Behavior
    /// - A dead letter is queued and held, with no attempts, and keeps the failure that it had; but not before its output
    ///   is noted as removed.
    /// - Of many concurrent calls for one generation exactly one opens the job.
    /// - Jobs that would fail again, that have not failed, or that are unknown are left alone.
    async fn redrive(&self, id: JobId, generation: usize) -> Result<Option<Job>, PortError>;

    /// Forgets jobs that ended at least `after` ago, save those whose output is still to be removed. At most `limit`;
    /// returns how many.
    ///
    /// # Behavior
    /// - Final jobs are not found any more once their time has come.
    /// - Open jobs, jobs that ended later, and jobs whose output is still to be removed are left alone.
    async fn expire(&self, after: Duration, limit: usize) -> Result<usize, PortError>;

    /// Forgets what a user's jobs were, once they have ended.
    ///
    /// # Behavior
    /// - The user's final jobs are not found any more; open jobs and those of others are left alone.
    async fn forget(&self, owner: UserId) -> Result<(), PortError>;
}
