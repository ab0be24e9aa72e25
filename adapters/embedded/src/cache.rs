//! The cache, in this process's memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use moka::Expiry;
use pixmill::Timestamp;
use pixmill::ports::{Cache, CacheKey, Clock, PortError};

/// What an entry takes beside its bytes: the key, the pointers, its place in moka's lists.
const ENTRY_BYTES: usize = 256;
/// An entry may fill at most this part of the cache, so that one does not throw out all others.
const LARGEST_PART: u64 = 8;
/// How much longer than its time moka keeps an entry. The clock decides whether it is still good; this only frees
/// the memory of what nobody asks for.
const BACKSTOP: Duration = Duration::from_mins(1);

/// Bytes in memory, the most used of them, up to a limit.
#[derive(Clone)]
pub struct MokaCache {
    entries: moka::sync::Cache<CacheKey, Entry>,
    clock: Arc<dyn Clock>,
    largest: u64,
}

#[derive(Clone)]
struct Entry {
    bytes: Bytes,
    expires_at: Timestamp,
    ttl: Duration,
}

impl MokaCache {
    /// An empty cache for at most this many bytes.
    pub fn new(clock: Arc<dyn Clock>, max_bytes: u64) -> Self {
        let entries = moka::sync::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, entry: &Entry| u32::try_from(entry.bytes.len() + ENTRY_BYTES).unwrap_or(u32::MAX))
            .expire_after(Backstop)
            .build();
        Self { entries, clock, largest: max_bytes / LARGEST_PART }
    }
}

#[async_trait]
impl Cache for MokaCache {
    async fn get(&self, key: CacheKey) -> Result<Option<Bytes>, PortError> {
        let now = self.clock.now();
        Ok(self.entries.get(&key).filter(|entry| entry.expires_at > now).map(|entry| entry.bytes))
    }

    async fn put(&self, key: CacheKey, bytes: Bytes, ttl: Duration) -> Result<(), PortError> {
        if (bytes.len() + ENTRY_BYTES) as u64 > self.largest {
            self.entries.invalidate(&key);
        } else {
            self.entries.insert(key, Entry { bytes, expires_at: self.clock.now() + ttl, ttl });
        }
        Ok(())
    }

    async fn remove(&self, key: CacheKey) -> Result<(), PortError> {
        self.entries.invalidate(&key);
        Ok(())
    }
}

struct Backstop;

impl Expiry<CacheKey, Entry> for Backstop {
    fn expire_after_create(&self, _: &CacheKey, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl.saturating_add(BACKSTOP))
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl.saturating_add(BACKSTOP))
    }
}
