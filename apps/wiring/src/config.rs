//! The configuration: command-line flags over environment variables over the `.env` file over defaults.

use std::convert::Infallible;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use pixmill::{Limits, Secret, Settings, UserQuota};
use pixmill_api::TrustedProxy;

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

/// Everything that a deployment may choose.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address to listen on
    #[arg(long, env = "HOST", default_value = "127.0.0.1", help_heading = "Server")]
    pub host: IpAddr,
    /// Port to listen on; 0 lets the system choose
    #[arg(long, env = "PORT", default_value_t = 3000, help_heading = "Server")]
    pub port: u16,
    /// Where clients reach the server, if not at its own address; signed links begin with it
    #[arg(long, env = "PUBLIC_URL", value_parser = public_url, help_heading = "Server")]
    pub public_url: Option<String>,
    /// Seconds that running requests and jobs have to finish when the server is stopped
    #[arg(long, env = "SHUTDOWN_GRACE_SECS", default_value_t = 30, help_heading = "Server")]
    pub shutdown_grace_secs: u64,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', help_heading = "Server")]
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Origins whose web pages may call the API, separated by commas; `*` for all
    #[arg(long, env = "CORS_ALLOWED_ORIGINS", value_delimiter = ',', help_heading = "Server")]
    pub cors_allowed_origins: Vec<String>,
    /// How log lines are written; what is logged follows `RUST_LOG`
    #[arg(long, env = "LOG_FORMAT", default_value = "text", help_heading = "Server")]
    pub log_format: LogFormat,

    /// Folder that everything is kept in
    #[arg(long, env = "PIXMILL_DATA_DIR", default_value = "./data", help_heading = "Storage")]
    pub data_dir: PathBuf,
    /// Seconds that the result of an unsaved transformation stays readable
    #[arg(long, env = "CACHE_TTL_SECS", default_value_t = 86_400, value_parser = seconds(), help_heading = "Storage")]
    pub cache_ttl_secs: u64,
    /// Memory for cached files, in bytes
    #[arg(long, env = "CACHE_MAX_BYTES", default_value_t = 64 << 20, help_heading = "Storage")]
    pub cache_max_bytes: u64,
    /// Seconds that a signed link works
    #[arg(long, env = "SIGNED_URL_TTL_SECS", default_value_t = 900, value_parser = seconds(), help_heading = "Storage")]
    pub signed_url_ttl_secs: u64,

    /// Key that tokens and links are signed with, at least 32 bytes; made and kept in the data folder if absent
    #[arg(long, env = "JWT_SECRET", value_parser = secret, hide_env_values = true, help_heading = "Users")]
    pub jwt_secret: Option<Secret>,
    /// Seconds that a login lasts
    #[arg(long, env = "JWT_TTL_SECS", default_value_t = 86_400, value_parser = seconds(), help_heading = "Users")]
    pub jwt_ttl_secs: u64,
    /// Whether strangers may register
    #[arg(long, env = "ALLOW_REGISTRATION", default_value_t = true, action = clap::ArgAction::Set, help_heading = "Users")]
    pub allow_registration: bool,
    /// Bytes that all images of a user may take; 0 for no limit
    #[arg(long, env = "QUOTA_BYTES", default_value_t = 0, help_heading = "Users")]
    pub quota_bytes: u64,
    /// Images that a user may have; 0 for no limit
    #[arg(long, env = "QUOTA_IMAGES", default_value_t = 0, help_heading = "Users")]
    pub quota_images: u64,
    /// Jobs of a user that may wait or run at once; 0 for no limit
    #[arg(long, env = "QUOTA_OPEN_JOBS", default_value_t = 0, help_heading = "Users")]
    pub quota_open_jobs: u64,
    /// Uploads, transformations and deletions that a user may ask for in one window; 0 for no limit
    #[arg(long, env = "RATE_LIMIT_REQUESTS", default_value_t = 100, help_heading = "Users")]
    pub rate_limit_requests: u32,
    /// Length of that window in seconds
    #[arg(long, env = "RATE_LIMIT_WINDOW_SECS", default_value_t = 900, value_parser = seconds(), help_heading = "Users")]
    pub rate_limit_window_secs: u64,

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

    /// Jobs that are worked on at once; as many as there are processors if absent
    #[arg(long, env = "WORKER_CONCURRENCY", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Worker")]
    pub worker_concurrency: Option<u16>,
    /// Memory that all running jobs may plan to use together, in bytes
    #[arg(long, env = "WORKER_MEMORY_BYTES", default_value_t = 1 << 30, value_parser = clap::value_parser!(u64).range(64 << 20..), help_heading = "Worker")]
    pub worker_memory_bytes: u64,
    /// Where the pixels are worked on
    #[arg(long, env = "PIXMILL_PROCESSOR", default_value = "child-processes", help_heading = "Worker")]
    pub processor: ProcessorForm,
    /// Seconds after which a job whose worker gives no sign of life is taken by another
    #[arg(long, env = "LEASE_SECS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(3..=86_400), help_heading = "Worker")]
    pub lease_secs: u64,
    /// Seconds between two looks for interrupted work
    #[arg(long, env = "SWEEP_INTERVAL_SECS", default_value_t = 10, value_parser = seconds(), help_heading = "Worker")]
    pub sweep_interval_secs: u64,

    /// Systems that take the place of the data folder
    #[command(flatten)]
    pub systems: Systems,
}

