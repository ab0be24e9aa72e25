//! The systems that can take the place of the data folder, port by port: which are configured, and the ports that they
//! give. Each is left out of a build without its feature; being configured all the same is then an error.

use std::sync::Arc;

use clap::Args;
use pixmill::Secret;
use pixmill::ports::{BlobStore, Cache, Events, Limiter};

use crate::config::secret;
use crate::error::StartError;

/// Where other systems are.
#[derive(Debug, Clone, Args)]
pub struct Systems {
    /// Redis, for the cache, news between processes and shared rate limits: redis:// or rediss://
    #[arg(long, env = "REDIS_URL", value_parser = secret, hide_env_values = true, help_heading = "Other systems")]
    pub redis_url: Option<Secret>,
    /// Host of Redis, where neither a password nor TLS is needed
    #[arg(long, env = "REDIS_HOST", help_heading = "Other systems")]
    pub redis_host: Option<String>,
    /// Port of Redis at that host
    #[arg(long, env = "REDIS_PORT", default_value_t = 6379, help_heading = "Other systems")]
    pub redis_port: u16,
    /// Bucket of S3, or of a compatible server, that keeps the bytes of images
    #[arg(long, env = "AWS_BUCKET_NAME", help_heading = "Other systems")]
    pub bucket: Option<String>,
    /// Region of the bucket
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1", help_heading = "Other systems")]
    pub region: String,
    /// Where a compatible server listens; absent for Amazon's own
    #[arg(long, env = "AWS_ENDPOINT_URL", help_heading = "Other systems")]
    pub endpoint_url: Option<String>,
    /// Access key for the bucket; the usual variables and roles count if it is absent
    #[arg(long, env = "AWS_IAM_ACCESS_KEY", help_heading = "Other systems")]
    pub access_key: Option<String>,
    /// Secret of that access key
    #[arg(long, env = "AWS_IAM_SECRET_KEY", value_parser = secret, hide_env_values = true, help_heading = "Other systems")]
    pub secret_key: Option<Secret>,
}

/// The ports that Redis can serve.
pub(crate) struct Shared {
    pub(crate) cache: Arc<dyn Cache>,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) limiter: Arc<dyn Limiter>,
}

/// Variables of systems that can't be used with jobs in the data folder.
const UNUSABLE: [(&str, &str); 3] = [
    (
        "MONGO_URI",
        "this build has no adapter for MongoDB; unset it to keep users, images and jobs in the data folder",
    ),
    ("RABBITMQ_HOST", QUEUE),
    ("RABBITMQ_URL", QUEUE),
];
const QUEUE: &str =
    "jobs in the data folder are queued there, and this build can keep them nowhere else; unset it";

impl Systems {
    /// Says what can't be honoured; `is_set` says which variables there are.
    pub(crate) fn check(&self, is_set: impl Fn(&str) -> bool) -> Result<(), String> {
        if let Some((name, reason)) = UNUSABLE.into_iter().find(|(name, _)| is_set(name)) {
            return Err(format!("{name} is set, but {reason}"));
        }
        match (filled(self.access_key.as_ref()), &self.secret_key) {
            (Some(_), None) => {
                Err("AWS_IAM_ACCESS_KEY is set without AWS_IAM_SECRET_KEY; set both or none".into())
            }
            (None, Some(_)) => {
                Err("AWS_IAM_SECRET_KEY is set without AWS_IAM_ACCESS_KEY; set both or none".into())
            }
            _ => Ok(()),
        }
    }

    /// Where Redis is, if it is to be used.
    fn redis(&self) -> Option<Secret> {
        let url = self.redis_url.clone().filter(|url| !url.expose().is_empty());
        url.or_else(|| {
            let host = filled(self.redis_host.as_ref())?;
            Some(Secret::new(format!("redis://{host}:{}", self.redis_port)))
        })
    }

    /// Where the bytes of images are kept, for people and for comparing: nothing for the data folder.
    pub(crate) fn bucket(&self) -> Option<String> {
        let bucket = filled(self.bucket.as_ref())?;
        let place = filled(self.endpoint_url.as_ref()).map_or_else(|| self.region.clone(), Clone::clone);
        Some(format!("the bucket {bucket} at {place}"))
    }

    /// The ports that Redis serves, or `own` without one.
    #[cfg(feature = "redis")]
    pub(crate) async fn shared(&self, own: impl FnOnce() -> Shared) -> Result<Shared, StartError> {
        let Some(url) = self.redis() else { return Ok(own()) };
        let redis = pixmill_redis::Redis::open(pixmill_redis::RedisConfig::new(url.expose()))?;
        if let Err(error) = redis.ping().await {
            // The service can do without, only slower, and it may come.
            let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::warn!(%error, reason, "Redis is away; going on without it until it answers");
        }
        Ok(Shared { cache: redis.cache(), events: redis.events(), limiter: redis.limiter() })
    }

