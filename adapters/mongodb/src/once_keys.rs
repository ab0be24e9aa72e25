//! The memory of idempotency keys.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use pixmill::ports::{Made, OnceKeys, PortError, Turn};
use pixmill::{ContentHash, MadeId, OnceKey, OnceOperation, Timestamp, UserId};
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
    /// The last one has the turn, until then.
    attempts: Vec<MadeId>,
    held_until: Timestamp,
    made: Option<(MadeId, ContentHash)>,
    forgotten_at: Timestamp,
}

impl Record for KeyRecord {
    fn indexed(&self) -> Document {
        doc! {
            "owner": oid(self.owner.as_bytes()),
            "forgottenAt": millis(self.forgotten_at),
        }
    }
}

impl KeyRecord {
    fn is_held_by(&self, id: MadeId) -> bool {
        self.made.is_none() && self.attempts.last() == Some(&id)
    }

    /// Whose turn it is now, after the caller has taken it if it is free.
    fn turn(&mut self, attempt: MadeId, now: Timestamp, lease: Duration, keep: Duration) -> Turn {
        if self.forgotten_at <= now {
            self.attempts.clear();
            self.made = None;
            self.forgotten_at = now + keep;
        } else if let Some((id, fingerprint)) = &self.made {
            return Turn::Done(Made { id: *id, fingerprint: fingerprint.clone() });
        } else if self.held_until > now && !self.attempts.is_empty() {
            return Turn::Taken;
        }
        let before = self.attempts.clone();
        self.attempts.push(attempt);
        self.held_until = now + lease;
        Turn::Yours { before }
    }
}

/// A document's id: the owner, the operation and the client's key, whose characters are all visible ones.
fn id(key: &OnceKey) -> String {
    let operation = match key.operation {
        OnceOperation::Upload => "upload",
        OnceOperation::Transform => "transform",
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
            let turn =
                self.keys.change(OPERATION, id.clone(), |record, now| record.turn(attempt, now, lease, keep));
            if let Some(turn) = turn.await? {
                return Ok(turn);
            }
            let now = self.keys.now(OPERATION).await?;
            let fresh = KeyRecord {
                owner: key.owner,
                attempts: vec![attempt],
                held_until: now + lease,
                made: None,
                forgotten_at: now + keep,
            };
            if self.keys.insert(OPERATION, id.clone(), &fresh).await? {
                return Ok(Turn::Yours { before: Vec::new() });
            }
        }
    }

    async fn done(&self, key: OnceKey, attempt: MadeId, made: Made) -> Result<(), PortError> {
        let Made { id: made, fingerprint } = made;
        let done = self.keys.change("once_keys.done", id(&key), |record, _| {
            if record.is_held_by(attempt) {
                record.made = Some((made, fingerprint.clone()));
            }
        });
        done.await.map(drop)
    }

    async fn give_up(&self, key: OnceKey, attempt: MadeId) -> Result<(), PortError> {
        // Nobody's turn and not done is as if it had never been.
        let given_up = self.keys.change("once_keys.give_up", id(&key), |record, now| {
            if record.is_held_by(attempt) {
                record.attempts.clear();
                record.forgotten_at = now;
            }
        });
        given_up.await.map(drop)
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
