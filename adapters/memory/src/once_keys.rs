//! The memory of idempotency keys.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Clock, Made, OnceKeys, PortError, Turn};
use pixmill::{MadeId, OnceKey, Timestamp, UserId};

use crate::lock;

/// Idempotency keys in memory.
pub struct MemoryOnceKeys {
    clock: Arc<dyn Clock>,
    records: Mutex<HashMap<OnceKey, Record>>,
}

struct Record {
    /// The last one has the turn, until then.
    attempts: Vec<MadeId>,
    held_until: Timestamp,
    made: Option<Made>,
    forgotten_at: Timestamp,
}

impl MemoryOnceKeys {
    /// No keys. Their times run by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, records: Mutex::default() }
    }
}

impl Record {
    fn is_held_by(&self, id: MadeId) -> bool {
        self.made.is_none() && self.attempts.last() == Some(&id)
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
        let mut records = lock(&self.records);
        let now = self.clock.now();
        let held_until = now + lease;
        let mut known = match records.entry(key) {
            Entry::Occupied(known) if known.get().forgotten_at > now => known,
            entry => {
                let attempts = vec![attempt];
                entry.insert_entry(Record { attempts, held_until, made: None, forgotten_at: now + keep });
                return Ok(Turn::Yours { before: Vec::new() });
            }
        };
        let record = known.get_mut();
        if let Some(made) = &record.made {
            return Ok(Turn::Done(made.clone()));
        }
        if record.held_until > now {
            return Ok(Turn::Taken);
        }
        let before = record.attempts.clone();
        record.attempts.push(attempt);
        record.held_until = held_until;
        Ok(Turn::Yours { before })
    }

    async fn done(&self, key: OnceKey, attempt: MadeId, made: Made) -> Result<(), PortError> {
        if let Some(record) = lock(&self.records).get_mut(&key).filter(|record| record.is_held_by(attempt)) {
            record.made = Some(made);
        }
        Ok(())
    }

    async fn give_up(&self, key: OnceKey, attempt: MadeId) -> Result<(), PortError> {
        if let Entry::Occupied(record) = lock(&self.records).entry(key)
            && record.get().is_held_by(attempt)
        {
            record.remove();
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
        Ok(records.extract_if(|_, record| record.forgotten_at <= now).take(limit).count())
    }
}
