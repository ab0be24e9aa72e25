//! The cache: bytes that can be had again, kept near. Losing all of it changes nothing but speed.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::content::ContentHash;
use crate::ports::PortError;

/// Names an entry: the SHA-256 of the bytes themselves, so that no entry can hold something else's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheKey(ContentHash);

impl CacheKey {
    /// The key of the bytes with this hash.
    pub fn of(hash: &ContentHash) -> Self {
        Self(hash.clone())
    }

    /// The key as text: 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A cache of bytes.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Cache: Send + Sync + 'static {
    /// Looks an entry up.
    ///
    /// # Behavior
    /// - Unknown and expired entries give `None`.
    async fn get(&self, key: CacheKey) -> Result<Option<Bytes>, PortError>;

    /// Stores an entry for at most `ttl`. The cache may drop it earlier, or at once if it is too large.
    ///
    /// # Behavior
    /// - A stored entry is found, with the same bytes.
    /// - Storing again replaces the bytes and the time.
    async fn put(&self, key: CacheKey, bytes: Bytes, ttl: Duration) -> Result<(), PortError>;

    /// Drops an entry.
    ///
    /// # Behavior
    /// - A removed entry is not found; removing an unknown one is no error.
    async fn remove(&self, key: CacheKey) -> Result<(), PortError>;
}
