//! A clock that moves only when a test says so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pixmill::Timestamp;
use pixmill::ports::Clock;
use tokio::sync::watch;

/// A [`Clock`] that stands still until it is advanced. Whoever sleeps on it wakes when it has come far enough.
#[derive(Debug)]
pub struct TestClock {
    now: watch::Sender<Timestamp>,
}

impl TestClock {
    /// Where every test clock begins: 2026-01-01T00:00:00Z.
    pub const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    /// A clock at [`START`](Self::START).
    pub fn new() -> Arc<Self> {
        Arc::new(Self { now: watch::Sender::new(Self::START) })
    }

    /// Moves the clock forward and wakes the sleepers whose time has come. Parts of a millisecond are dropped.
    pub fn advance(&self, duration: Duration) {
        self.now.send_modify(|now| *now = *now + duration);
    }

    /// How many are asleep at the moment.
    pub fn sleepers(&self) -> usize {
        self.now.receiver_count()
    }

    /// Waits until at least `count` are asleep, so that an advance surely reaches them.
    pub async fn until_sleeping(&self, count: usize) {
        while self.sleepers() < count {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let mut changes = self.now.subscribe();
        let until = *changes.borrow_and_update() + duration;
        // The sender lives as long as `self`, so the wait can't end with an error.
        let _ = changes.wait_for(|now| *now >= until).await;
    }
}
