//! What an embedded store can be told. Where the values come from (flags, environment) is the app's affair.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use pixmill::ports::Clock;

/// How to open an [`EmbeddedStore`](crate::EmbeddedStore). [`Config::new`] fills in the defaults.
#[derive(Clone)]
pub struct Config {
    /// The folder that holds everything: database, blobs, lock. It is created if it is not there.
    pub data_dir: PathBuf,
    /// Decides what time it is: for leases, delays and expiry.
    pub clock: Arc<dyn Clock>,
    /// Most bytes that [`MokaCache`](crate::MokaCache) keeps in memory. Default 256 MiB.
    pub cache_max_bytes: u64,
    /// About how many bytes of recently changed jobs are kept in memory for status polls. Default 32 MiB.
    pub job_cache_max_bytes: u64,
    /// Whether the queue of this store is the one that workers listen to. Then accepting a job puts it into the
    /// queue in the same transaction, and nothing is left to publish. Default true.
    pub owns_queue: bool,
    /// Threads that read from the database, at least 1. Default 4.
    pub readers: usize,
    /// File operations that run at once, at least 1; each takes one of the runtime's blocking threads.
    /// Default 16.
    pub blob_tasks: usize,
}

impl Config {
    /// The defaults for a store in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            data_dir: data_dir.into(),
            clock,
            cache_max_bytes: 256 << 20,
            job_cache_max_bytes: 32 << 20,
            owns_queue: true,
            readers: 4,
            blob_tasks: 16,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("data_dir", &self.data_dir)
            .field("cache_max_bytes", &self.cache_max_bytes)
            .field("job_cache_max_bytes", &self.job_cache_max_bytes)
            .field("owns_queue", &self.owns_queue)
            .field("readers", &self.readers)
            .field("blob_tasks", &self.blob_tasks)
            .finish_non_exhaustive()
    }
}
