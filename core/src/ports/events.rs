//! News of jobs, for whoever watches. Hints only: a subscriber reads the repository after subscribing, and may
//! miss events or see them twice.

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::ids::{JobId, UserId};
use crate::job_state::JobStatus;
use crate::ports::PortError;

/// A job changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Whose job.
    pub owner: UserId,
    /// Which job.
    pub job: JobId,
    /// Its state now.
    pub status: JobStatus,
    /// The job's revision: of two events of one job the larger is the later.
    pub revision: u64,
}

/// Carries events between those who change jobs and those who watch them.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Events: Send + Sync + 'static {
    /// Tells whoever listens. Never waits for a slow listener.
    ///
    /// # Behavior
    /// - Everyone who subscribed to that owner before sees the event.
    async fn publish(&self, event: Event) -> Result<(), PortError>;

    /// Listens to one user's events from now on.
    ///
    /// # Behavior
    /// - Other users' events are not seen.
    /// - Dropping the stream ends the subscription.
    async fn subscribe(&self, owner: UserId) -> Result<BoxStream<'static, Event>, PortError>;
}