/// A hundred years: sums with a time of day stay far from overflow.
const LONGEST_SECS: u64 = 100 * 365 * 86_400;
/// The shortest key that HMAC-SHA256 should be used with (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;

fn limit(most: u64) -> Option<u64> {
    (most > 0).then_some(most)
}

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

fn public_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', ' ']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("it must be http:// or https:// and a host, such as https://images.example.com".to_owned()),
    }
}

impl Config {
    /// The core's share of the configuration. `public_url` is where the server is reached if none is configured.
    pub(crate) fn settings(&self, public_url: String) -> Settings {
        Settings {
            public_url: self.public_url.clone().unwrap_or(public_url),
            max_upload_bytes: self.max_upload_bytes,
            limits: Limits {
                max_pixels: self.max_pixels,
                max_output_pixels: self.max_pixels,
                max_memory_bytes: self.job_memory_bytes(),
                ..Limits::default()
            },
            result_ttl: Duration::from_secs(self.cache_ttl_secs),
            max_cached_bytes: (self.cache_max_bytes / 8).min(8 << 20),
            link_ttl: Duration::from_secs(self.signed_url_ttl_secs),
            job_timeout: Duration::from_secs(self.job_timeout_secs),
            job_max_attempts: self.job_max_attempts,
            lease: Duration::from_secs(self.lease_secs),
            sweep_interval: Duration::from_secs(self.sweep_interval_secs),
            worker_concurrency: self.slots(),
            quota: UserQuota {
                bytes: limit(self.quota_bytes),
                images: limit(self.quota_images),
                open_jobs: limit(self.quota_open_jobs),
            },
            allow_registration: self.allow_registration,
            ..Settings::default()
        }
    }

    /// Says what is wrong with values that can't be told wrong while they are parsed, and with variables that
    /// this build does not know what to do with; `is_set` says which there are.
    pub(crate) fn check(&self, is_set: impl Fn(&str) -> bool) -> Result<(), String> {
        self.systems.check(is_set)?;
        match &self.jwt_secret {
            Some(secret) if secret.expose().len() < SHORTEST_SECRET => Err(format!(
                "JWT_SECRET has {} bytes and needs at least {SHORTEST_SECRET}; make one with `openssl rand -hex 32`",
                secret.expose().len()
            )),
            _ => Ok(()),
        }
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    fn parse(arguments: &[&str]) -> Result<Config, String> {
        Cli::try_parse_from([&["pixmill-server"], arguments].concat())
            .map(|cli| cli.config)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_short_secret_is_refused_and_never_shown() {
        let error = parse(&["--jwt-secret", "hunter2"]).unwrap().check(|_| false).unwrap_err();
        assert!(error.contains("openssl rand -hex 32") && !error.contains("hunter2"), "{error}");
        let config = parse(&["--jwt-secret", &"s3cr3t".repeat(6)]).unwrap();
        assert_eq!(config.check(|_| false), Ok(()));
        assert!(!format!("{config:?}").contains("s3cr3t"));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for arguments in [
            ["--port", "70000"],
            ["--jwt-ttl-secs", "0"],
            ["--lease-secs", "1"],
            ["--job-max-attempts", "0"],
            ["--max-upload-bytes", "0"],
            ["--worker-memory-bytes", "1"],
            ["--worker-concurrency", "0"],
            ["--public-url", "images.example.com"],
            ["--public-url", "https://"],
            ["--processor", "gpu"],
            ["--trusted-proxies", "10.0.0.0/33"],
        ] {
            assert!(parse(&arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn settings_follow_the_flags() {
        let config = parse(&[
            "--max-pixels",
            "5",
            "--public-url",
            "https://a.example/x/",
            "--worker-concurrency",
            "3",
        ]);
        let settings = config.unwrap().settings("http://127.0.0.1:1".to_owned());
        assert_eq!((settings.limits.max_pixels, settings.limits.max_output_pixels), (5, 5));
        assert_eq!(settings.public_url, "https://a.example/x");
        assert_eq!(settings.worker_concurrency, 3);
    }
}
