//! Pixmill over Redis: the cache, news between processes, and rate limits that all of them share.
//!
//! Nothing that must not be lost is kept here. When Redis is away the cache misses, news reach the listeners of the
//! same process only, and limits can't be counted; when it is back, all of it goes on by itself.

mod cache;
mod config;
mod connection;
mod error;
mod events;
mod limiter;

use std::sync::Arc;

pub use cache::RedisCache;
pub use config::{ConfigError, RedisConfig};
pub use events::RedisEvents;
pub use limiter::RedisLimiter;

use connection::Connection;

/// The ports that one Redis serves.
#[derive(Debug, Clone)]
pub struct Redis {
    connection: Connection,
    client: redis::Client,
    prefix: Arc<str>,
}

impl Redis {
    /// Prepares the connection; it is made when it is first needed, and again whenever it was lost. Call it inside a
    /// tokio runtime.
    ///
    /// # Errors
    /// [`ConfigError`] if the URL is none of Redis.
    pub fn open(config: RedisConfig) -> Result<Self, ConfigError> {
        let RedisConfig { url, prefix } = config;
        let client = redis::Client::open(url.as_str()).map_err(|error| ConfigError::new(&error))?;
        let connection = Connection::new(&client).map_err(|error| ConfigError::new(&error))?;
        Ok(Self { connection, client, prefix: prefix.into() })
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), pixmill::ports::PortError> {
        self.connection.run("ping", redis::cmd("PING")).await
    }

    /// The cache.
    pub fn cache(&self) -> Arc<RedisCache> {
        Arc::new(RedisCache::new(self.connection.clone(), self.prefix.clone()))
    }

    /// The carrier of events. Each has a connection of its own on which it listens.
    pub fn events(&self) -> Arc<RedisEvents> {
        Arc::new(RedisEvents::start(self.connection.clone(), self.client.clone(), &self.prefix))
    }

    /// The limiter.
    pub fn limiter(&self) -> Arc<RedisLimiter> {
        Arc::new(RedisLimiter::new(self.connection.clone(), self.prefix.clone()))
    }
}
