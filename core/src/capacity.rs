//! How many jobs may wait in all. Beyond that the service says so at once, rather than promise what it can't keep.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::ports::PortError;
use crate::services::Ports;
use crate::settings::Settings;
use crate::time::Timestamp;

/// Knows about how many jobs are open. Each process counts on its own and looks again at regular times, so the limit is not
/// exact.
#[derive(Clone)]
pub struct Capacity {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    seen: Arc<Mutex<Option<Seen>>>,
}

#[derive(Clone, Copy)]
struct Seen {
    at: Timestamp,
    open: u64,
}

/// No more jobs are taken at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} jobs wait or run, the most that this service takes on; come back later")]
pub struct Full(pub u64);

/// How long a count is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// After what time to come back when there was no room.
pub const COME_BACK: Duration = Duration::from_secs(10);

impl Capacity {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>) -> Self {
        Self { ports, settings, seen: Arc::default() }
    }

    /// Whether so many more jobs may come.
    pub async fn check<E>(&self, more: usize) -> Result<(), E>
    where
        E: From<Full> + From<PortError>,
    {
        let most = self.settings.max_open_jobs;
        let open = self.open().await?;
        if open.saturating_add(more as u64) <= most { Ok(()) } else { Err(Full(most).into()) }
    }

    /// Counts jobs that have come.
    pub(crate) fn add(&self, jobs: usize) {
        if let Some(seen) = &mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner) {
            seen.open += jobs as u64;
        }
    }

    async fn open(&self) -> Result<u64, PortError> {
        let now = self.ports.clock.now();
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen.filter(|seen| now < seen.at + BELIEVED) {
            return Ok(seen.open);
        }
        let open = self.ports.jobs.count_open(None).await?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { at: now, open });
        Ok(open)
    }
}
