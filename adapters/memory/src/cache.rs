//! The cache.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pixmill::Timestamp;
use pixmill::ports::{Cache, CacheKey, Clock, PortError};

use crate::lock;

/// A cache in memory, of bounded size: what expires soonest makes room.
pub struct MemoryCache {
    clock: Arc<dyn Clock>,
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: HashMap<CacheKey, Entry>,
    /// The same entries by the time they expire, then by the order in which they came.
    by_expiry: BTreeMap<Place, CacheKey>,
    stored_so_far: u64,
    bytes: usize,
}

type Place = (Timestamp, u64);

struct Entry {
    bytes: Bytes,
    place: Place,
}

impl MemoryCache {
    /// Bytes that [`new`](Self::new) allows: 64 MiB.
    pub const DEFAULT_MAX_BYTES: usize = 64 << 20;

    /// An empty cache of [`DEFAULT_MAX_BYTES`](Self::DEFAULT_MAX_BYTES). Entries expire by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_max_bytes(clock, Self::DEFAULT_MAX_BYTES)
    }

    /// An empty cache whose entries together never have more than `max_bytes`.
    pub fn with_max_bytes(clock: Arc<dyn Clock>, max_bytes: usize) -> Self {
        Self { clock, max_bytes, state: Mutex::default() }
    }
}

impl State {
    fn remove(&mut self, key: &CacheKey) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_expiry.remove(&entry.place);
            self.bytes -= entry.bytes.len();
        }
    }

    /// Removes entries that have expired, and then others until `needed` more bytes fit into `max_bytes`.
    fn make_room(&mut self, now: Timestamp, needed: usize, max_bytes: usize) {
        while let Some(((expires_at, _), key)) = self.by_expiry.first_key_value()
            && (*expires_at <= now || self.bytes + needed > max_bytes)
        {
            let key = key.clone();
            self.remove(&key);
        }
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: CacheKey) -> Result<Option<Bytes>, PortError> {
        let now = self.clock.now();
        let state = lock(&self.state);
        Ok(state.entries.get(&key).filter(|entry| entry.place.0 > now).map(|entry| entry.bytes.clone()))
    }

    async fn put(&self, key: CacheKey, bytes: Bytes, ttl: Duration) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        state.remove(&key);
        if bytes.len() > self.max_bytes {
            return Ok(());
        }
        state.make_room(now, bytes.len(), self.max_bytes);
        state.stored_so_far += 1;
        let place = (now + ttl, state.stored_so_far);
        state.bytes += bytes.len();
        state.by_expiry.insert(place, key.clone());
        state.entries.insert(key, Entry { bytes, place });
        Ok(())
    }

    async fn remove(&self, key: CacheKey) -> Result<(), PortError> {
        lock(&self.state).remove(&key);
        Ok(())
    }
}
