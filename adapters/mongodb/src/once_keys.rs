//! The memory of idempotency keys.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use pixmill::ports::{Made, OnceKeys, PortError, Turn};
use pixmill::{MadeId, OnceKey, OnceOperation, Turns, UserId};
use serde::{Deserialize, Serialize};

use crate::documents::{Documents, Record, at_most, millis, oid};
use crate::server::Server;

/// Idempotency keys in MongoDB.
#[derive(Debug)]
pub struct MongoOnceKeys {
    keys: Documents<KeyRecord>,
}

/// A key as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyRecord {
    owner: UserId,
    #[serde(flatten)]
    turns: Turns,
}

impl Record for KeyRecord {
    fn indexed(&self) -> Document {
        doc! {
            "owner": oid(self.owner.as_bytes()),
            "forgottenAt": millis(self.turns.forgotten_at()),
        }
    }
}

/// A document's id: the owner, the operation and the client's key, whose characters are all visible ones.
fn id(key: &OnceKey) -> String {
    let operation = match key.operation {
        OnceOperation::Upload => "upload",
        OnceOperation::Transform => "transform",
        OnceOperation::Batch => "batch",
    };
    format!("{} {operation} {}", key.owner, key.key.as_str())
}

impl MongoOnceKeys {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self { keys: Documents::new(server, "once_keys") }
    }
}

#[async_trait]
impl OnceKeys for MongoOnceKeys {
    async fn begin(
        &self,
        key: OnceKey,
        attempt: MadeId,
        lease: Duration,
        keep: Duration,
    ) -> Result<Turn, PortError> {
        const OPERATION: &str = "once_keys.begin";
        let id = id(&key);
        loop {
            let turn = self
                .keys
                .change(OPERATION, id.clone(), |record, now| record.turns.take(attempt, now, lease, keep));
            if let Some(turn) = turn.await? {
                return Ok(turn);
            }
            let turns = Turns::first(attempt, self.keys.now(OPERATION).await?, lease, keep);
            let fresh = KeyRecord { owner: key.owner, turns };
            if self.keys.insert(OPERATION, id.clone(), &fresh).await? {
                return Ok(Turn::Yours { before: Vec::new() });
            }
        }
    }

    async fn renew(&self, key: OnceKey, attempt: MadeId, lease: Duration) -> Result<bool, PortError> {
        let renew = |record: &mut KeyRecord, now| record.turns.renew(attempt, now, lease);
        Ok(self.keys.change("once_keys.renew", id(&key), renew).await?.unwrap_or(false))
    }

    async fn done(&self, key: OnceKey, attempt: MadeId, made: Made) -> Result<(), PortError> {
        let done = |record: &mut KeyRecord, _| record.turns.done(attempt, made.clone());
        self.keys.change("once_keys.done", id(&key), done).await.map(drop)
    }

    async fn give_up(&self, key: OnceKey, attempt: MadeId) -> Result<(), PortError> {
        let give_up = |record: &mut KeyRecord, now| record.turns.give_up(attempt, now);
        self.keys.change("once_keys.give_up", id(&key), give_up).await.map(drop)
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        self.keys.remove("once_keys.forget", doc! { "owner": oid(owner.as_bytes()) }).await.map(drop)
    }

    async fn purge(&self, limit: usize) -> Result<usize, PortError> {
        const OPERATION: &str = "once_keys.purge";
        let over = doc! { "$lte": millis(self.keys.now(OPERATION).await?) };
        let filter = doc! { "forgottenAt": over.clone() };
        let ids = self.keys.ids(OPERATION, filter, doc! { "forgottenAt": 1 }, at_most(limit)).await?;
        // A key may have been used anew since.
        let filter = doc! { "_id": { "$in": ids }, "forgottenAt": over };
        Ok(self.keys.remove(OPERATION, filter).await? as usize)
    }
}
