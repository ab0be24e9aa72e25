//! The ports' trials, on every port in memory.

use pixmill_memory::{
    MemoryApiKeys, MemoryBlobStore, MemoryCache, MemoryEvents, MemoryImages, MemoryJobs, MemoryLimiter,
    MemoryOnceKeys, MemoryQueue, MemoryUsers,
};

fn main() {
    pixmill_testkit::conformance("memory")
        .users(|clock| async { Ok(MemoryUsers::new(clock)) })
        .api_keys(|_| async { Ok(MemoryApiKeys::new()) })
        .images(|clock| async { Ok(MemoryImages::new(clock)) })
        .jobs(|clock| async { Ok(MemoryJobs::new(clock)) })
        .queue(|clock| async { Ok(MemoryQueue::new(clock)) })
        .blobs(|_| async { Ok(MemoryBlobStore::new()) })
        .cache(|clock| async { Ok(MemoryCache::new(clock)) })
        .events(|_| async { Ok(MemoryEvents::new()) })
        .limiter(|clock| async { Ok(MemoryLimiter::new(clock)) })
        .once_keys(|clock| async { Ok(MemoryOnceKeys::new(clock)) })
        .run()
}
