//! The statements behind [`SqliteQueue`](crate::SqliteQueue).

use bytes::Bytes;
use pixmill::ports::JobMessage;
use pixmill::{JobId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{job_id, millis, timestamp};
use crate::error::DatabaseError;

type Result<T> = std::result::Result<T, DatabaseError>;

/// A message in the queue.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The job; there is one entry at most for each.
    pub(crate) job: JobId,
    /// Grows from message to message.
    pub(crate) sequence: i64,
    /// Not to be delivered before.
    pub(crate) available_at: Timestamp,
    /// How often the message was published since it entered the queue.
    pub(crate) generation: i64,
    /// The message, if it is not the one that this version writes: those are not worth the memory.
    pub(crate) unusual_payload: Option<Bytes>,
}

impl Entry {
    /// The message's bytes.
    pub(crate) fn payload(&self) -> Bytes {
        self.unusual_payload.clone().unwrap_or_else(|| JobMessage::new(self.job).to_bytes().into())
    }
}

/// Puts a message into the queue. If the job is there already it stays in its place, and what is in flight
/// will not count for this message.
pub(crate) fn upsert(connection: &Connection, message: JobMessage, available_at: Timestamp) -> Result<Entry> {
    let sql = "INSERT INTO queue (job, available_at, generation, payload) VALUES (?, ?, 1, ?)
               ON CONFLICT (job) DO UPDATE SET generation = generation + 1, payload = excluded.payload,
                                               available_at = min(available_at, excluded.available_at)
               RETURNING job, sequence, available_at, generation, payload";
    let row = params![message.job_id.as_bytes(), millis(available_at), message.to_bytes()];
    Ok(connection.prepare_cached(sql)?.query_row(row, read)?)
}

/// Takes out a message of this generation. `false`: it was published again, and stays.
pub(crate) fn remove(connection: &Connection, job: JobId, generation: i64) -> Result<bool> {
    let sql = "DELETE FROM queue WHERE job = ? AND generation = ?";
    Ok(connection.prepare_cached(sql)?.execute(params![job.as_bytes(), generation])? == 1)
}

/// Puts a message off; one that was published again meanwhile is not put off past its own time.
pub(crate) fn delay(connection: &Connection, entry: &Entry, until: Timestamp) -> Result<Option<Entry>> {
    let sql =
        "UPDATE queue SET available_at = CASE WHEN generation = ?2 THEN ?3 ELSE min(available_at, ?3) END
               WHERE job = ?1 RETURNING job, sequence, available_at, generation, payload";
    let row = params![entry.job.as_bytes(), entry.generation, millis(until)];
    Ok(connection.prepare_cached(sql)?.query_row(row, read).optional()?)
}

/// Keeps a message that nobody can read, for an operator.
pub(crate) fn reject(connection: &Connection, entry: &Entry, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO rejected (job, payload, rejected_at) VALUES (?, ?, ?)";
    let payload = entry.payload();
    connection.prepare_cached(sql)?.execute(params![entry.job.as_bytes(), payload.as_ref(), millis(now)])?;
    Ok(())
}

/// The whole queue.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Entry>> {
    let sql = "SELECT job, sequence, available_at, generation, payload FROM queue";
    let entries = connection.prepare(sql)?.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
    Ok(entries)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let job = job_id(row, 0)?;
    let payload: Vec<u8> = row.get(4)?;
    let usual = payload == JobMessage::new(job).to_bytes();
    Ok(Entry {
        job,
        sequence: row.get(1)?,
        available_at: timestamp(row, 2)?,
        generation: row.get(3)?,
        unusual_payload: (!usual).then(|| payload.into()),
    })
}
