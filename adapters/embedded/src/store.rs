//! Opening a data folder, and handing out the ports that live in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pixmill::ports::Clock;

use crate::api_keys::SqliteApiKeys;
use crate::backlog::Backlog;
use crate::backup::{self, BackupError, BackupProgress, BackupReport};
use crate::blobs::FileBlobStore;
use crate::cache::MokaCache;
use crate::config::Config;
use crate::database::Database;
use crate::error::OpenError;
use crate::images::SqliteImages;
use crate::job_cache::JobCache;
use crate::jobs::SqliteJobs;
use crate::lock::Lock;
use crate::once_keys::SqliteOnceKeys;
use crate::queue::SqliteQueue;
use crate::users::SqliteUsers;

/// An open data folder. The folder stays locked until this and every port that it handed out are dropped; the last
/// drop waits for what was being written.
#[derive(Clone)]
pub struct EmbeddedStore {
    data_dir: PathBuf,
    clock: Arc<dyn Clock>,
    users: Arc<SqliteUsers>,
    api_keys: Arc<SqliteApiKeys>,
    images: Arc<SqliteImages>,
    jobs: Arc<SqliteJobs>,
    once_keys: Arc<SqliteOnceKeys>,
    queue: Arc<SqliteQueue>,
    blobs: Arc<FileBlobStore>,
    cache: Arc<MokaCache>,
}

impl EmbeddedStore {
    /// Takes the folder, makes it if need be, and cleans up after the process that had it before: its leases and
    /// reservations end now, its deliveries are made again, its temporary files go. Blocks for as long as that
    /// takes; needs no runtime.
    ///
    /// # Errors
    /// If the folder is in use or can't be used, or the database is newer than this version.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        let Config { data_dir, clock, cache_max_bytes, job_cache_max_bytes, owns_queue, readers, blob_tasks } =
            config;
        let lock = Arc::new(Lock::acquire(&data_dir)?);
        if data_dir.join(backup::UNFINISHED).exists() {
            return Err(OpenError::UnfinishedBackup(data_dir));
        }
        let blobs = FileBlobStore::in_folder(&data_dir, blob_tasks, Arc::clone(&lock))?;
        let (database, entries) = Database::open(&data_dir, lock, clock.as_ref(), owns_queue, readers)?;
        let database = Arc::new(database);
        let backlog = Arc::new(Backlog::new(Arc::clone(&clock), entries));
        let job_cache = Arc::new(JobCache::new(job_cache_max_bytes));
        let enters = owns_queue.then(|| Arc::clone(&backlog));
        Ok(Self {
            users: Arc::new(SqliteUsers::new(Arc::clone(&database), Arc::clone(&clock))),
            api_keys: Arc::new(SqliteApiKeys::new(Arc::clone(&database))),
            images: Arc::new(SqliteImages::new(Arc::clone(&database), Arc::clone(&clock))),
            jobs: Arc::new(SqliteJobs::new(Arc::clone(&database), Arc::clone(&clock), job_cache, enters)),
            once_keys: Arc::new(SqliteOnceKeys::new(Arc::clone(&database), Arc::clone(&clock))),
            queue: Arc::new(SqliteQueue::new(database, Arc::clone(&clock), backlog)),
            blobs: Arc::new(blobs),
            cache: Arc::new(MokaCache::new(Arc::clone(&clock), cache_max_bytes)),
            data_dir,
            clock,
        })
    }

    /// The users.
    pub fn users(&self) -> Arc<SqliteUsers> {
        Arc::clone(&self.users)
    }

    /// The API keys.
    pub fn api_keys(&self) -> Arc<SqliteApiKeys> {
        Arc::clone(&self.api_keys)
    }

    /// The images.
    pub fn images(&self) -> Arc<SqliteImages> {
        Arc::clone(&self.images)
    }

    /// The jobs.
    pub fn jobs(&self) -> Arc<SqliteJobs> {
        Arc::clone(&self.jobs)
    }

    /// The idempotency keys.
    pub fn once_keys(&self) -> Arc<SqliteOnceKeys> {
        Arc::clone(&self.once_keys)
    }

    /// The queue.
    pub fn queue(&self) -> Arc<SqliteQueue> {
        Arc::clone(&self.queue)
    }

    /// The blobs.
    pub fn blobs(&self) -> Arc<FileBlobStore> {
        Arc::clone(&self.blobs)
    }

    /// The cache.
    pub fn cache(&self) -> Arc<MokaCache> {
        Arc::clone(&self.cache)
    }

    /// Copies the store into the folder `to` while it is in use: see [`backup`](crate::backup()). Blocks for as
    /// long as that takes.
    ///
    /// # Errors
    /// If `to` is not empty, or something can't be read or written.
    pub fn backup(
        &self,
        to: &Path,
        progress: impl FnMut(BackupProgress),
    ) -> Result<BackupReport, BackupError> {
        backup::copy(&self.data_dir, to, self.clock.now(), progress)
    }
}
