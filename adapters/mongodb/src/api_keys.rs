//! The repository of API keys: all keys of a user are one document, so that they can be counted as they are added.

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use pixmill::ports::{ApiKeys, PortError};
use pixmill::{ApiKey, ApiKeyId, UserId};
use serde::{Deserialize, Serialize};

use crate::documents::{Documents, Record, oid};
use crate::server::Server;

/// API keys in MongoDB.
#[derive(Debug)]
pub struct MongoApiKeys {
    rings: Documents<Ring>,
}

/// The keys of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
struct Ring {
    keys: Vec<ApiKey>,
}

impl Record for Ring {
    fn indexed(&self) -> Document {
        doc! { "keys": self.keys.iter().map(|key| oid(key.id.as_bytes())).collect::<Vec<_>>() }
    }
}

impl MongoApiKeys {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self { rings: Documents::new(server, "api_keys") }
    }
}

#[async_trait]
impl ApiKeys for MongoApiKeys {
    async fn add(&self, key: ApiKey, most: usize) -> Result<bool, PortError> {
        const OPERATION: &str = "api_keys.add";
        let id = oid(key.owner.as_bytes());
        loop {
            let added = self.rings.change(OPERATION, id, |ring, _| {
                let room = ring.keys.len() < most;
                if room {
                    ring.keys.push(key.clone());
                }
                room
            });
            if let Some(added) = added.await? {
                return Ok(added);
            }
            // The first key of this user. If somebody else begins the ring meanwhile, theirs is as good.
            self.rings.insert(OPERATION, id, &Ring::default()).await?;
        }
    }

    async fn get(&self, id: ApiKeyId) -> Result<Option<ApiKey>, PortError> {
        let ring = self.rings.one("api_keys.get", doc! { "keys": oid(id.as_bytes()) }).await?;
        Ok(ring.and_then(|ring| ring.keys.into_iter().find(|key| key.id == id)))
    }

    async fn list(&self, owner: UserId) -> Result<Vec<ApiKey>, PortError> {
        let mut keys = self.rings.get("api_keys.list", oid(owner.as_bytes())).await?.unwrap_or_default().keys;
        keys.sort_by_key(|key| Reverse((key.created_at, key.id)));
        Ok(keys)
    }

    async fn remove(&self, owner: UserId, id: ApiKeyId) -> Result<bool, PortError> {
        let removed = self.rings.change("api_keys.remove", oid(owner.as_bytes()), |ring, _| {
            let before = ring.keys.len();
            ring.keys.retain(|key| key.id != id);
            ring.keys.len() < before
        });
        Ok(removed.await?.unwrap_or(false))
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        self.rings.remove("api_keys.forget", doc! { "_id": oid(owner.as_bytes()) }).await.map(drop)
    }
}
