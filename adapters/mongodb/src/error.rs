//! What the driver says, as the core's one error, and why a database can't be used at all.

use mongodb::error::{Error, ErrorKind, WriteFailure};
use pixmill::ports::{PortError, PortErrorKind};

const ADAPTER: &str = "mongodb";

/// Codes of the server: no room on the disk, and a key that exists.
const OUT_OF_DISK_SPACE: i32 = 14031;
const DUPLICATE_KEY: i32 = 11000;

/// An error of this adapter.
pub(crate) fn error(kind: PortErrorKind, operation: &'static str) -> PortError {
    PortError::new(kind, ADAPTER, operation)
}

/// A document that can't be understood.
pub(crate) fn unreadable(
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    operation: &'static str,
) -> PortError {
    error(PortErrorKind::Corrupt, operation).with_source(source)
}

/// A driver's error as what `operation` answers.
pub(crate) fn from_driver(source: Error, operation: &'static str) -> PortError {
    let kind = match source.kind.as_ref() {
        ErrorKind::ServerSelection { .. }
        | ErrorKind::Io(_)
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Authentication { .. } => PortErrorKind::Unavailable,
        ErrorKind::BsonDeserialization(_) => PortErrorKind::Corrupt,
        ErrorKind::Command(said) if said.code == OUT_OF_DISK_SPACE => PortErrorKind::Full,
        _ if source.contains_label("RetryableWriteError") => PortErrorKind::Unavailable,
        // Not the primary any more, or shutting down.
        ErrorKind::Command(said) if matches!(said.code, 91 | 189 | 10107 | 11600 | 11602 | 13435 | 13436) => {
            PortErrorKind::Unavailable
        }
        _ => PortErrorKind::Internal,
    };
    error(kind, operation).with_source(source)
}

/// Whether an insertion failed because there is such a document already.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(said)) => said.code == DUPLICATE_KEY,
        ErrorKind::Command(said) => said.code == DUPLICATE_KEY,
        _ => false,
    }
}

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URI is none of MongoDB.
    #[error("MONGO_URI can't be used ({0}); it must look like mongodb://user:password@host:27017/pixmill")]
    Uri(String),
    /// No server answers.
    #[error("MongoDB at {place} does not answer; is it running, and is MONGO_URI right?")]
    Unreachable {
        /// Hosts and ports.
        place: String,
        /// What went wrong.
        #[source]
        source: Option<PortError>,
    },
    /// The server does not let this user in, or do what is needed.
    #[error(
        "MongoDB at {place} refuses the user; correct MONGO_URI, or allow the user readWrite on the database"
    )]
    Refused {
        /// Hosts and ports.
        place: String,
    },
    /// The database was written by a newer version.
    #[error(
        "the database {database:?} has schema {found}, and this version knows {known}; use a newer version"
    )]
    NewerSchema {
        /// Its name.
        database: String,
        /// The schema that it has.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
}
