//! What the driver says, as the core's one error, and why a broker can't be used at all.

use lapin::ErrorKind;
use pixmill::ports::{PortError, PortErrorKind};

const ADAPTER: &str = "rabbitmq";

/// An error of this adapter.
pub(crate) fn error(kind: PortErrorKind, operation: &'static str) -> PortError {
    PortError::new(kind, ADAPTER, operation)
}

/// A driver's error as what `operation` answers: whatever it is, a new connection may be better off.
pub(crate) fn from_driver(source: lapin::Error, operation: &'static str) -> PortError {
    error(PortErrorKind::Unavailable, operation).with_source(source)
}

/// Why a broker can't be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none of a broker.
    #[error(
        "the URL of RabbitMQ can't be used ({0}); it must look like amqp://user:password@host:5672, or amqps:// for TLS"
    )]
    Url(String),
    /// Nothing answers, or not as a broker does.
    #[error(
        "RabbitMQ at {place} does not answer; is it running, and are RABBITMQ_HOST and RABBITMQ_PORT, or RABBITMQ_URL, right?"
    )]
    Unreachable {
        /// Host and port.
        place: String,
        /// What went wrong.
        #[source]
        source: Option<lapin::Error>,
    },
    /// The broker does not let this user in.
    #[error("RabbitMQ at {place} refuses the user or the virtual host; correct RABBITMQ_URL")]
    Refused {
        /// Host and port.
        place: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// A queue of this name exists, and is another kind of queue.
    #[error(
        "the queue {queue:?} exists with other settings ({detail}); remove it once it is empty, or set \
         RABBITMQ_QUEUE to another name"
    )]
    Clash {
        /// Its name.
        queue: String,
        /// What the broker said.
        detail: String,
    },
}

impl ConnectError {
    /// Why no connection came about.
    pub(crate) fn of_connection(source: lapin::Error, place: String) -> Self {
        match source.kind() {
            ErrorKind::ProtocolError(_) | ErrorKind::AuthProviderError(_) => Self::Refused { place, source },
            _ => Self::Unreachable { place, source: Some(source) },
        }
    }

    /// This error as what `operation` answers.
    pub(crate) fn into_port(self, operation: &'static str) -> PortError {
        error(PortErrorKind::Unavailable, operation).with_source(self)
    }
}
