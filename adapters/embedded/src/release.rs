//! Jobs that wait outside the queue: held ones, which go on when there is room for their owner, and dead letters that
//! another process wants to see opened anew. The process that has the data folder keeps jobs in memory, so others only
//! leave a request, and it does the rest.

use pixmill::ports::JobMessage;
use pixmill::{Job, JobId, Timestamp, UserId};
use rusqlite::{Connection, params};

use crate::columns::{job_id, row_limit};
use crate::error::DatabaseError;
use crate::job_cache::JobCache;
use crate::queue_rows::Entry;
use crate::{job_rows, queue_rows};

type Result<T> = std::result::Result<T, DatabaseError>;

/// A job that was let go, its place in the queue if it has one now, and whether it needs none because it follows another.
pub(crate) struct Released {
    pub(crate) job: Job,
    pub(crate) entry: Option<Entry>,
    pub(crate) follows: bool,
}

/// Whether there is anything to let go for this user, or perhaps for anybody. Each end of a job asks, and few are told yes.
pub(crate) fn any(connection: &Connection, owner: Option<UserId>, share: usize) -> Result<bool> {
    let Some(owner) = owner else {
        let sql = "SELECT 1 FROM jobs WHERE held = 1 UNION ALL SELECT 1 FROM redrive_requests LIMIT 1";
        return Ok(connection.prepare_cached(sql)?.exists([])?);
    };
    let sql = "SELECT 1 FROM jobs WHERE owner = ? AND held = 1 LIMIT 1";
    let holds = connection.prepare_cached(sql)?.exists([owner.as_bytes()])?;
    Ok(holds && job_rows::count_released(connection, owner, share)? <= share / 2)
}

/// Lets the oldest held jobs of each owner of whose share half is done go, and into the queue if it is this store's.
pub(crate) fn release(
    connection: &Connection,
    memory: &JobCache,
    owner: Option<UserId>,
    share: usize,
    limit: usize,
    enqueue_at: Option<Timestamp>,
) -> Result<Vec<Released>> {
    let owners = owner.map_or_else(|| job_rows::owners_of_held(connection), |owner| Ok(vec![owner]))?;
    let mut released: Vec<Released> = Vec::new();
    for owner in owners {
        let before = job_rows::count_released(connection, owner, share)?;
        if before > share / 2 {
            continue;
        }
        let free = share - before;
        for mut job in job_rows::held(connection, owner, free.min(limit - released.len()))? {
            job.held = false;
            let follows = job.follows(released.iter().map(|earlier| &earlier.job));
            let enqueue_at = enqueue_at.filter(|_| !follows);
            job.unpublished = enqueue_at.is_none();
            job_rows::update(connection, memory, &job)?;
            let message = JobMessage::new(job.id);
            let entry = enqueue_at.map(|now| queue_rows::upsert(connection, message, now)).transpose()?;
            released.push(Released { job, entry, follows });
        }
    }
    Ok(released)
}

/// Asks for a dead letter of this generation to be opened; to ask again changes nothing.
pub(crate) fn request_redrive(connection: &Connection, job: JobId, generation: usize) -> Result<()> {
    let sql = "INSERT INTO redrive_requests (job, generation) VALUES (?1, ?2)
               ON CONFLICT (job) DO UPDATE SET generation = ?2";
    connection.prepare_cached(sql)?.execute(params![job.as_bytes(), row_limit(generation)])?;
    Ok(())
}

/// Opens what others have asked for, at most `limit` jobs. They are held then.
pub(crate) fn redrive_requested(
    connection: &Connection,
    memory: &JobCache,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Job>> {
    let sql = "DELETE FROM redrive_requests WHERE job IN (SELECT job FROM redrive_requests LIMIT ?)
               RETURNING job, generation";
    let mut statement = connection.prepare_cached(sql)?;
    let requests = statement.query_map([row_limit(limit)], |row| Ok((job_id(row, 0)?, row.get(1)?)))?;
    let mut redriven = Vec::new();
    for (id, generation) in requests.collect::<rusqlite::Result<Vec<(JobId, i64)>>>()? {
        let Some(mut job) = job_rows::load(connection, id)? else { continue };
        if usize::try_from(generation).is_ok_and(|generation| job.redrive(now, generation)) {
            job_rows::update(connection, memory, &job)?;
            redriven.push(job);
        }
    }
    Ok(redriven)
}
