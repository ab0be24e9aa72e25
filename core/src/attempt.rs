//! Why an attempt at a job gave no result, and how long to wait for the next one.

use std::error::Error;
use std::time::Duration;

use pixmill_engine::Error as EngineError;

use crate::failure::{Failure, FailureCode};
use crate::ids::random_bytes;
use crate::ports::{PortError, PortErrorKind, ProcessError, Retry};

/// Why an attempt did not give a result.
#[derive(Debug, Clone)]
pub(crate) enum AttemptError {
    /// It would fail in the same way again.
    Permanent(Failure),
    /// Another attempt may work; if none is left, this is the reason.
    Transient(Failure),
    /// A system that the service depends on is away: it will be tried when that is back, at the earliest after this time.
    Away(Duration),
    /// Another worker is making the same: what it makes can be had soon.
    InTheMaking,
}

/// First wait between attempts; doubles with each.
const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// Longest wait between attempts.
const BACKOFF_CAP: Duration = Duration::from_mins(1);

impl AttemptError {
    /// The source went while the job waited, or was worked on.
    pub(crate) fn source_missing() -> Self {
        Self::Permanent(Failure::new(FailureCode::SourceMissing, "the image was deleted"))
    }
}

impl From<PortError> for AttemptError {
    fn from(error: PortError) -> Self {
        let chain = chain(&error);
        tracing::warn!(error = %chain, "a port failed during an attempt");
        match (error.retry(), error.kind()) {
            (Retry::Later(after), _) => Self::Away(after),
            (Retry::Never, PortErrorKind::Corrupt) => {
                Self::Permanent(Failure::new(FailureCode::Internal, "stored data is damaged"))
            }
            (Retry::Never, _) => Self::Permanent(Failure::new(FailureCode::Internal, "the service failed")),
        }
    }
}

impl From<ProcessError> for AttemptError {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::Port(error) => error.into(),
            // The adapter has logged how; to the user it would mean nothing.
            ProcessError::Crashed(_) => {
                let detail = "the process that worked on the image died at every attempt";
                Self::Transient(Failure::new(FailureCode::Crashed, detail))
            }
            ProcessError::Engine(error) => error.into(),
        }
    }
}

impl From<EngineError> for AttemptError {
    fn from(error: EngineError) -> Self {
        let detail = error.to_string();
        match error {
            EngineError::Unsupported { .. } | EngineError::Undecodable { .. } => {
                Self::Permanent(Failure::new(FailureCode::Undecodable, detail))
            }
            EngineError::LimitExceeded { .. } => {
                Self::Permanent(Failure::new(FailureCode::LimitExceeded, detail))
            }
            EngineError::Invalid(_) => {
                Self::Permanent(Failure::new(FailureCode::InvalidTransformation, detail))
            }
            EngineError::TimedOut | EngineError::Cancelled => {
                Self::Transient(Failure::new(FailureCode::TimedOut, detail))
            }
            other => {
                tracing::error!(error = %other, "the engine failed");
                Self::Permanent(Failure::new(FailureCode::Internal, "the service failed on this image"))
            }
        }
    }
}

/// An error with everything below it, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// A time up to twice as long as this one, so that what was put off together does not come back together.
pub(crate) fn spread(time: Duration) -> Duration {
    time + time.mul_f64(random_fraction())
}

fn random_fraction() -> f64 {
    f64::from(u32::from_be_bytes(random_bytes())) / f64::from(u32::MAX)
}

/// Exponential backoff with full jitter: anything from nothing to twice the wait before, so that jobs which
/// failed together do not come back together.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let ceiling = BACKOFF_BASE.saturating_mul(1 << attempt.min(16)).min(BACKOFF_CAP);
    ceiling.mul_f64(random_fraction())
}
