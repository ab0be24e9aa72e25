//! Storing new jobs, with their places in the queue if it is this store's.

use pixmill::ports::{Accepted, JobMessage};
use pixmill::{Job, JobState, Timestamp};
use rusqlite::Connection;

use crate::error::DatabaseError;
use crate::queue_rows::Entry;
use crate::{job_rows, queue_rows};

/// A job as it is stored, its place in the queue if it was given one, and whether it needs none because it follows another.
pub(crate) struct Stored {
    pub(crate) job: Job,
    pub(crate) entry: Option<Entry>,
    follows: bool,
}

impl Stored {
    /// What its submitter is told.
    pub(crate) fn answer(&self) -> Accepted {
        match self {
            Self { job: Job { held: true, .. }, .. } => Accepted::Held,
            Self { follows: true, .. } => Accepted::Follows,
            Self { job: Job { unpublished: true, .. }, .. } => Accepted::Unpublished,
            Self { .. } => Accepted::Enqueued,
        }
    }
}

/// Stores jobs of one user. One of whose id there is another is left out.
pub(crate) fn accept(
    connection: &Connection,
    jobs: Vec<Job>,
    share: usize,
    now: Timestamp,
    enqueue: bool,
) -> Result<Vec<Stored>, DatabaseError> {
    let mut all: Vec<Stored> = Vec::with_capacity(jobs.len());
    for mut job in jobs {
        job.accept(now, job_rows::count_released(connection, job.owner, share)? >= share);
        let follows = job.follows(all.iter().map(|stored| &stored.job));
        let enqueue = enqueue && !job.held && !follows;
        job.unpublished &= !enqueue;
        let inserted = job_rows::insert(connection, &job)?;
        if !inserted {
            job = job_rows::load(connection, job.id)?.unwrap_or(job);
        }
        let entry = match &job.state {
            JobState::Queued { not_before } if enqueue && inserted => {
                Some(queue_rows::upsert(connection, JobMessage::new(job.id), now.max(*not_before))?)
            }
            _ => None,
        };
        all.push(Stored { job, entry, follows });
    }
    Ok(all)
}
