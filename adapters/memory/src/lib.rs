//! Every storage port of Pixmill in the memory of one process.
//!
//! It keeps every promise of the ports save that of surviving the process, so it is what tests run on, and what
//! an embedder without storage takes. Time comes through the [`Clock`] port. Pixels, passwords and the clock
//! itself are left to `pixmill-runtime`.
//!
//! ```
//! # async fn example(clock: std::sync::Arc<dyn pixmill::ports::Clock>) -> Result<(), pixmill::ports::PortError> {
//! use pixmill::ports::{BlobStore, BlobStoreExt};
//! use pixmill::{BlobKey, ImageId};
//!
//! let memory = pixmill_memory::Memory::new(clock);
//! let key = BlobKey::original(ImageId::random());
//! memory.blobs.put_bytes(key.clone(), "bytes".into()).await?;
//! assert!(memory.blobs.get(key, None).await?.is_some());
//! # Ok(())
//! # }
//! ```

mod api_keys;
mod blobs;
mod cache;
mod events;
mod images;
mod jobs;
mod limiter;
mod once_keys;
mod queue;
mod timeline;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pixmill::ports::Clock;

pub use api_keys::MemoryApiKeys;
pub use blobs::MemoryBlobStore;
pub use cache::MemoryCache;
pub use events::MemoryEvents;
pub use images::MemoryImages;
pub use jobs::MemoryJobs;
pub use limiter::MemoryLimiter;
pub use once_keys::MemoryOnceKeys;
pub use queue::MemoryQueue;
pub use users::MemoryUsers;

/// One of each port, for whoever wants them all.
#[derive(Clone)]
pub struct Memory {
    /// The repository of users.
    pub users: Arc<MemoryUsers>,
    /// The repository of API keys.
    pub api_keys: Arc<MemoryApiKeys>,
    /// The repository of images.
    pub images: Arc<MemoryImages>,
    /// The repository of jobs.
    pub jobs: Arc<MemoryJobs>,
    /// The queue.
    pub queue: Arc<MemoryQueue>,
    /// The store of blobs, without a limit.
    pub blobs: Arc<MemoryBlobStore>,
    /// The cache, of its usual size.
    pub cache: Arc<MemoryCache>,
    /// The carrier of events.
    pub events: Arc<MemoryEvents>,
    /// The limiter.
    pub limiter: Arc<MemoryLimiter>,
    /// The memory of idempotency keys.
    pub once_keys: Arc<MemoryOnceKeys>,
}

impl Memory {
    /// New and empty ports that share this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            users: Arc::new(MemoryUsers::new(Arc::clone(&clock))),
            api_keys: Arc::new(MemoryApiKeys::new()),
            images: Arc::new(MemoryImages::new(Arc::clone(&clock))),
            jobs: Arc::new(MemoryJobs::new(Arc::clone(&clock))),
            queue: Arc::new(MemoryQueue::new(Arc::clone(&clock))),
            blobs: Arc::new(MemoryBlobStore::new()),
            cache: Arc::new(MemoryCache::new(Arc::clone(&clock))),
            events: Arc::new(MemoryEvents::new()),
            limiter: Arc::new(MemoryLimiter::new(Arc::clone(&clock))),
            once_keys: Arc::new(MemoryOnceKeys::new(clock)),
        }
    }
}

/// Locks a port's state. No step in this crate panics between two changes that belong together, so a state whose
/// mutex is poisoned is still whole.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
