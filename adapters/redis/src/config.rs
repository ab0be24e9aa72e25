//! What has to be known to reach Redis.

use std::fmt;

/// How Redis is reached.
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://` or `rediss://` (TLS), user and password if there are some, host, port and number of the database.
    pub url: String,
    /// What all keys and channels begin with, so that several services can share one Redis.
    pub prefix: String,
}

impl RedisConfig {
    /// The Redis at `url`, with keys that begin with `pixmill:`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), prefix: "pixmill:".to_owned() }
    }
}

impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("RedisConfig").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The URL is none of Redis.
#[derive(Debug, thiserror::Error)]
#[error("the URL of Redis can't be used ({0}); it must look like redis://host:6379, or rediss:// for TLS")]
pub struct ConfigError(String);

impl ConfigError {
    /// The driver's words for what is wrong, without what it may have read.
    pub(crate) fn new(error: &redis::RedisError) -> Self {
        Self(error.category().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Redis;

    #[tokio::test]
    async fn a_wrong_url_is_refused_without_its_password() {
        for url in ["", "localhost", "http://user:hunter2@localhost", "redis://user:hunter2@localhost:port"] {
            let error = Redis::open(RedisConfig::new(url)).unwrap_err().to_string();
            assert!(error.contains("redis://host") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_url_is_not_shown() {
        assert!(!format!("{:?}", RedisConfig::new("redis://user:hunter2@localhost")).contains("hunter2"));
    }
}
