//! The memory of idempotency keys.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Clock, Made, OnceKeys, PortError, Turn};
use pixmill::{MadeId, OnceKey, Turns, UserId};

use crate::lock;

/// Idempotency keys in memory.
pub struct MemoryOnceKeys {
    clock: Arc<dyn Clock>,
    records: Mutex<HashMap<OnceKey, Turns>>,
}

impl MemoryOnceKeys {
    /// No keys. Their times run by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, records: Mutex::default() }
    }
}

#[async_trait]
impl OnceKeys for MemoryOnceKeys {
    async fn begin(
        &self,
        key: OnceKey,
        attempt: MadeId,
        lease: Duration,
        keep: Duration,
    ) -> Result<Turn, PortError> {
        let now = self.clock.now();
        match lock(&self.records).entry(key) {
            Entry::Occupied(mut known) => Ok(known.get_mut().take(attempt, now, lease, keep)),
            Entry::Vacant(entry) => {
                entry.insert(Turns::first(attempt, now, lease, keep));
                Ok(Turn::Yours { before: Vec::new() })
            }
        }
    }

    async fn renew(&self, key: OnceKey, attempt: MadeId, lease: Duration) -> Result<bool, PortError> {
        let now = self.clock.now();
        Ok(lock(&self.records).get_mut(&key).is_some_and(|turns| turns.renew(attempt, now, lease)))
    }

    async fn done(&self, key: OnceKey, attempt: MadeId, made: Made) -> Result<(), PortError> {
        if let Some(turns) = lock(&self.records).get_mut(&key) {
            turns.done(attempt, made);
        }
        Ok(())
    }

    async fn give_up(&self, key: OnceKey, attempt: MadeId) -> Result<(), PortError> {
        if let Some(turns) = lock(&self.records).get_mut(&key) {
            turns.give_up(attempt, self.clock.now());
        }
        Ok(())
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        lock(&self.records).retain(|key, _| key.owner != owner);
        Ok(())
    }

    async fn purge(&self, limit: usize) -> Result<usize, PortError> {
        let mut records = lock(&self.records);
        let now = self.clock.now();
        Ok(records.extract_if(|_, turns| turns.forgotten_at() <= now).take(limit).count())
    }
}
