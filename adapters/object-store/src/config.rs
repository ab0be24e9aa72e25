//! What has to be known to reach a bucket.

use std::env;
use std::fmt;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use pixmill::Secret;

use crate::error::{ConnectError, said};

/// How long a connection may take to be made, and one whole request.
const CONNECT: Duration = Duration::from_secs(2);
const REQUEST: Duration = Duration::from_secs(30);
/// The driver's own tries, for what goes wrong now and then. What is away for longer is told to the caller.
const TRIES: usize = 1;

/// Which bucket, where, and as whom.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// The name of the bucket.
    pub bucket: String,
    /// The region; many compatible servers take any.
    pub region: String,
    /// Where a compatible server listens, `http://` or `https://`; absent for Amazon's own.
    pub endpoint: Option<String>,
    /// Where clients reach that server, if elsewhere than this process does; links lead there.
    pub public_endpoint: Option<String>,
    /// As whom; absent for what the environment provides: the usual variables, a web identity, or the instance's role.
    pub credentials: Option<Credentials>,
    /// What all keys begin with: empty, or one that ends with `/`, so that several services can share one bucket.
    pub prefix: String,
}

/// An access key.
#[derive(Clone)]
pub struct Credentials {
    /// Its id.
    pub access_key: String,
    /// Its secret.
    pub secret_key: Secret,
    /// What temporary keys come with.
    pub session_token: Option<Secret>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl S3Config {
    /// The client. Path style is used, which every compatible server understands.
    pub(crate) fn client(&self) -> Result<AmazonS3, ConnectError> {
        self.client_at(self.endpoint.as_ref())
    }

    /// What signs links, if they lead elsewhere.
    pub(crate) fn signer(&self) -> Result<Option<AmazonS3>, ConnectError> {
        self.public_endpoint.as_ref().map(|endpoint| self.client_at(Some(endpoint))).transpose()
    }

    fn client_at(&self, endpoint: Option<&String>) -> Result<AmazonS3, ConnectError> {
        // The HTTP client takes its cryptography from here. An error means that the program has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Self { bucket, region, endpoint: _, public_endpoint: _, credentials, prefix: _ } = self;
        let mut builder = match credentials {
            None => of_environment(),
            Some(Credentials { access_key, secret_key, session_token }) => {
                let builder = AmazonS3Builder::new()
                    .with_access_key_id(access_key)
                    .with_secret_access_key(secret_key.expose());
                match session_token {
                    Some(token) => builder.with_token(token.expose()),
                    None => builder,
                }
            }
        };
        let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let options =
            ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(REQUEST).with_allow_http(plain);
        let retry = RetryConfig {
            backoff: BackoffConfig { init_backoff: Duration::from_millis(50), ..BackoffConfig::default() },
            max_retries: TRIES,
            retry_timeout: CONNECT,
        };
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        builder
            .with_bucket_name(bucket)
            .with_region(region)
            .with_client_options(options)
            .with_retry(retry)
            .build()
            .map_err(|error| ConnectError::Settings(said(&error)))
    }

    /// Where it is, for messages.
    pub(crate) fn place(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| format!("Amazon S3 in {}", self.region))
    }
}
/// With the usual variables, but for those that are empty, which the builder would take at their word.
fn of_environment() -> AmazonS3Builder {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in env::vars_os() {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
        if !name.starts_with("AWS_") || value.is_empty() {
            continue;
        }
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    builder
}
