//! How values of the domain stand in columns, and back.

use pixmill::{ImageId, JobId, JobStatus, Timestamp, UserId};
use rusqlite::Row;

/// A time as a column. Times past SQLite's integers mean "never", and stay so.
pub(crate) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

/// The time in a column.
pub(crate) fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get::<_, i64>(column).map(|millis| Timestamp::from_millis(millis.max(0).unsigned_abs()))
}

/// A limit on rows as SQL wants it.
pub(crate) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The number in a column, which is never below zero.
pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

/// The user's id in a column.
pub(crate) fn user_id(row: &Row<'_>, column: usize) -> rusqlite::Result<UserId> {
    row.get(column).map(UserId::from_bytes)
}

/// The image's id in a column.
pub(crate) fn image_id(row: &Row<'_>, column: usize) -> rusqlite::Result<ImageId> {
    row.get(column).map(ImageId::from_bytes)
}

/// The job's id in a column.
pub(crate) fn job_id(row: &Row<'_>, column: usize) -> rusqlite::Result<JobId> {
    row.get(column).map(JobId::from_bytes)
}

/// A job's status as `jobs.status` holds it. Open ones are below 2, as the indexes know.
pub(crate) fn status_code(status: JobStatus) -> i64 {
    match status {
        JobStatus::Queued => 0,
        JobStatus::Running => 1,
        JobStatus::Completed => 2,
        JobStatus::Failed => 3,
        JobStatus::Cancelled => 4,
    }
}

/// A place in a list, newest first: the entry at it and all before it are left out.
pub(crate) struct Cursor {
    /// When the entry was created.
    pub(crate) created_at: i64,
    /// Its id; longer than any id at the beginning of a list.
    pub(crate) id: Vec<u8>,
}

impl Cursor {
    /// Before the first entry of any list.
    pub(crate) fn start() -> Self {
        Self { created_at: i64::MAX, id: vec![0xFF; 13] }
    }
}
