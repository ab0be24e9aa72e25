//! The database file with its writer, its readers and the lock: everything that the repositories and the queue
//! share.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pixmill::ports::{Clock, PortError};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{DatabaseError, OpenError};
use crate::lock::Lock;
use crate::migrations;
use crate::queue_rows::{self, Entry};
use crate::readers::Readers;
use crate::recovery;
use crate::writer::{Durability, Writer};

/// The database's file inside the data folder.
pub(crate) const FILE: &str = "pixmill.db";

/// Settings of every connection.
const SETTINGS: &str = "
    PRAGMA foreign_keys = ON;
    -- A backup in another process may hold a lock for a moment.
    PRAGMA busy_timeout = 5000;
    -- 4 MiB of pages: with each commit of the writer a reader forgets what it has, so more would seldom be of use.
    PRAGMA cache_size = -4096;
    -- A failing disk would kill the process through a mapped page; without mapping it is an error like any other.
    PRAGMA mmap_size = 0;
    PRAGMA temp_store = MEMORY;
";

/// Settings of the writer's connection alone.
const WRITER_SETTINGS: &str = "
    -- 16 MiB of pages: the indexes of some hundred thousand jobs.
    PRAGMA cache_size = -16384;
    -- A checkpoint syncs twice, and writes each page once, however often the log has it: at 32 MiB of log it comes once in
    -- about five hundred jobs.
    PRAGMA wal_autocheckpoint = 8192;
    -- A log that grew during a backup is cut back afterwards.
    PRAGMA journal_size_limit = 67108864;
";

/// An open database. Dropping it writes what waits and closes it; the fields are dropped in this order, so that
/// the writer is the last connection, which folds the log into the file, and the lock outlives both.
#[derive(Debug)]
pub(crate) struct Database {
    readers: Readers,
    writer: Writer,
    /// None beside the process that has it.
    _lock: Option<Arc<Lock>>,
}

impl Database {
    /// Opens the database of a locked data folder, brings its schema up to date and ends what the process before
    /// this one left unfinished. Gives the queue along with it.
    pub(crate) fn open(
        data_dir: &Path,
        lock: Arc<Lock>,
        clock: &dyn Clock,
        owns_queue: bool,
        readers: usize,
    ) -> Result<(Self, Vec<Entry>), OpenError> {
        let path = data_dir.join(FILE);
        create_private(&path)?;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Database {
            path: path.clone(),
            source,
        };
        let mut connection = connect_writer(&path).map_err(|error| failed(error.into()))?;
        migrations::migrate(&mut connection, &path)?;
        recovery::recover(&mut connection, clock.now(), owns_queue).map_err(|error| failed(error.into()))?;
        let entries = queue_rows::all(&connection).map_err(|error| failed(error.into()))?;
        let database = Self::start(&path, connection, readers, Some(lock))?;
        Ok((database, entries))
    }

    /// Opens the database for a command of an operator, whether another process has it or not; says whether one has.
    pub(crate) fn for_a_command(data_dir: &Path, clock: &dyn Clock) -> Result<(Self, bool), OpenError> {
        match Lock::acquire(data_dir) {
            // Nobody's leases end by this: what had them is gone.
            Ok(lock) => Ok((Self::open(data_dir, Arc::new(lock), clock, false, 1)?.0, false)),
            Err(OpenError::Locked { .. }) => Ok((Self::beside(data_dir)?, true)),
            Err(error) => Err(error),
        }
    }

    /// Opens the database beside a process that has it, for changes that this process keeps nothing of in memory.
    fn beside(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join(FILE);
        let failed =
            |error: rusqlite::Error| OpenError::Database { path: path.clone(), source: error.into() };
        let connection = connect_writer(&path).map_err(failed)?;
        migrations::check(&connection, &path)?;
        Self::start(&path, connection, 1, None)
    }

    fn start(
        path: &Path,
        connection: Connection,
        readers: usize,
        lock: Option<Arc<Lock>>,
    ) -> Result<Self, OpenError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Database {
            path: path.to_owned(),
            source,
        };
        let connections = (0..readers.max(1)).map(|_| connect_reader(path)).collect::<Result<Vec<_>, _>>();
        let connections = connections.map_err(|error| failed(error.into()))?;
        let writer = Writer::start(connection).map_err(|error| failed(error.into()))?;
        let readers = Readers::start(connections).map_err(|error| failed(error.into()))?;
        Ok(Self { readers, writer, _lock: lock })
    }

    /// Runs `body` in a transaction and `committed` after it: see [`Writer::write`].
    pub(crate) async fn write<T: Send + 'static, R: Send + 'static>(
        &self,
        operation: &'static str,
        durability: Durability,
        body: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
        committed: impl FnOnce(T) -> R + Send + 'static,
    ) -> Result<R, PortError> {
        self.writer.write(durability, body, committed).await.map_err(|error| error.into_port(operation))
    }

    /// Runs `body` in a transaction and `committed` after it, and waits for neither: for what is repeated if it is not done.
    /// That it can't be done is logged.
    pub(crate) async fn post<T: Send + 'static, R: Send + 'static>(
        &self,
        operation: &'static str,
        body: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
        committed: impl FnOnce(T) -> R + Send + 'static,
    ) -> Result<(), PortError> {
        let posted = self.writer.post(Durability::Relaxed, body, committed).await;
        posted.map(drop).map_err(|error| error.into_port(operation))
    }

    /// Runs a query on what is committed.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        body: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, PortError> {
        self.readers.read(body).await.map_err(|error| error.into_port(operation))
    }
}

/// SQLite would create the file readable for everybody; its log files take the mode over.
fn create_private(path: &PathBuf) -> Result<(), OpenError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    opened.map(drop).map_err(|error| OpenError::io(path, error))
}

fn connect_writer(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    connection.execute_batch(WRITER_SETTINGS)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    Ok(connection)
}

/// A connection that can't write. Also for a backup, beside a server that runs.
pub(crate) fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SETTINGS)?;
    // Otherwise a parameter behind LIMIT has its statement parsed and planned anew at each call, for what may be a better
    // plan. Our plans are fixed by a test.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_with_a_limit_is_parsed_once() {
        let connection = connect_writer(Path::new(":memory:")).unwrap();
        connection.execute_batch("CREATE TABLE numbers (number INTEGER UNIQUE)").unwrap();
        let mut statement =
            connection.prepare("SELECT number FROM numbers WHERE number > ? LIMIT ?").unwrap();
        for number in 0..3 {
            assert!(!statement.exists([number, number]).unwrap());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