    #[cfg(not(feature = "redis"))]
    #[expect(clippy::unused_async, reason = "with the feature there is something to wait for")]
    pub(crate) async fn shared(&self, own: impl FnOnce() -> Shared) -> Result<Shared, StartError> {
        match self.redis() {
            None => Ok(own()),
            Some(_) => Err(left_out("REDIS_URL or REDIS_HOST", "Redis", "redis")),
        }
    }

    /// The store of the bytes of images, or `own` if no bucket is named.
    #[cfg(feature = "s3")]
    pub(crate) async fn blobs(&self, own: Arc<dyn BlobStore>) -> Result<Arc<dyn BlobStore>, StartError> {
        use pixmill_object_store::{Credentials, S3BlobStore, S3Config};

        let Some(bucket) = filled(self.bucket.as_ref()) else { return Ok(own) };
        let credentials =
            filled(self.access_key.as_ref()).zip(self.secret_key.clone()).map(|(access_key, secret_key)| {
                Credentials { access_key: access_key.clone(), secret_key, session_token: None }
            });
        let config = S3Config {
            bucket: bucket.clone(),
            region: self.region.clone(),
            endpoint: filled(self.endpoint_url.as_ref()).cloned(),
            credentials,
            prefix: String::new(),
        };
        Ok(Arc::new(S3BlobStore::connect(&config).await?))
    }

    #[cfg(not(feature = "s3"))]
    #[expect(clippy::unused_async, reason = "with the feature there is something to wait for")]
    pub(crate) async fn blobs(&self, own: Arc<dyn BlobStore>) -> Result<Arc<dyn BlobStore>, StartError> {
        match filled(self.bucket.as_ref()) {
            None => Ok(own),
            Some(_) => Err(left_out("AWS_BUCKET_NAME", "S3", "s3")),
        }
    }
}

/// An empty variable is one that is not set, as in files of settings that were copied and not filled in.
fn filled(value: Option<&String>) -> Option<&String> {
    value.filter(|value| !value.is_empty())
}

#[cfg(not(all(feature = "redis", feature = "s3")))]
fn left_out(variables: &str, system: &str, feature: &str) -> StartError {
    StartError::Setting(format!(
        "{variables} is set, but this build leaves out the adapter for {system}; build it with `--features {feature}`, \
         or unset the variable to do without"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by hand, because parsing would see the variables of whoever runs the tests.
    fn none() -> Systems {
        Systems {
            redis_url: None,
            redis_host: None,
            redis_port: 6379,
            bucket: None,
            region: "us-east-1".to_owned(),
            endpoint_url: None,
            access_key: None,
            secret_key: None,
        }
    }

    #[test]
    fn systems_that_can_not_be_used_are_named() {
        assert_eq!(none().check(|name| name == "AWS_REGION"), Ok(()));
        assert!(none().check(|name| name == "MONGO_URI").unwrap_err().contains("MongoDB"));
        assert!(none().check(|name| name == "RABBITMQ_URL").unwrap_err().contains("jobs"));
    }

    #[test]
    fn half_an_access_key_is_refused() {
        let key = || Systems { access_key: Some("AKIA".into()), ..none() };
        let secret = Some(Secret::new("hush"));
        assert!(key().check(|_| false).unwrap_err().contains("AWS_IAM_SECRET_KEY"));
        let half = Systems { secret_key: secret.clone(), ..none() };
        assert!(half.check(|_| false).unwrap_err().contains("AWS_IAM_ACCESS_KEY"));
        assert_eq!(Systems { secret_key: secret, ..key() }.check(|_| false), Ok(()));
    }

    #[test]
    fn redis_is_found_by_url_or_by_host() {
        let url = |systems: Systems| systems.redis().map(|url| url.expose().to_owned());
        assert_eq!(url(none()), None);
        assert_eq!(url(Systems { redis_host: Some(String::new()), ..none() }), None);
        let host = || Systems { redis_host: Some("cache".into()), redis_port: 7, ..none() };
        assert_eq!(url(host()).as_deref(), Some("redis://cache:7"));
        let both = Systems { redis_url: Some(Secret::new("rediss://a")), ..host() };
        assert_eq!(url(both).as_deref(), Some("rediss://a"));
    }

    #[test]
    fn a_bucket_is_named_with_its_place() {
        assert_eq!(Systems { bucket: Some(String::new()), ..none() }.bucket(), None);
        let ours =
            Systems { bucket: Some("photos".into()), endpoint_url: Some("http://s3:9000".into()), ..none() };
        assert_eq!(ours.bucket().as_deref(), Some("the bucket photos at http://s3:9000"));
    }
}
