//! Recently changed jobs in memory, so that polling a job's status costs no hop to a reader's thread.
//!
//! Only the writer's thread puts jobs in, after their commit and in the order of the commits. Readers never do: a
//! row read just before a commit could otherwise be put in just after it, and stay. Before the commit it takes out what was
//! there: whoever has seen the new state in a list must not find the old one here.

use std::sync::Arc;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use pixmill::{Job, JobId};

/// What a job takes in memory, about: a kilobyte of fields and texts, and its place in the cache.
const JOB_BYTES: u64 = 2048;

/// The latest committed state of some jobs.
#[derive(Debug)]
pub(crate) struct JobCache {
    jobs: Cache<JobId, Arc<Job>>,
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
        self.jobs.get(&id)
    }

    /// For the writer's thread alone, with what it has committed.
    pub(crate) fn put(&self, job: Job) {
        self.jobs.insert(job.id, Arc::new(job));
    }

    /// For the writer's thread alone, before it commits another state of the job, and once there is no such job any more.
    pub(crate) fn remove(&self, id: JobId) {
        self.jobs.invalidate(&id);
    }
}
