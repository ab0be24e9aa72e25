//! Recently changed jobs in memory, so that polling a job's status costs no hop to a reader's thread.
//!
//! Only the writer's thread puts jobs in, after their commit and in the order of the commits. Readers never do: a
//! row read just before a commit could otherwise be put in just after it, and stay. Before the commit it takes out what is
//! there. Where one commit has several changes of a job, nothing is put in before the last of them. So whoever has seen the
//! new state in a list finds no older one here.

use std::sync::Arc;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use pixmill::{Job, JobId};

/// What a job takes in memory, about: a kilobyte of fields and texts, and its place in the cache.
const JOB_BYTES: u64 = 2048;

/// The latest committed state of some jobs.
#[derive(Debug)]
pub(crate) struct JobCache {
    jobs: Cache<JobId, Known>,
}

/// What is known of a job.
#[derive(Debug, Clone)]
enum Known {
    State(Arc<Job>),
    /// Nothing, until this state or one of a later revision is committed. If it never is, as after a failed commit, the job is
    /// read from the database until its next change.
    Changing(Arc<Job>),
}

impl JobCache {
    /// A cache of about this size.
    pub(crate) fn new(max_bytes: u64) -> Self {
        // The least recently used goes first: the newest jobs are the ones that are polled.
        let jobs = Cache::builder()
            .max_capacity(max_bytes / JOB_BYTES)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { jobs }
    }

    pub(crate) fn get(&self, id: JobId) -> Option<Arc<Job>> {
        match self.jobs.get(&id)? {
            Known::State(job) => Some(job),
            Known::Changing(_) => None,
        }
    }

    /// For the writer's thread alone, before it commits another state of the job.
    pub(crate) fn changing(&self, job: &Job) {
        self.jobs.insert(job.id, Known::Changing(Arc::new(job.clone())));
    }

    /// For the writer's thread alone, with what it has committed.
    pub(crate) fn put(&self, job: Job) {
        let state = match self.jobs.get(&job.id) {
            Some(Known::Changing(awaited)) if *awaited == job => awaited,
            Some(Known::Changing(awaited)) if awaited.revision >= job.revision => return,
            _ => Arc::new(job),
        };
        self.jobs.insert(state.id, Known::State(state));
    }

    /// For the writer's thread alone, when there is no such job any more.
    pub(crate) fn remove(&self, id: JobId) {
        self.jobs.invalidate(&id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pixmill::{Claim, ClaimTerms, Timestamp, UserId};
    use pixmill_testkit::fixtures;

    use super::*;

    /// A job that waits, the same as it runs, with its lease renewed, and cancelled.
    fn states() -> [Job; 4] {
        let now = Timestamp::from_millis(1000);
        let mut job = fixtures::job(UserId::random(), now);
        let waits = job.clone();
        let terms = ClaimTerms { lease: Duration::from_mins(1), max_attempts: 3 };
        let Claim::Claimed(_, token) = job.claim(now, terms) else { panic!("it waits") };
        let runs = job.clone();
        assert!(job.renew(now, token, Duration::from_mins(2)));
        let renewed = job.clone();
        assert!(job.cancel(now));
        [waits, runs, renewed, job]
    }

    fn known(cache: &JobCache, id: JobId) -> Option<Job> {
        cache.get(id).map(Arc::unwrap_or_clone)
    }

    #[test]
    fn of_several_changes_in_one_commit_only_the_last_is_seen() {
        let cache = JobCache::new(1 << 20);
        let [waits, runs, renewed, cancelled] = states();
        let id = waits.id;
        cache.put(waits.clone());
        assert_eq!(known(&cache, id), Some(waits));
        for changes in [vec![runs.clone(), renewed.clone()], vec![renewed, cancelled], vec![runs]] {
            for job in &changes {
                cache.changing(job);
            }
            // The commit is here.
            for job in &changes {
                assert_eq!(known(&cache, id), None);
                cache.put(job.clone());
            }
            assert_eq!(known(&cache, id).as_ref(), changes.last());
        }
    }

    #[test]
    fn what_was_not_committed_is_never_seen_and_keeps_nothing_later_away() {
        let cache = JobCache::new(1 << 20);
        let [waits, runs, renewed, cancelled] = states();
        let id = waits.id;
        cache.changing(&cancelled);
        // It failed, and an operation that changed nothing gives what there was.
        cache.put(waits);
        assert_eq!(known(&cache, id), None);
        cache.changing(&runs);
        cache.put(runs);
        assert_eq!(known(&cache, id).map(|job| job.status()), Some(renewed.status()));
        cache.changing(&renewed);
        cache.put(cancelled.clone());
        assert_eq!(known(&cache, id), Some(cancelled));
    }
}
