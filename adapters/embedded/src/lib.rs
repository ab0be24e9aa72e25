//! Pixmill on one machine, in one folder: SQLite for users, their API keys, images, jobs, idempotency keys and the queue, files for blobs, memory
//! for the cache. Nothing else has to be installed or run.
//!
//! [`EmbeddedStore::open`] takes a data folder for this process alone and hands out the ports. What a call
//! acknowledges survives a loss of power where its port says so: `synchronous=FULL` commits, shared by all who wait
//! for one, and synced files.
//!
//! ```text
//! data folder, readable for its owner only
//!   lock         held while a store is open, with the process's number in it
//!   pixmill.db   users, images, versions, jobs, keys, queue (and pixmill.db-wal, pixmill.db-shm)
//!   blobs/       one file a blob, named after its key
//!   tmp/         blobs on their way; emptied at the start
//!   secret       the server's own, copied along by backups
//! ```
//!
//! Unix only: it relies on modes, on links, and on renaming over open files.

mod accept;
mod api_keys;
mod backlog;
mod backup;
mod backup_rows;
mod blob_files;
mod blobs;
mod cache;
mod columns;
mod config;
mod database;
mod error;
mod free_space;
mod image_rows;
mod images;
mod job_cache;
mod job_rows;
mod jobs;
mod lock;
mod migrations;
mod once_keys;
mod queue;
mod queue_rows;
mod readers;
mod recovery;
mod release;
mod store;
mod users;
mod writer;

pub use api_keys::SqliteApiKeys;
pub use backup::{BackupError, BackupProgress, BackupReport, backup};
pub use blobs::FileBlobStore;
pub use cache::MokaCache;
pub use config::Config;
pub use error::OpenError;
pub use images::SqliteImages;
pub use jobs::SqliteJobs;
pub use once_keys::SqliteOnceKeys;
pub use queue::SqliteQueue;
pub use store::EmbeddedStore;
pub use users::SqliteUsers;
