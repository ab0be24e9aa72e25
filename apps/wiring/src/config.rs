//! The configuration: command-line flags over environment variables over the `.env` file over defaults.

pub(crate) mod server;

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use pixmill::{Limits, Secret, Settings};

use crate::systems::Systems;

/// Where the pixels are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProcessorForm {
    /// In child processes: an input that crashes a codec costs one job.
    ChildProcesses,
    /// On threads of the server: a little less memory, no protection from crashes in C code.
    InProcess,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Everything that may be chosen for a worker, and for a server too.
#[derive(Debug, Clone, Args)]
pub struct WorkerConfig {
    /// Largest file that may be uploaded, in bytes
    #[arg(long, env = "MAX_UPLOAD_BYTES", default_value_t = 32 << 20, value_parser = positive(), help_heading = "Limits")]
    pub max_upload_bytes: u64,
    /// Most pixels that an image may have, summed over its frames, and most pixels of a result
    #[arg(long, env = "MAX_PIXELS", default_value_t = 100_000_000, value_parser = positive(), help_heading = "Limits")]
    pub max_pixels: u64,
    /// Seconds that one attempt at a job may take
    #[arg(long, env = "JOB_TIMEOUT_SECS", default_value_t = 30, value_parser = seconds(), help_heading = "Limits")]
    pub job_timeout_secs: u64,
    /// How often a job is tried in all
    #[arg(long, env = "JOB_MAX_ATTEMPTS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Limits")]
    pub job_max_attempts: u32,

    /// Jobs of one user that are before the workers at once; others of theirs wait, so that everybody's are begun soon
    #[arg(long, env = "USER_JOB_SHARE", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Limits")]
    pub user_job_share: u16,
    /// Seconds for which a job can be looked at once it has ended
    #[arg(long, env = "JOB_RETENTION_SECS", default_value_t = 30 * 86_400, value_parser = clap::value_parser!(u64).range(86_400..=LONGEST_SECS), help_heading = "Storage")]
    pub job_retention_secs: u64,

    /// Jobs that are worked on at once; as many as there are processors if absent
    #[arg(long, env = "WORKER_CONCURRENCY", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Worker")]
    pub worker_concurrency: Option<u16>,
    /// Memory that all running jobs may plan to use together, in bytes
    #[arg(long, env = "WORKER_MEMORY_BYTES", default_value_t = 1 << 30, value_parser = clap::value_parser!(u64).range(64 << 20..), help_heading = "Worker")]
    pub worker_memory_bytes: u64,
    /// Folder of fonts for the letters of watermarks that the built-in font, Noto Sans, lacks; the same on all machines
    #[arg(long, env = "FONTS_DIR", help_heading = "Worker")]
    pub fonts_dir: Option<PathBuf>,
    /// Where the pixels are worked on
    #[arg(long, env = "PIXMILL_PROCESSOR", default_value = "child-processes", help_heading = "Worker")]
    pub processor: ProcessorForm,
    /// Seconds after which a job whose worker gives no sign of life is taken by another
    #[arg(long, env = "LEASE_SECS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(3..=86_400), help_heading = "Worker")]
    pub lease_secs: u64,
    /// Seconds between two looks for interrupted work
    #[arg(long, env = "SWEEP_INTERVAL_SECS", default_value_t = 10, value_parser = seconds(), help_heading = "Worker")]
    pub sweep_interval_secs: u64,

    /// Seconds that the result of an unsaved transformation stays readable
    #[arg(long, env = "CACHE_TTL_SECS", default_value_t = 86_400, value_parser = seconds(), help_heading = "Storage")]
    pub cache_ttl_secs: u64,
    /// Memory for cached files, in bytes
    #[arg(long, env = "CACHE_MAX_BYTES", default_value_t = 64 << 20, help_heading = "Storage")]
    pub cache_max_bytes: u64,

    /// Seconds that running requests and jobs have to finish when the server is stopped
    #[arg(long, env = "SHUTDOWN_GRACE_SECS", default_value_t = 30, help_heading = "Process")]
    pub shutdown_grace_secs: u64,
    /// How log lines are written; what is logged follows `RUST_LOG`
    #[arg(long, env = "LOG_FORMAT", default_value = "text", help_heading = "Process")]
    pub log_format: LogFormat,

    /// Systems that take the place of the data folder
    #[command(flatten)]
    pub systems: Systems,
}

/// A hundred years: sums with a time of day stay far from overflow.
const LONGEST_SECS: u64 = 100 * 365 * 86_400;
fn seconds() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=LONGEST_SECS)
}

fn positive() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}

/// Takes any text: were it refused here, the value would be shown along with the reason.
#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
pub(crate) fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

impl WorkerConfig {
    /// Says what is missing, or can't go together, for a process that only works on jobs.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.systems.check_shared("a worker")?;
        self.systems.check()
    }

    /// The core's share of the configuration.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            max_upload_bytes: self.max_upload_bytes,
            limits: Limits {
                max_pixels: self.max_pixels,
                max_output_pixels: self.max_pixels,
                max_memory_bytes: self.job_memory_bytes(),
                ..Limits::default()
            },
            result_ttl: Duration::from_secs(self.cache_ttl_secs),
            max_cached_bytes: (self.cache_max_bytes / 8).min(8 << 20),
            job_timeout: Duration::from_secs(self.job_timeout_secs),
            job_max_attempts: self.job_max_attempts,
            user_share: usize::from(self.user_job_share),
            job_retention: Duration::from_secs(self.job_retention_secs),
            lease: Duration::from_secs(self.lease_secs),
            sweep_interval: Duration::from_secs(self.sweep_interval_secs),
            worker_concurrency: self.slots(),
            ..Settings::default()
        }
    }

    /// How long what was begun may go on after the stop.
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_secs)
    }

    /// Jobs that are worked on at once.
    pub(crate) fn slots(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.worker_concurrency.map_or_else(processors, usize::from)
    }

    /// Memory that one job may use.
    pub(crate) fn job_memory_bytes(&self) -> u64 {
        Limits::default().max_memory_bytes.min(self.worker_memory_bytes)
    }
}
