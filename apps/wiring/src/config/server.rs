//! What may be chosen for a server beside what goes for its worker.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pixmill::{Secret, Settings, UserQuota};
use pixmill_api::TrustedProxy;

use super::{WorkerConfig, seconds, secret};

/// Everything that may be chosen for a server.
#[derive(Debug, Clone, Args)]
pub struct ServerConfig {
    /// Address to listen on
    #[arg(long, env = "HOST", default_value = "127.0.0.1", help_heading = "Server")]
    pub host: IpAddr,
    /// Port to listen on; 0 lets the system choose
    #[arg(long, env = "PORT", default_value_t = 3000, help_heading = "Server")]
    pub port: u16,
    /// Where clients reach the server, if not at its own address; signed links begin with it
    #[arg(long, env = "PUBLIC_URL", value_parser = public_url, help_heading = "Server")]
    pub public_url: Option<String>,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', help_heading = "Server")]
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Origins whose web pages may call the API, separated by commas; `*` for all
    #[arg(long, env = "CORS_ALLOWED_ORIGINS", value_delimiter = ',', help_heading = "Server")]
    pub cors_allowed_origins: Vec<String>,
    /// Connections that may be open; more wait until one closes
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1 << 20), help_heading = "Limits")]
    pub max_connections: u32,
    /// Uploads that may arrive at once, of which one user may have a quarter; more are refused unread
    #[arg(long, env = "MAX_UPLOADS", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Limits")]
    pub max_uploads: u16,
    /// Seconds that a signed link works
    #[arg(long, env = "SIGNED_URL_TTL_SECS", default_value_t = 900, value_parser = seconds(), help_heading = "Server")]
    pub signed_url_ttl_secs: u64,
    /// Leave all jobs to workers elsewhere
    #[arg(long, env = "NO_WORKER", help_heading = "Server")]
    pub no_worker: bool,

    /// Key that tokens and links are signed with, at least 32 bytes; made and kept in the data folder if absent
    #[arg(long, env = "JWT_SECRET", value_parser = secret, hide_env_values = true, help_heading = "Users")]
    pub jwt_secret: Option<Secret>,
    /// File with that key, as container platforms hand out secrets
    #[arg(long, env = "JWT_SECRET_FILE", help_heading = "Users")]
    pub jwt_secret_file: Option<PathBuf>,
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
    /// Jobs of all users that may wait or run at once, about
    #[arg(long, env = "MAX_OPEN_JOBS", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Limits")]
    pub max_open_jobs: u64,
    /// Requests that change something, for each user and window, and logins and registrations for each address; 0 for no
    /// limit, also on guesses at passwords
    #[arg(long, env = "RATE_LIMIT_REQUESTS", default_value_t = 100, help_heading = "Users")]
    pub rate_limit_requests: u32,
    /// Length of that window in seconds
    #[arg(long, env = "RATE_LIMIT_WINDOW_SECS", default_value_t = 900, value_parser = seconds(), help_heading = "Users")]
    pub rate_limit_window_secs: u64,

    /// Folder that everything is kept in
    #[arg(long, env = "PIXMILL_DATA_DIR", default_value = "./data", help_heading = "Storage")]
    pub data_dir: PathBuf,

    /// What goes for workers, too
    #[command(flatten)]
    pub worker: WorkerConfig,
}

/// The shortest key that HMAC-SHA256 should be used with (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;
const MAKE_ONE: &str = "make one with `openssl rand -hex 32`";

