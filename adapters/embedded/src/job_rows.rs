//! The statements behind [`SqliteJobs`](crate::SqliteJobs), and the columns that queries need beside the job.

use pixmill::ports::PageRequest;
use pixmill::{Derivation, ImageId, Job, JobId, JobState, JobStatus, Timestamp, UserId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::columns::{Cursor, count, job_id, millis, row_limit, status_code, user_id};
use crate::error::DatabaseError;
use crate::job_cache::JobCache;

type Result<T> = std::result::Result<T, DatabaseError>;

const LIST: &str = "SELECT job FROM jobs WHERE owner = ? AND (created_at, id) < (?, ?)
                    ORDER BY created_at DESC, id DESC LIMIT ?";
// Those that are held and those that are not lie in indexes of their own, in the same order, so that one pass merges them.
const LIST_QUEUED: &str = "SELECT job, created_at, id FROM jobs INDEXED BY jobs_released
     WHERE owner = ?1 AND ended_at IS NULL AND held = 0 AND status = 0 AND (created_at, id) < (?2, ?3)
     UNION ALL
     SELECT job, created_at, id FROM jobs INDEXED BY jobs_held
     WHERE owner = ?1 AND held = 1 AND (created_at, id) < (?2, ?3)
     ORDER BY created_at DESC, id DESC LIMIT ?4";
const LIST_RUNNING: &str = "SELECT job FROM jobs INDEXED BY jobs_released
     WHERE owner = ? AND ended_at IS NULL AND held = 0 AND status = 1 AND (created_at, id) < (?, ?)
     ORDER BY created_at DESC, id DESC LIMIT ?";
// By its own index: left to itself SQLite takes that of everybody's.
const LIST_ENDED: &str = "SELECT job FROM jobs INDEXED BY jobs_ended_by_owner
     WHERE owner = ? AND ended_at IS NOT NULL AND status = ? AND (created_at, id) < (?, ?)
     ORDER BY created_at DESC, id DESC LIMIT ?";
const LIST_ALL: &str = "SELECT job FROM jobs WHERE (created_at, id) < (?, ?)
                        ORDER BY created_at DESC, id DESC LIMIT ?";
const LIST_ALL_QUEUED: &str = "SELECT job FROM jobs INDEXED BY jobs_open
                               WHERE ended_at IS NULL AND status = 0 AND (created_at, id) < (?, ?)
                               ORDER BY created_at DESC, id DESC LIMIT ?";
// There are never many, and others wait between them, so they are sorted.
const LIST_ALL_RUNNING: &str = "SELECT job FROM jobs INDEXED BY jobs_running
                                WHERE status = 1 AND (created_at, id) < (?, ?)
                                ORDER BY created_at DESC, id DESC LIMIT ?";
const LIST_ALL_ENDED: &str = "SELECT job FROM jobs INDEXED BY jobs_ended
                              WHERE ended_at IS NOT NULL AND status = ? AND (created_at, id) < (?, ?)
                              ORDER BY created_at DESC, id DESC LIMIT ?";
const COUNT_OPEN: &str =
    "SELECT (SELECT count(*) FROM jobs WHERE owner = ?1 AND ended_at IS NULL AND held = 0)
                               + (SELECT count(*) FROM jobs WHERE owner = ?1 AND held = 1)";
const COUNT_ALL_OPEN: &str = "SELECT count(*) FROM jobs WHERE ended_at IS NULL";
const FORGOTTEN: &str = "SELECT sequence FROM jobs WHERE owner = ? AND ended_at IS NOT NULL LIMIT ?";
const OPEN_ON_IMAGE: &str = "SELECT job FROM jobs WHERE image = ? AND ended_at IS NULL";
const FIND_RESULT: &str = "SELECT job FROM jobs WHERE derivation = ? AND result_until > ?
                           ORDER BY result_until DESC LIMIT 1";
const DUE_UNPUBLISHED: &str = "SELECT id FROM jobs WHERE stale_since <= ? AND not_before <= ?
                               ORDER BY stale_since LIMIT ?";
const RUNNING_ON: &str = "SELECT job FROM jobs WHERE derivation = ? AND status = 1";
// By its own index: left to itself SQLite takes the one of lists, and goes through all that is held.
const RELEASED: &str = "SELECT 1 FROM jobs INDEXED BY jobs_released
                        WHERE owner = ? AND ended_at IS NULL AND held = 0 LIMIT ?";
const HELD: &str = "SELECT job FROM jobs WHERE owner = ? AND held = 1 ORDER BY created_at, id LIMIT ?";
const OVER: &str =
    "SELECT sequence FROM jobs WHERE ended_at <= ? AND removal_due_at IS NULL ORDER BY ended_at LIMIT ?";
const DUE_REMOVALS: &str = "SELECT job FROM jobs WHERE removal_due_at <= ? ORDER BY removal_due_at LIMIT ?";

/// The columns that say what a job's state means for queries.
const STATE_COLUMNS: [&str; 7] =
    ["status", "stale_since", "not_before", "result_until", "removal_due_at", "ended_at", "held"];

/// What belongs into [`STATE_COLUMNS`].
fn state_columns(job: &Job) -> [Option<i64>; STATE_COLUMNS.len()] {
    let removal_due_at = job.remove_output_at.map(millis);
    let (not_before, result_until) = match &job.state {
        JobState::Queued { not_before } => (millis(*not_before), None),
        JobState::Completed { .. } => (0, Some(removal_due_at.unwrap_or(i64::MAX))),
        JobState::Running { .. } | JobState::Failed { .. } | JobState::Cancelled => (0, None),
    };
    [
        Some(status_code(job.status())),
        job.stale_since().map(millis),
        Some(not_before),
        result_until,
        removal_due_at,
        job.status().is_final().then(|| millis(job.updated_at)),
        Some(job.held.into()),
    ]
}

/// Adds a job, unless there is one of this id.
pub(crate) fn insert(connection: &Connection, job: &Job) -> Result<bool> {
    let sql =
        "INSERT INTO jobs (status, stale_since, not_before, result_until, removal_due_at, ended_at, held,
                                 id, owner, image, created_at, derivation, job)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
    let [status, stale_since, not_before, result_until, removal_due_at, ended_at, held] = state_columns(job);
    let inserted = connection.prepare_cached(sql)?.execute(params![
        status,
        stale_since,
        not_before,
        result_until,
        removal_due_at,
        ended_at,
        held,
        job.id.as_bytes(),
        job.owner.as_bytes(),
        job.image.as_bytes(),
        millis(job.created_at),
        job.derivation.as_str(),
        serde_json::to_string(job)?,
    ])?;
    Ok(inserted == 1)
}

