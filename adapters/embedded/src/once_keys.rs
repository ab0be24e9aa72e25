//! Idempotency keys, one row each.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Clock, Made, OnceKeys, PortError, Turn};
use pixmill::{ContentHash, MadeId, OnceKey, OnceOperation, Timestamp, UserId};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{millis, row_limit};
use crate::database::Database;
use crate::error::DatabaseError;
use crate::writer::Durability::{Durable, Relaxed};

type Result<T> = std::result::Result<T, DatabaseError>;

/// The idempotency keys in the database.
///
/// Turns are relaxed writes: the effect that follows one is durable, and takes the turn before it along to the disk.
#[derive(Clone)]
pub struct SqliteOnceKeys {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteOnceKeys {
    pub(crate) fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

#[async_trait]
impl OnceKeys for SqliteOnceKeys {
    async fn begin(
        &self,
        key: OnceKey,
        attempt: MadeId,
        lease: Duration,
        keep: Duration,
    ) -> std::result::Result<Turn, PortError> {
        let clock = Arc::clone(&self.clock);
        let take = move |connection: &Connection| {
            let now = clock.now();
            match turn(connection, &key, now)? {
                Some(Turn::Yours { before }) => {
                    hold_again(connection, &key, &before, attempt, now + lease)?;
                    Ok(Turn::Yours { before })
                }
                Some(turn) => Ok(turn),
                None => {
                    hold(connection, &key, attempt, now + lease, now + keep)?;
                    Ok(Turn::Yours { before: Vec::new() })
                }
            }
        };
        self.database.write("once_keys.begin", Relaxed, take, |turn| turn).await
    }

    async fn renew(
        &self,
        key: OnceKey,
        attempt: MadeId,
        lease: Duration,
    ) -> std::result::Result<bool, PortError> {
        let clock = Arc::clone(&self.clock);
        let extend = move |connection: &Connection| {
            let now = clock.now();
            let sql = "UPDATE once_keys SET held_until = ?1
                       WHERE owner = ?2 AND operation = ?3 AND key = ?4 AND attempt = ?5 AND made IS NULL
                         AND forgotten_at > ?6";
            let held = connection.prepare_cached(sql)?.execute(params![
                millis(now + lease),
                key.owner.as_bytes(),
                code(key.operation),
                key.key.as_str(),
                attempt.as_bytes(),
                millis(now),
            ])?;
            Ok(held == 1)
        };
        self.database.write("once_keys.renew", Relaxed, extend, |held| held).await
    }

    async fn done(&self, key: OnceKey, attempt: MadeId, made: Made) -> std::result::Result<(), PortError> {
        let note = move |connection: &Connection| {
            let sql = "UPDATE once_keys SET made = ?1, fingerprint = ?2
                       WHERE owner = ?3 AND operation = ?4 AND key = ?5 AND attempt = ?6 AND made IS NULL";
            connection.prepare_cached(sql)?.execute(params![
                made.id.as_bytes(),
                made.fingerprint.as_str(),
                key.owner.as_bytes(),
                code(key.operation),
                key.key.as_str(),
                attempt.as_bytes(),
            ])?;
            Ok(())
        };
        self.database.write("once_keys.done", Relaxed, note, |()| ()).await
    }

    async fn give_up(&self, key: OnceKey, attempt: MadeId) -> std::result::Result<(), PortError> {
        let free = move |connection: &Connection| {
            let sql = "DELETE FROM once_keys
                       WHERE owner = ? AND operation = ? AND key = ? AND attempt = ? AND made IS NULL";
            connection.prepare_cached(sql)?.execute(params![
                key.owner.as_bytes(),
                code(key.operation),
                key.key.as_str(),
                attempt.as_bytes(),
            ])?;
            Ok(())
        };
        self.database.write("once_keys.give_up", Relaxed, free, |()| ()).await
    }

    async fn forget(&self, owner: UserId) -> std::result::Result<(), PortError> {
        let delete = move |connection: &Connection| {
            let sql = "DELETE FROM once_keys WHERE owner = ?";
            connection.prepare_cached(sql)?.execute([owner.as_bytes()])?;
            Ok(())
        };
        self.database.write("once_keys.forget", Durable, delete, |()| ()).await
    }

