//! What a process left unfinished when it ended, however it ended. The lock is ours, so it is surely gone, and so
//! are its workers: nothing has to wait for a lease to run out.

use pixmill::ports::JobMessage;
use pixmill::{JobState, Timestamp};
use rusqlite::{Connection, TransactionBehavior};

use crate::columns::{job_id, millis, timestamp};
use crate::error::DatabaseError;
use crate::job_cache::JobCache;
use crate::{job_rows, once_keys, queue_rows};

/// Ends leases, reservations and turns, and sees to it that the queue knows every open job, if it is this store's.
pub(crate) fn recover(
    connection: &mut Connection,
    now: Timestamp,
    owns_queue: bool,
) -> Result<(), DatabaseError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    expire_leases(&transaction, now)?;
    expire_reservations(&transaction, now)?;
    once_keys::end_turns(&transaction, now)?;
    if owns_queue {
        enqueue_forgotten(&transaction, now)?;
    }
    Ok(transaction.commit()?)
}

/// The attempt counts: it may have been what ended the process.
fn expire_leases(connection: &Connection, now: Timestamp) -> Result<(), DatabaseError> {
    let nothing_in_memory = JobCache::new(0);
    for mut job in job_rows::running(connection)? {
        if let JobState::Running { lease } = &mut job.state
            && lease.expires_at > now
        {
            lease.expires_at = now;
            job_rows::update(connection, &nothing_in_memory, &job)?;
        }
    }
    Ok(())
}

fn expire_reservations(connection: &Connection, now: Timestamp) -> Result<(), DatabaseError> {
    connection.execute("UPDATE images SET due_at = ?1 WHERE stage = 0 AND due_at > ?1", [millis(now)])?;
    Ok(())
}

/// Jobs that are not held are in the queue from the moment they are accepted until they end. Those are not that were
/// accepted while another queue was in use, those whose message was acknowledged while a worker, now gone, still held
/// them, and those that follow another one.
fn enqueue_forgotten(connection: &Connection, now: Timestamp) -> Result<(), DatabaseError> {
    let sql = "SELECT id, not_before FROM jobs INDEXED BY jobs_released
               WHERE ended_at IS NULL AND held = 0 AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.job = jobs.id)
               ORDER BY sequence";
    let mut statement = connection.prepare(sql)?;
    let forgotten = statement.query_map([], |row| Ok((job_id(row, 0)?, timestamp(row, 1)?)))?;
    for (job, not_before) in forgotten.collect::<rusqlite::Result<Vec<_>>>()? {
        queue_rows::upsert(connection, JobMessage::new(job), now.max(not_before))?;
    }
    Ok(())
}
