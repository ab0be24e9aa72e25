//! What the driver says, as the core's one error.

use pixmill::ports::{PortError, PortErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

const ADAPTER: &str = "redis";

/// An error of this adapter.
pub(crate) fn error(kind: PortErrorKind, operation: &'static str) -> PortError {
    PortError::new(kind, ADAPTER, operation)
}

/// A driver's error as what `operation` answers.
pub(crate) fn from_driver(source: RedisError, operation: &'static str) -> PortError {
    let kind = if source.is_timeout() {
        PortErrorKind::TimedOut
    } else if source.is_io_error() || source.is_connection_dropped() || source.is_connection_refusal() {
        PortErrorKind::Unavailable
    } else {
        match source.kind() {
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::TryAgain,
            )
            | ErrorKind::AuthenticationFailed => PortErrorKind::Unavailable,
            _ if source.code() == Some("OOM") => PortErrorKind::Full,
            ErrorKind::UnexpectedReturnType | ErrorKind::Parse => PortErrorKind::Corrupt,
            _ => PortErrorKind::Internal,
        }
    };
    error(kind, operation).with_source(source)
}
