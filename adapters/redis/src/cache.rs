//! The cache. How much it may take, and what goes first, is for Redis to say (`maxmemory`, `maxmemory-policy`).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pixmill::ports::{Cache, CacheKey, PortError};

use crate::connection::Connection;

/// A cache in Redis.
#[derive(Debug)]
pub struct RedisCache {
    connection: Connection,
    prefix: Arc<str>,
}

impl RedisCache {
    pub(crate) fn new(connection: Connection, prefix: Arc<str>) -> Self {
        Self { connection, prefix }
    }

    fn key(&self, key: &CacheKey) -> String {
        format!("{}cache:{}", self.prefix, key.as_str())
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: CacheKey) -> Result<Option<Bytes>, PortError> {
        let mut command = redis::cmd("GET");
        command.arg(self.key(&key));
        self.connection.run("cache.get", command).await
    }

    async fn put(&self, key: CacheKey, bytes: Bytes, ttl: Duration) -> Result<(), PortError> {
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64 / 2);
        let mut command = redis::cmd("SET");
        command.arg(self.key(&key)).arg(bytes.as_ref()).arg("PX").arg(millis);
        self.connection.run("cache.put", command).await
    }

    async fn remove(&self, key: CacheKey) -> Result<(), PortError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.key(&key));
        self.connection.run("cache.remove", command).await
    }
}
