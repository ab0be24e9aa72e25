//! Which blobs a database refers to.

use pixmill::{BlobKey, Content, ImageId, Job, JobId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{image_id, millis};
use crate::error::DatabaseError;
use crate::job_rows;

/// A blob, and why it is needed.
pub(crate) struct Reference {
    /// The blob.
    pub(crate) key: BlobKey,
    reason: Reason,
}

enum Reason {
    Version(ImageId, u32),
    Job(JobId),
}

/// Goes through the versions of present images, then through what jobs on present images need: open ones their
/// sources, completed ones their output while it is kept.
pub(crate) fn for_each_reference<E: From<DatabaseError>>(
    connection: &Connection,
    now: Timestamp,
    mut visit: impl FnMut(Reference) -> Result<(), E>,
) -> Result<(), E> {
    let mut versions = statement(connection, "SELECT v.image, v.number, v.content FROM versions v")?;
    let mut rows = versions.query([]).map_err(DatabaseError::from)?;
    while let Some(row) = rows.next().map_err(DatabaseError::from)? {
        let (reason, content) = version(row)?;
        visit(Reference { key: content.blob, reason })?;
    }
    let sql = "SELECT j.job FROM jobs j JOIN images i ON i.id = j.image AND i.stage = 1
               WHERE j.status < 2 OR j.result_until > ?";
    let mut jobs = statement(connection, sql)?;
    let mut rows = jobs.query([millis(now)]).map_err(DatabaseError::from)?;
    while let Some(row) = rows.next().map_err(DatabaseError::from)? {
        let job = job_rows::read(row, 0)?;
        for key in needed(&job, now) {
            visit(Reference { key, reason: Reason::Job(job.id) })?;
        }
    }
    Ok(())
}

/// Whether the blob of a reference is needed still.
pub(crate) fn still_refers(
    connection: &Connection,
    now: Timestamp,
    reference: &Reference,
) -> Result<bool, DatabaseError> {
    match reference.reason {
        Reason::Version(image, number) => {
            let sql = "SELECT 1 FROM versions WHERE image = ? AND number = ?";
            Ok(statement(connection, sql)?.exists(params![image.as_bytes(), number])?)
        }
        Reason::Job(id) => {
            let Some(job) = job_rows::load(connection, id)? else { return Ok(false) };
            let sql = "SELECT stage = 1 FROM images WHERE id = ?";
            let mut present = statement(connection, sql)?;
            let present = present.query_row(params![job.image.as_bytes()], |row| row.get(0)).optional()?;
            Ok(present.unwrap_or(false) && needed(&job, now).contains(&reference.key))
        }
    }
}

fn needed(job: &Job, now: Timestamp) -> Vec<BlobKey> {
    if job.status().is_final() {
        return job.output(now).map(|output| output.content.blob.clone()).into_iter().collect();
    }
    [Some(&job.source), job.overlay.as_ref()]
        .into_iter()
        .flatten()
        .map(|content| content.blob.clone())
        .collect()
}

fn version(row: &rusqlite::Row<'_>) -> Result<(Reason, Content), DatabaseError> {
    let content = serde_json::from_str(&row.get::<_, String>(2)?)?;
    Ok((Reason::Version(image_id(row, 0)?, row.get(1)?), content))
}

fn statement<'a>(
    connection: &'a Connection,
    sql: &str,
) -> Result<rusqlite::CachedStatement<'a>, DatabaseError> {
    Ok(connection.prepare_cached(sql)?)
}
