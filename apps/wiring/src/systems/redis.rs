//! Redis, for the cache, news between processes and shared rate limits.

use std::sync::Arc;

use clap::Args;
use pixmill::Secret;
use pixmill::ports::{Cache, Events, Limiter};

use crate::config::secret;
use crate::error::StartError;
use crate::probe::Probe;

/// Where Redis is.
#[derive(Debug, Clone, Args)]
pub struct Redis {
    /// Redis, for the cache, news between processes and shared rate limits: redis:// or rediss://
    #[arg(long, env = "REDIS_URL", value_parser = secret, hide_env_values = true, help_heading = "Other systems")]
    pub redis_url: Option<Secret>,
    /// Host of Redis, where neither a password nor TLS is needed
    #[arg(long, env = "REDIS_HOST", help_heading = "Other systems")]
    pub redis_host: Option<String>,
    /// Port of Redis at that host
    #[arg(long, env = "REDIS_PORT", default_value_t = 6379, help_heading = "Other systems")]
    pub redis_port: u16,
    /// What all keys and channels begin with, for several installations over one Redis
    #[arg(long, env = "REDIS_PREFIX", default_value = "pixmill:", help_heading = "Other systems")]
    pub redis_prefix: String,
}

/// The ports that Redis can serve.
pub(crate) struct Shared {
    pub(crate) cache: Arc<dyn Cache>,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) limiter: Arc<dyn Limiter>,
}

impl Redis {
    /// Its URL, if it is to be used.
    pub(super) fn url(&self) -> Option<Secret> {
        self.redis_url.clone().or_else(|| {
            let host = self.redis_host.as_ref()?;
            Some(Secret::new(format!("redis://{host}:{}", self.redis_port)))
        })
    }

    /// The ports that it serves, if it is configured. The service can do without it for a while, only slower, so it need
    /// not be there. Call it inside a runtime.
    #[cfg(feature = "redis")]
    pub(crate) fn open(&self, probes: &mut Vec<Probe>) -> Result<Option<Shared>, StartError> {
        let Some(url) = self.url() else { return Ok(None) };
        let (url, prefix) = (url.expose().to_owned(), self.redis_prefix.clone());
        let redis = pixmill_redis::Redis::open(pixmill_redis::RedisConfig { url, prefix })?;
        let shared = Shared { cache: redis.cache(), events: redis.events(), limiter: redis.limiter() };
        let probe = Probe::new("Redis", move || {
            let redis = redis.clone();
            async move { redis.ping().await }
        });
        probes.push(probe.optional());
        Ok(Some(shared))
    }

    #[cfg(not(feature = "redis"))]
    pub(crate) fn open(&self, _: &mut Vec<Probe>) -> Result<Option<Shared>, StartError> {
        match self.url() {
            None => Ok(None),
            Some(_) => Err(super::left_out("REDIS_URL or REDIS_HOST", "Redis", "redis")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_is_found_by_url_or_by_host() {
        let url = |redis: Redis| redis.url().map(|url| url.expose().to_owned());
        assert_eq!(url(Redis::none()), None);
        let host = || Redis { redis_host: Some("cache".into()), redis_port: 7, ..Redis::none() };
        assert_eq!(url(host()).as_deref(), Some("redis://cache:7"));
        let both = Redis { redis_url: Some(Secret::new("rediss://a")), ..host() };
        assert_eq!(url(both).as_deref(), Some("rediss://a"));
    }
}