/// Stores a job that has changed, which is not in memory from here on until that is committed. Only columns that differ are
/// set, for SQLite writes every index of a column that is set.
pub(crate) fn update(connection: &Connection, memory: &JobCache, job: &Job) -> Result<()> {
    memory.changing(job);
    let columns = STATE_COLUMNS.join(", ");
    let stored = connection
        .prepare_cached(&format!("SELECT {columns} FROM jobs WHERE id = ?"))?
        .query_row([job.id.as_bytes()], stored_columns)
        .optional()?;
    let Some(stored) = stored else { return Ok(()) };
    let (mut sql, mut values) = ("UPDATE jobs SET ".to_owned(), Vec::new());
    for ((name, before), after) in STATE_COLUMNS.into_iter().zip(stored).zip(state_columns(job)) {
        if before != after {
            sql.extend([name, " = ?, "]);
            values.push(Value::from(after));
        }
    }
    sql.push_str("job = ? WHERE id = ?");
    values.extend([Value::from(serde_json::to_string(job)?), Value::from(job.id.as_bytes().to_vec())]);
    connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

fn stored_columns(row: &Row<'_>) -> rusqlite::Result<[Option<i64>; STATE_COLUMNS.len()]> {
    let mut columns = [None; STATE_COLUMNS.len()];
    for (place, column) in columns.iter_mut().enumerate() {
        *column = row.get(place)?;
    }
    Ok(columns)
}

/// Stores that a job's output is removed, which the job itself does not say.
pub(crate) fn clear_removal(connection: &Connection, id: JobId) -> Result<()> {
    let sql = "UPDATE jobs SET removal_due_at = NULL WHERE id = ?";
    connection.prepare_cached(sql)?.execute(params![id.as_bytes()])?;
    Ok(())
}

/// Deletes final jobs of a user, at most `limit` of them, and says which.
pub(crate) fn forget(connection: &Connection, owner: UserId, limit: usize) -> Result<Vec<JobId>> {
    delete(connection, FORGOTTEN, params![owner.as_bytes(), row_limit(limit)])
}

/// Deletes jobs that ended until then and have left nothing to be removed, at most `limit` of them, and says which.
pub(crate) fn expire(connection: &Connection, until: Timestamp, limit: usize) -> Result<Vec<JobId>> {
    delete(connection, OVER, params![millis(until), row_limit(limit)])
}

fn delete(connection: &Connection, which: &str, parameters: impl rusqlite::Params) -> Result<Vec<JobId>> {
    let sql = format!("DELETE FROM jobs WHERE sequence IN ({which}) RETURNING id");
    let mut statement = connection.prepare_cached(&sql)?;
    let ids = statement.query_map(parameters, |row| job_id(row, 0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn load(connection: &Connection, id: JobId) -> Result<Option<Job>> {
    let mut statement = connection.prepare_cached("SELECT job FROM jobs WHERE id = ?")?;
    let mut rows = statement.query(params![id.as_bytes()])?;
    rows.next()?.map(|row| read(row, 0)).transpose()
}

/// One page of a user's jobs, or of everybody's, and one job more, if there is one.
pub(crate) fn list(
    connection: &Connection,
    owner: Option<UserId>,
    status: Option<JobStatus>,
    page: PageRequest<JobId>,
) -> Result<Vec<Job>> {
    let Some(cursor) = cursor(connection, owner, page.after)? else { return Ok(Vec::new()) };
    let limit = row_limit(page.limit.saturating_add(1));
    let Cursor { created_at, id } = cursor;
    let owner = owner.as_ref().map(UserId::as_bytes);
    match (owner, status) {
        (Some(owner), None) => select(connection, LIST, params![owner, created_at, id, limit]),
        (Some(owner), Some(JobStatus::Queued)) => {
            select(connection, LIST_QUEUED, params![owner, created_at, id, limit])
        }
        (Some(owner), Some(JobStatus::Running)) => {
            select(connection, LIST_RUNNING, params![owner, created_at, id, limit])
        }
        (Some(owner), Some(ended)) => {
            select(connection, LIST_ENDED, params![owner, status_code(ended), created_at, id, limit])
        }
        (None, None) => select(connection, LIST_ALL, params![created_at, id, limit]),
        (None, Some(JobStatus::Queued)) => {
            select(connection, LIST_ALL_QUEUED, params![created_at, id, limit])
        }
        (None, Some(JobStatus::Running)) => {
            select(connection, LIST_ALL_RUNNING, params![created_at, id, limit])
        }
        (None, Some(ended)) => {
            select(connection, LIST_ALL_ENDED, params![status_code(ended), created_at, id, limit])
        }
    }
}

/// How many of a user's jobs, or of everybody's, are not final.
pub(crate) fn count_open(connection: &Connection, owner: Option<UserId>) -> Result<u64> {
    let count = |row: &Row<'_>| count(row, 0);
    Ok(match owner {
        Some(owner) => connection.prepare_cached(COUNT_OPEN)?.query_row([owner.as_bytes()], count)?,
        None => connection.prepare_cached(COUNT_ALL_OPEN)?.query_row([], count)?,
    })
}

/// How many of a user's jobs are open and not held; `most` if there are more.
pub(crate) fn count_released(connection: &Connection, owner: UserId, most: usize) -> Result<usize> {
    let mut statement = connection.prepare_cached(RELEASED)?;
    let mut rows = statement.query(params![owner.as_bytes(), row_limit(most)])?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// A user's held jobs, the oldest first.
pub(crate) fn held(connection: &Connection, owner: UserId, limit: usize) -> Result<Vec<Job>> {
    select(connection, HELD, params![owner.as_bytes(), row_limit(limit)])
}

/// Whoever has held jobs.
pub(crate) fn owners_of_held(connection: &Connection) -> Result<Vec<UserId>> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT owner FROM jobs WHERE held = 1")?;
    let owners = statement.query_map([], |row| user_id(row, 0))?;
    Ok(owners.collect::<rusqlite::Result<_>>()?)
}

/// The jobs of this derivation that somebody holds, or held.
pub(crate) fn running_on(connection: &Connection, derivation: &Derivation) -> Result<Vec<Job>> {
    select(connection, RUNNING_ON, params![derivation.as_str()])
}

fn cursor(connection: &Connection, owner: Option<UserId>, after: Option<JobId>) -> Result<Option<Cursor>> {
    let Some(id) = after else { return Ok(Some(Cursor::start())) };
    let created_at = connection
        .prepare_cached("SELECT created_at FROM jobs WHERE id = ?1 AND owner = ifnull(?2, owner)")?
        .query_row(params![id.as_bytes(), owner.as_ref().map(UserId::as_bytes)], |row| row.get(0))
        .optional()?;
    Ok(created_at.map(|created_at| Cursor { created_at, id: id.as_bytes().to_vec() }))
}

pub(crate) fn open_on_image(connection: &Connection, image: ImageId) -> Result<Vec<Job>> {
    select(connection, OPEN_ON_IMAGE, params![image.as_bytes()])
}

/// The jobs that somebody holds, or held.
pub(crate) fn running(connection: &Connection) -> Result<Vec<Job>> {
    select(connection, "SELECT job FROM jobs WHERE status = 1", [])
}

/// A completed job of this derivation whose result is still kept after `until`: the one kept longest.
pub(crate) fn find_result(
    connection: &Connection,
    derivation: &Derivation,
    until: Timestamp,
) -> Result<Option<Job>> {
    // A saved result is kept for ever, also measured at the end of time.
    let until = millis(until).min(i64::MAX - 1);
    Ok(select(connection, FIND_RESULT, params![derivation.as_str(), until])?.pop())
}

pub(crate) fn due_unpublished(
    connection: &Connection,
    stale_before: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<JobId>> {
    let mut statement = connection.prepare_cached(DUE_UNPUBLISHED)?;
    let ids = statement.query_map(params![millis(stale_before), millis(now), limit], |row| job_id(row, 0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn due_removals(connection: &Connection, now: Timestamp, limit: i64) -> Result<Vec<Job>> {
    select(connection, DUE_REMOVALS, params![millis(now), limit])
}

/// The job in a column.
pub(crate) fn read(row: &Row<'_>, column: usize) -> Result<Job> {
    Ok(serde_json::from_str(&row.get::<_, String>(column)?)?)
}

fn select(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<Vec<Job>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut jobs = Vec::new();
    while let Some(row) = rows.next()? {
        jobs.push(read(row, 0)?);
    }
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_has_an_index_and_takes_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::migrations::migrate(&mut connection, std::path::Path::new("db")).unwrap();
        for (sql, indexes) in [
            (LIST, &["jobs_by_owner"] as &[&str]),
            (LIST_QUEUED, &["jobs_released", "jobs_held"]),
            (LIST_RUNNING, &["jobs_released"]),
            (LIST_ENDED, &["jobs_ended_by_owner"]),
            (LIST_ALL, &["jobs_by_creation"]),
            (LIST_ALL_QUEUED, &["jobs_open"]),
            (LIST_ALL_ENDED, &["jobs_ended"]),
            (FORGOTTEN, &["jobs_ended_by_owner"]),
            (COUNT_OPEN, &["jobs_released", "jobs_held"]),
            (OPEN_ON_IMAGE, &["jobs_open_by_image"]),
            (FIND_RESULT, &["jobs_by_result"]),
            (DUE_UNPUBLISHED, &["jobs_by_staleness"]),
            (DUE_REMOVALS, &["jobs_by_removal"]),
            (RUNNING_ON, &["jobs_running"]),
            (RELEASED, &["jobs_released"]),
            (HELD, &["jobs_held"]),
            (OVER, &["jobs_by_end"]),
        ] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
            let steps = statement.query_map(params_from_iter(nulls), |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<String> = steps.map(|step| step.unwrap().replace("COVERING ", "")).collect();
            let unsorted = !steps.iter().any(|step| step.contains("TEMP B-TREE"));
            let tables: Vec<&String> = steps.iter().filter(|step| step.contains(" jobs")).collect();
            let taken = tables
                .iter()
                .zip(indexes)
                .all(|(step, index)| step.starts_with(&format!("SEARCH jobs USING INDEX {index} ")));
            assert!(unsorted && taken && tables.len() == indexes.len(), "{sql}: {steps:?}");
        }
    }
}
