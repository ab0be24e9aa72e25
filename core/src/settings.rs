//! The numbers that the use cases go by. Where they come from is not the core's business.

use std::time::Duration;

use pixmill_engine::Limits;

use crate::quotas::UserQuota;

/// What a deployment may choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where clients reach the API, without a slash at the end; signed links begin with it.
    pub public_url: String,
    /// Largest file that may be uploaded, in bytes.
    pub max_upload_bytes: u64,
    /// What one image may cost.
    pub limits: Limits,
    /// How long an unsaved result stays readable.
    pub result_ttl: Duration,
    /// Largest file that is kept in the cache, in bytes.
    pub max_cached_bytes: u64,
    /// How long a signed link works.
    pub link_ttl: Duration,
    /// How long one attempt at a job may take.
    pub job_timeout: Duration,
    /// How often a job is tried in all.
    pub job_max_attempts: u32,
    /// How long a worker holds a job without a sign of life.
    pub lease: Duration,
    /// How many jobs of one user are before the workers at once; others wait until one of these has ended.
    pub user_share: usize,
    /// How many jobs may wait or run in all, about; more are refused.
    pub max_open_jobs: u64,
    /// How long a job that has ended can still be looked at.
    pub job_retention: Duration,
    /// How often the sweeper looks.
    pub sweep_interval: Duration,
    /// How many jobs a worker runs at once.
    pub worker_concurrency: usize,
    /// How long an upload may take.
    pub upload_ttl: Duration,
    /// What a user may have, unless a quota of their own says otherwise.
    pub quota: UserQuota,
    /// Whether strangers may register.
    pub allow_registration: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:3000".to_owned(),
            max_upload_bytes: 32 << 20,
            limits: Limits::default(),
            result_ttl: Duration::from_hours(24),
            max_cached_bytes: 8 << 20,
            link_ttl: Duration::from_mins(15),
            job_timeout: Duration::from_secs(30),
            job_max_attempts: 5,
            lease: Duration::from_secs(30),
            user_share: 32,
            max_open_jobs: 100_000,
            job_retention: Duration::from_hours(30 * 24),
            sweep_interval: Duration::from_secs(10),
            worker_concurrency: 2,
            upload_ttl: Duration::from_hours(1),
            quota: UserQuota::default(),
            allow_registration: true,
        }
    }
}
