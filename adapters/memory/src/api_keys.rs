//! The repository of API keys.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use pixmill::ports::{ApiKeys, PortError};
use pixmill::{ApiKey, ApiKeyId, UserId};

use crate::lock;

/// API keys in memory.
#[derive(Default)]
pub struct MemoryApiKeys {
    keys: Mutex<HashMap<ApiKeyId, ApiKey>>,
}

impl MemoryApiKeys {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl ApiKeys for MemoryApiKeys {
    async fn add(&self, key: ApiKey, most: usize) -> Result<bool, PortError> {
        let mut keys = lock(&self.keys);
        if keys.values().filter(|known| known.owner == key.owner).count() >= most {
            return Ok(false);
        }
        keys.insert(key.id, key);
        Ok(true)
    }

    async fn get(&self, id: ApiKeyId) -> Result<Option<ApiKey>, PortError> {
        Ok(lock(&self.keys).get(&id).cloned())
    }

    async fn list(&self, owner: UserId) -> Result<Vec<ApiKey>, PortError> {
        let keys = lock(&self.keys);
        let mut listed: Vec<_> = keys.values().filter(|key| key.owner == owner).cloned().collect();
        listed.sort_by_key(|key| Reverse((key.created_at, key.id)));
        Ok(listed)
    }

    async fn remove(&self, owner: UserId, id: ApiKeyId) -> Result<bool, PortError> {
        let mut keys = lock(&self.keys);
        let is_owners = keys.get(&id).is_some_and(|key| key.owner == owner);
        Ok(is_owners && keys.remove(&id).is_some())
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        lock(&self.keys).retain(|_, key| key.owner != owner);
        Ok(())
    }
}
