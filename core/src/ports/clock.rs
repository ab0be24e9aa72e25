//! Time, as a port, so that tests decide what time it is.

use std::time::Duration;

use async_trait::async_trait;

use crate::time::Timestamp;

/// Tells the time and waits.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    ///
    /// # Behavior
    /// - Does not go backwards between two calls of one process.
    fn now(&self) -> Timestamp;

    /// Waits for `duration`.
    ///
    /// # Behavior
    /// - After it returns, `now` is at least `duration` later than when it was first polled.
    ///
    /// # Cancellation
    /// Dropping the future is safe.
    async fn sleep(&self, duration: Duration);
}
