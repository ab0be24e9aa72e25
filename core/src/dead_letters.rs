//! Jobs that failed although another attempt might have succeeded: for operators, to look at and to open anew once the cause
//! is gone.

use std::sync::Arc;
use std::time::Duration;

use crate::ids::JobId;
use crate::job::Job;
use crate::job_state::JobStatus;
use crate::ports::{Clock, Jobs, PageRequest, PortError};

/// Lists and opens dead letters. It needs the jobs alone: what is opened goes on to the queue with the next sweep.
#[derive(Clone)]
pub struct DeadLetters {
    jobs: Arc<dyn Jobs>,
    clock: Arc<dyn Clock>,
}

/// How many jobs are looked at in one call of the repository.
const PAGE: usize = 200;

impl DeadLetters {
    /// Those among these jobs.
    pub fn new(jobs: Arc<dyn Jobs>, clock: Arc<dyn Clock>) -> Self {
        Self { jobs, clock }
    }

    /// At most `limit` dead letters, newest first.
    pub async fn list(&self, limit: usize) -> Result<Vec<Job>, PortError> {
        let mut dead = Vec::new();
        let mut after = None;
        while dead.len() < limit {
            let page = PageRequest { after, limit: PAGE };
            let page = self.jobs.list(None, Some(JobStatus::Failed), page).await?;
            after = page.items.last().map(|job| job.id);
            dead.extend(page.items.into_iter().filter(|job| job.dead_letter().is_some()));
            if !page.more {
                break;
            }
        }
        dead.truncate(limit);
        Ok(dead)
    }

    /// Opens one that was seen in this generation; `None` if that has happened already, if it is no dead letter, or if what
    /// its attempts left is not removed yet, as it is a little later than [`STRAGGLER_GRACE`] after the job's end.
    ///
    /// [`STRAGGLER_GRACE`]: crate::STRAGGLER_GRACE
    pub async fn redrive(&self, id: JobId, generation: usize) -> Result<Option<Job>, PortError> {
        self.jobs.redrive(id, generation).await
    }

    /// Opens one after the other, at most `per_second` of them in a second, and returns how many it has opened. To do it
    /// again, also at the same time, opens none twice.
    pub async fn redrive_all(&self, letters: &[Job], per_second: u32) -> Result<usize, PortError> {
        let pause = Duration::from_secs(1) / per_second.max(1);
        let mut opened = 0;
        for letter in letters {
            if opened > 0 {
                self.clock.sleep(pause).await;
            }
            opened += usize::from(self.redrive(letter.id, letter.generation()).await?.is_some());
        }
        Ok(opened)
    }
}