    async fn purge(&self, limit: usize) -> std::result::Result<usize, PortError> {
        let now = self.clock.now();
        // Asked without the writer first: mostly there is nothing to do.
        let any = move |connection: &Connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM once_keys WHERE forgotten_at <= ?)";
            Ok(connection.prepare_cached(sql)?.query_row([millis(now)], |row| row.get::<_, bool>(0))?)
        };
        if !self.database.read("once_keys.purge", any).await? {
            return Ok(0);
        }
        let delete = move |connection: &Connection| {
            let sql = "DELETE FROM once_keys WHERE (owner, operation, key) IN
                           (SELECT owner, operation, key FROM once_keys WHERE forgotten_at <= ? LIMIT ?)";
            Ok(connection.prepare_cached(sql)?.execute(params![millis(now), row_limit(limit)])?)
        };
        self.database.write("once_keys.purge", Relaxed, delete, |purged| purged).await
    }
}

/// Turns end with the process that had them.
pub(crate) fn end_turns(connection: &Connection, now: Timestamp) -> Result<()> {
    connection.execute(
        "UPDATE once_keys SET held_until = ?1 WHERE made IS NULL AND held_until > ?1",
        [millis(now)],
    )?;
    Ok(())
}

fn code(operation: OnceOperation) -> i64 {
    match operation {
        OnceOperation::Upload => 0,
        OnceOperation::Transform => 1,
        OnceOperation::Batch => 2,
    }
}

/// Whose turn it is; none if the key is not known.
fn turn(connection: &Connection, key: &OnceKey, now: Timestamp) -> Result<Option<Turn>> {
    let sql = "SELECT before, attempt, held_until, made, fingerprint FROM once_keys
               WHERE owner = ? AND operation = ? AND key = ? AND forgotten_at > ?";
    let read = |row: &Row<'_>| {
        if let (Some(made), Some(fingerprint)) = (row.get(3)?, row.get::<_, Option<String>>(4)?) {
            let fingerprint = ContentHash::parse(&fingerprint)
                .map_err(|error| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, error.into()))?;
            return Ok(Turn::Done(Made { id: MadeId::from_bytes(made), fingerprint }));
        }
        if row.get::<_, i64>(2)? > millis(now) {
            return Ok(Turn::Taken);
        }
        let earlier: Vec<u8> = row.get(0)?;
        let ids = earlier.as_chunks().0.iter().copied().chain([row.get(1)?]);
        Ok(Turn::Yours { before: ids.map(MadeId::from_bytes).collect() })
    };
    let known = params![key.owner.as_bytes(), code(key.operation), key.key.as_str(), millis(now)];
    Ok(connection.prepare_cached(sql)?.query_row(known, read).optional()?)
}

fn hold_again(
    connection: &Connection,
    key: &OnceKey,
    before: &[MadeId],
    attempt: MadeId,
    until: Timestamp,
) -> Result<()> {
    let sql = "UPDATE once_keys SET before = ?, attempt = ?, held_until = ?
               WHERE owner = ? AND operation = ? AND key = ?";
    let before: Vec<u8> = before.iter().flat_map(|id| *id.as_bytes()).collect();
    connection.prepare_cached(sql)?.execute(params![
        before,
        attempt.as_bytes(),
        millis(until),
        key.owner.as_bytes(),
        code(key.operation),
        key.key.as_str(),
    ])?;
    Ok(())
}

/// Takes the turn of a key that is new, or whose time is over.
fn hold(
    connection: &Connection,
    key: &OnceKey,
    attempt: MadeId,
    until: Timestamp,
    forgotten_at: Timestamp,
) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO once_keys (owner, operation, key, attempt, held_until, forgotten_at)
               VALUES (?, ?, ?, ?, ?, ?)";
    connection.prepare_cached(sql)?.execute(params![
        key.owner.as_bytes(),
        code(key.operation),
        key.key.as_str(),
        attempt.as_bytes(),
        millis(until),
        millis(forgotten_at),
    ])?;
    Ok(())
}
