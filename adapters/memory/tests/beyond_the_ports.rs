//! What the ports in memory do beyond their contracts: bounds, and what tests can look at.

use bytes::Bytes;
use futures::StreamExt;
use pixmill::ports::{
    BlobStore, BlobStoreExt, Cache, CacheKey, Events, Images, LimitKey, Limiter, PortErrorKind, Queue, Quota,
    Settlement,
};
use pixmill::{ContentHash, UserId};
use pixmill_memory::{Memory, MemoryBlobStore, MemoryCache, MemoryEvents, MemoryLimiter, MemoryQueue};
use pixmill_testkit::{TestClock, fixtures};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn rejected_messages_can_be_inspected() {
    let queue = MemoryQueue::new(TestClock::new());
    queue.publish_bytes("not a job message");
    queue.publish_bytes("nor is this");
    assert_eq!(queue.waiting(), 2);
    for _ in 0..2 {
        queue.receive().await.unwrap().settle(Settlement::Reject).await.unwrap();
    }
    assert_eq!(queue.waiting(), 0);
    assert_eq!(queue.rejected(), ["not a job message", "nor is this"]);
}

#[tokio::test]
async fn a_full_blob_store_says_so_and_stays_as_it_was() {
    let blobs = MemoryBlobStore::with_capacity(10);
    let [first, second] = [(); 2].map(|()| fixtures::job(UserId::random(), TestClock::START).output_key());
    blobs.put_bytes(first.clone(), Bytes::from_static(b"sixsix")).await.unwrap();
    let error = blobs.put_bytes(second.clone(), Bytes::from_static(b"fives")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Full);
    assert_eq!(blobs.copy(first.clone(), second.clone()).await.unwrap_err().kind(), PortErrorKind::Full);
    assert!(blobs.get(second, None).await.unwrap().is_none());
    // What is replaced makes room for what replaces it.
    blobs.put_bytes(first.clone(), Bytes::from_static(b"ten-ten-te")).await.unwrap();
    assert_eq!(blobs.bytes(), 10);
    blobs.delete(first).await.unwrap();
    assert_eq!(blobs.bytes(), 0);
}

#[tokio::test]
async fn a_cache_drops_what_expires_soonest_and_never_passes_its_bound() {
    let clock = TestClock::new();
    let cache = MemoryCache::with_max_bytes(clock.clone(), 10);
    let key = |name: &str| CacheKey::of(&ContentHash::of(name.as_bytes()));
    let five = Bytes::from_static(b"fives");
    cache.put(key("soon"), five.clone(), HOUR).await.unwrap();
    cache.put(key("late"), five.clone(), 3 * HOUR).await.unwrap();
    cache.put(key("middle"), five.clone(), 2 * HOUR).await.unwrap();
    cache.put(key("too large"), Bytes::from_static(b"eleven byte"), HOUR).await.unwrap();
    assert_eq!(cache.get(key("soon")).await.unwrap(), None);
    assert_eq!(cache.get(key("late")).await.unwrap(), Some(five.clone()));
    assert_eq!(cache.get(key("middle")).await.unwrap(), Some(five));
    assert_eq!(cache.get(key("too large")).await.unwrap(), None);
}

#[tokio::test]
async fn a_limiter_forgets_keys_whose_buckets_are_full_again() {
    let clock = TestClock::new();
    let limiter = MemoryLimiter::new(clock.clone());
    let quota = Quota { requests: 1, window: Duration::from_secs(1) };
    for round in 0..10 {
        for who in 0..1000 {
            limiter.check(LimitKey::new("trial", format!("{round}-{who}")), quota).await.unwrap();
        }
        clock.advance(quota.window * 2);
    }
    assert!(limiter.keys() <= 3000, "{} of 10,000 keys are kept", limiter.keys());
}

#[tokio::test]
async fn a_dropped_stream_takes_nothing() {
    let events = MemoryEvents::new();
    let mut stream = events.subscribe(UserId::random()).await.unwrap();
    assert_eq!(events.listeners(), 1);
    assert!(futures::poll!(stream.next()).is_pending());
    drop(stream);
    assert_eq!(events.listeners(), 0);
}

#[tokio::test]
async fn a_version_whose_parent_is_gone_leaves_the_one_below_it_current() {
    let memory = Memory::new(TestClock::new());
    let image = fixtures::image(UserId::random(), TestClock::START);
    memory.images.reserve(image.id, HOUR).await.unwrap();
    assert!(memory.images.insert(image.clone()).await.unwrap());
    let second = fixtures::new_version(image.id, 1);
    let third = fixtures::new_version(image.id, 2);
    memory.images.add_version(second.clone()).await.unwrap();
    memory.images.add_version(third.clone()).await.unwrap();
    memory.images.drop_version(image.id, second.content.blob).await.unwrap();
    memory.images.drop_version(image.id, third.content.blob).await.unwrap();
    assert_eq!(memory.images.get(image.owner, image.id).await.unwrap(), Some(image));
}
