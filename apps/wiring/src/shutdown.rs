//! Stopping in order: a signal flips readiness first, then everybody who listens here winds up.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells any number of listeners, once, that it is time to stop.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(watch::Sender<bool>);

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Tells everyone.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Returns once it is time to stop.
    pub(crate) async fn begun(&self) {
        let mut told = self.0.subscribe();
        // The sender lives in `self`, so waiting can't fail.
        let _ = told.wait_for(|begun| *begun).await;
    }
}

/// Waits for SIGTERM or SIGINT and returns its name.
pub(crate) async fn signalled() -> io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
