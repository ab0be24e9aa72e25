//! From the repository to the queue. Jobs are stored first; here is how the queue hears of them, and how many of one user's
//! it hears of at once, so that nobody's jobs keep those of others waiting.

use futures::future;

use crate::ids::{JobId, UserId};
use crate::ports::{JobMessage, PortError};
use crate::services::Ports;
use crate::settings::Settings;

/// How many jobs are let go at once, so that a long line does not hold up the rest.
const BATCH: usize = 500;

/// Hands a job to the queue and notes that it is there.
pub(crate) async fn publish(ports: &Ports, job: JobId) -> Result<(), PortError> {
    ports.queue.publish(JobMessage::new(job)).await?;
    ports.jobs.published(job).await
}

/// Lets held jobs of a user, or of everybody, go on to the queue, where there is room. Returns how many are handed over.
pub(crate) async fn release(
    ports: &Ports,
    settings: &Settings,
    owner: Option<UserId>,
) -> Result<usize, PortError> {
    let let_go = ports.jobs.release(owner, settings.user_share, BATCH).await?;
    future::try_join_all(let_go.iter().map(|job| publish(ports, *job))).await?;
    Ok(let_go.len())
}

/// Lets the next jobs of a user go on after one has ended. If it fails, the sweeper does it later, so it only costs a line in
/// the log.
pub(crate) async fn ended(ports: &Ports, settings: &Settings, owner: UserId) {
    if let Err(error) = release(ports, settings, Some(owner)).await {
        tracing::warn!(user = %owner, %error, "held jobs not let go yet");
    }
}