fn limit(most: u64) -> Option<u64> {
    (most > 0).then_some(most)
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

impl ServerConfig {
    /// The core's share of the configuration. `public_url` is where the server is reached if none is configured.
    pub(crate) fn settings(&self, public_url: String) -> Settings {
        Settings {
            public_url: self.public_url.clone().unwrap_or(public_url),
            link_ttl: Duration::from_secs(self.signed_url_ttl_secs),
            quota: UserQuota {
                bytes: limit(self.quota_bytes),
                images: limit(self.quota_images),
                open_jobs: limit(self.quota_open_jobs),
            },
            max_open_jobs: self.max_open_jobs,
            allow_registration: self.allow_registration,
            ..self.worker.settings()
        }
    }

    /// The key that is configured, here or in a file.
    pub(crate) fn jwt_secret(&self) -> Result<Option<Secret>, String> {
        match (self.jwt_secret.clone(), &self.jwt_secret_file) {
            (Some(secret), _) => Ok(Some(secret)),
            (None, None) => Ok(None),
            (None, Some(path)) => match fs::read_to_string(path) {
                Ok(text) => Ok(Some(Secret::new(text.trim()))),
                Err(error) => {
                    Err(format!("JWT_SECRET_FILE names {}, which can't be read: {error}", path.display()))
                }
            },
        }
    }

    /// Says what is wrong with values that can't be told wrong while they are parsed.
    pub(crate) fn check(&self) -> Result<(), String> {
        let systems = &self.worker.systems;
        systems.check()?;
        if self.no_worker {
            systems.check_shared("a server without a worker")?;
        }
        match &self.jwt_secret()? {
            Some(secret) if secret.expose().len() < SHORTEST_SECRET => Err(format!(
                "{} has {} bytes and needs at least {SHORTEST_SECRET}; {MAKE_ONE}",
                if self.jwt_secret.is_some() {
                    "JWT_SECRET"
                } else {
                    "the key in the file that JWT_SECRET_FILE names"
                },
                secret.expose().len()
            )),
            None if systems.are_shared() => Err(format!(
                "JWT_SECRET is missing: all servers over one MongoDB must sign with the same key; {MAKE_ONE}"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::systems::Systems;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: ServerConfig,
    }

    fn parse(arguments: &[&str]) -> Result<ServerConfig, String> {
        Cli::try_parse_from([&["pixmill-server"], arguments].concat())
            .map(|cli| cli.config)
            .map_err(|error| error.to_string())
    }

    /// The configuration in a deployment with everything in the data folder, whoever runs the tests.
    fn alone(arguments: &[&str]) -> ServerConfig {
        let mut config = parse(arguments).unwrap();
        config.worker.systems = Systems::none();
        config
    }

    #[test]
    fn a_short_secret_is_refused_and_never_shown() {
        let error = alone(&["--jwt-secret", "hunter2"]).check().unwrap_err();
        assert!(error.contains("openssl rand -hex 32") && !error.contains("hunter2"), "{error}");
        let config = alone(&["--jwt-secret", &"s3cr3t".repeat(6)]);
        assert_eq!(config.check(), Ok(()));
        assert!(!format!("{config:?}").contains("s3cr3t"));
    }

    #[test]
    fn a_secret_may_be_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!("{}\n", "s3cr3t".repeat(6))).unwrap();
        let mut config = alone(&[]);
        config.jwt_secret = None;
        config.jwt_secret_file = Some(file.path().to_owned());
        assert_eq!(config.jwt_secret(), Ok(Some(Secret::new("s3cr3t".repeat(6)))));
        config.jwt_secret_file = Some("/no/such/file".into());
        assert!(config.check().unwrap_err().contains("/no/such/file"));
    }

    #[test]
    fn servers_that_share_a_database_need_a_secret() {
        let distributed = ["--mongo-uri", "mongodb://db", "--rabbitmq-host", "broker", "--jwt-secret"];
        let mut config = parse(&[&distributed[..], &["s3cr3t".repeat(6).as_str()]].concat()).unwrap();
        assert_eq!(config.check(), Ok(()));
        config.jwt_secret = None;
        assert!(config.check().unwrap_err().contains("JWT_SECRET is missing"));
    }

    #[test]
    fn jobs_of_a_data_folder_are_not_left_to_others() {
        let refused = alone(&["--no-worker"]).check().unwrap_err();
        assert!(refused.contains("a server without a worker needs"), "{refused}");
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for arguments in [
            ["--port", "70000"],
            ["--jwt-ttl-secs", "0"],
            ["--lease-secs", "1"],
            ["--job-max-attempts", "0"],
            ["--max-upload-bytes", "0"],
            ["--max-uploads", "0"],
            ["--max-connections", "0"],
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
