//! The one error of all ports. What a driver said stays behind `source()`.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a port could not do what was asked.
pub struct PortError {
    kind: PortErrorKind,
    retry: Retry,
    adapter: &'static str,
    operation: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What sort of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortErrorKind {
    /// The system behind the port does not answer, or says that it can't at the moment.
    Unavailable,
    /// It did not answer in time.
    TimedOut,
    /// There is no room left.
    Full,
    /// What was read is damaged, or was written by a newer version.
    Corrupt,
    /// The adapter can't do this, and says so instead of pretending.
    Unsupported,
    /// The data handed in by the caller ended with an error.
    Input,
    /// A fault of the adapter.
    Internal,
}

/// Whether it is of use to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call would fail in the same way.
    Never,
    /// It may work after this time.
    Later(Duration),
}

impl PortError {
    /// An error of `adapter` (its crate's short name, such as `embedded`) in `operation` (such as `jobs.claim`).
    ///
    /// Unavailable, timed-out and full systems are worth another try after a second; the rest is not. Change it
    /// with [`with_retry`](Self::with_retry).
    pub fn new(kind: PortErrorKind, adapter: &'static str, operation: &'static str) -> Self {
        let retry = match kind {
            PortErrorKind::Unavailable | PortErrorKind::TimedOut | PortErrorKind::Full => {
                Retry::Later(Duration::from_secs(1))
            }
            _ => Retry::Never,
        };
        Self { kind, retry, adapter, operation, source: None }
    }

    /// Adds what the driver said.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Changes whether to try again.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// What sort of trouble it is.
    pub fn kind(&self) -> PortErrorKind {
        self.kind
    }

    /// Whether it is of use to try again.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// The adapter that failed.
    pub fn adapter(&self) -> &'static str {
        self.adapter
    }

    /// What it was doing.
    pub fn operation(&self) -> &'static str {
        self.operation
    }
}

impl fmt::Debug for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortError")
            .field("kind", &self.kind)
            .field("retry", &self.retry)
            .field("adapter", &self.adapter)
            .field("operation", &self.operation)
            .field("source", &self.source)
            .finish()
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            PortErrorKind::Unavailable => "is unavailable",
            PortErrorKind::TimedOut => "did not answer in time",
            PortErrorKind::Full => "has no room left",
            PortErrorKind::Corrupt => "holds data that can't be read",
            PortErrorKind::Unsupported => "can't do this",
            PortErrorKind::Input => "was handed broken input",
            PortErrorKind::Internal => "failed",
        };
        write!(f, "{} {what} ({})", self.adapter, self.operation)
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
