//! What can go wrong: when opening a store, and in the database afterwards. Every other file turns its driver's
//! errors into a `PortError` through here.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pixmill::ports::{PortError, PortErrorKind};
use rusqlite::ErrorCode;

/// The name of this adapter in errors.
pub(crate) const ADAPTER: &str = "embedded";

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Something else has the folder's name.
    #[error("the data folder {} is not a folder: remove what is there, or name another folder", .0.display())]
    NotAFolder(PathBuf),
    /// The folder, or something in it, can't be created or written.
    #[error(
        "can't write to {}: the data folder must belong to the user that runs this program and allow writing \
         (chmod u+rwx)", .path.display()
    )]
    NotWritable {
        /// What was to be written.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another store is open on the folder.
    #[error(
        "the data folder {} is in use by {}: stop that process first, or name another data folder",
        .data_dir.display(), holder(*.pid)
    )]
    Locked {
        /// The folder.
        data_dir: PathBuf,
        /// The process that has it open, if it left its number.
        pid: Option<u32>,
    },
    /// A newer version of Pixmill has written the database.
    #[error(
        "the database {} has schema {found}, but this version knows schemas up to {known} only: start the newer \
         version of Pixmill that wrote it, or restore a backup made before the upgrade", .path.display()
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// The schema it has.
        found: u32,
        /// The newest schema that this version can read.
        known: u32,
    },
    /// Another version of Pixmill has the database open.
    #[error(
        "the database {} has schema {found} and is in use, but this version writes schema {known}: use the version \
         of Pixmill that runs on it, or stop that first", .path.display()
    )]
    OtherSchema {
        /// The database file.
        path: PathBuf,
        /// The schema it has.
        found: u32,
        /// The schema that this version writes.
        known: u32,
    },
    /// The file is a database of some other program.
    #[error("the database {} does not belong to Pixmill: name another data folder", .0.display())]
    NotOurs(PathBuf),
    /// The folder is the target of a backup that did not end.
    #[error(
        "the folder {} holds a backup that was not finished: remove it and back up again", .0.display()
    )]
    UnfinishedBackup(PathBuf),
    /// The database can't be opened or brought up to date.
    #[error(
        "can't open the database {}: if it is damaged, restore a backup into an empty folder", .path.display()
    )]
    Database {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file operation failed.
    #[error("can't use {}: the data folder must be on a local file system that works", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl OpenError {
    /// A failed file operation on `path`, by what the operating system said.
    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { path, source }
            }
            _ => Self::Io { path, source },
        }
    }
}

/// Why the database did not do what it was told. Shared, because one failed commit fails many operations.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum DatabaseError {
    #[error("the database refused")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    #[error("a stored row can't be read")]
    Unreadable(#[source] Arc<serde_json::Error>),
    #[error("an operation on the database panicked: {0}")]
    Panicked(String),
    #[error("the database is closed")]
    Closed,
}

impl DatabaseError {
    /// This error as what `operation` answers.
    pub(crate) fn into_port(self, operation: &'static str) -> PortError {
        let kind = match &self {
            Self::Sqlite(error) => kind_of(error),
            Self::Unreadable(_) => PortErrorKind::Corrupt,
            Self::Panicked(_) => PortErrorKind::Internal,
            Self::Closed => PortErrorKind::Unavailable,
        };
        PortError::new(kind, ADAPTER, operation).with_source(self)
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<serde_json::Error> for DatabaseError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(Arc::new(error))
    }
}

fn kind_of(error: &rusqlite::Error) -> PortErrorKind {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => PortErrorKind::Corrupt,
        other => match other.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => PortErrorKind::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => PortErrorKind::Corrupt,
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory,
            ) => PortErrorKind::Unavailable,
            _ => PortErrorKind::Internal,
        },
    }
}

/// A failed file operation as what `operation` answers.
pub(crate) fn file_error(error: io::Error, operation: &'static str) -> PortError {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PortErrorKind::Full,
        io::ErrorKind::UnexpectedEof => PortErrorKind::Corrupt,
        _ => PortErrorKind::Unavailable,
    };
    PortError::new(kind, ADAPTER, operation).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        const ENOSPC: i32 = 28;
        let error = file_error(io::Error::from_raw_os_error(ENOSPC), "blobs.put");
        assert_eq!(error.kind(), PortErrorKind::Full);
    }

    #[test]
    fn a_full_database_is_told_apart() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (x); PRAGMA max_page_count = 3;").unwrap();
        let error = connection.execute("INSERT INTO t VALUES (zeroblob(100000))", []).unwrap_err();
        assert_eq!(DatabaseError::from(error).into_port("jobs.accept").kind(), PortErrorKind::Full);
    }

    #[test]
    fn a_row_that_makes_no_sense_is_corrupt() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let read = connection.query_row("SELECT 'text'", [], |row| row.get::<_, i64>(0));
        assert_eq!(
            DatabaseError::from(read.unwrap_err()).into_port("jobs.get").kind(),
            PortErrorKind::Corrupt
        );
    }
}
