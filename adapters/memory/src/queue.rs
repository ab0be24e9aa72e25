//! The queue.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{self, Either};
use pixmill::Timestamp;
use pixmill::ports::{Clock, Delivery, JobMessage, PortError, Queue, Settlement};
use tokio::sync::Notify;

use crate::lock;

/// A queue in memory: first in, first out, and a message to retry goes to the end when its time has come. What
/// is dropped unsettled comes again first.
pub struct MemoryQueue {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Bytes>,
    /// By the time they are due, then by the order in which they came.
    delayed: BTreeMap<(Timestamp, u64), Bytes>,
    delayed_so_far: u64,
    rejected: Vec<Bytes>,
}

impl MemoryQueue {
    /// An empty queue. Retries wait by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let shared = Shared { clock, state: Mutex::default(), changed: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Sends bytes that need not be a message, as a newer version or a stranger might.
    pub fn publish_bytes(&self, payload: impl Into<Bytes>) {
        let payload = payload.into();
        self.shared.change(|state| state.ready.push_back(payload));
    }

    /// How many messages wait, whether they are due or not. Those in the hands of a worker do not count.
    pub fn waiting(&self) -> usize {
        let state = lock(&self.shared.state);
        state.ready.len() + state.delayed.len()
    }

    /// The rejected messages, oldest first. They are kept as long as the queue.
    pub fn rejected(&self) -> Vec<Bytes> {
        lock(&self.shared.state).rejected.clone()
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.notify_waiters();
    }

    /// The next message, or when the next is due, if any waits.
    fn next(&self) -> Result<Bytes, Option<Timestamp>> {
        let now = self.clock.now();
        let State { ready, delayed, .. } = &mut *lock(&self.state);
        while let Some(first) = delayed.first_entry()
            && first.key().0 <= now
        {
            ready.push_back(first.remove());
        }
        ready.pop_front().ok_or_else(|| delayed.first_key_value().map(|((due, _), _)| *due))
    }

    /// Sleeps until the clock shows `due`.
    async fn sleep_until(&self, due: Timestamp) {
        loop {
            let now = self.clock.now();
            if now >= due {
                return;
            }
            let mut sleep = self.clock.sleep(due.since(now));
            // The clock may have moved before the sleep began to count: then it would last too long.
            if futures::poll!(&mut sleep).is_pending() && self.clock.now() == now {
                sleep.await;
            }
        }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn publish(&self, message: JobMessage) -> Result<(), PortError> {
        self.publish_bytes(message.to_bytes());
        Ok(())
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, PortError> {
        let shared = &self.shared;
        loop {
            // Made before looking, so that it hears of every change between looking and waiting.
            let changed = pin!(shared.changed.notified());
            match shared.next() {
                Ok(payload) => {
                    return Ok(Box::new(MemoryDelivery {
                        shared: Arc::clone(shared),
                        payload,
                        settled: false,
                    }));
                }
                Err(None) => changed.await,
                Err(Some(due)) => match future::select(changed, pin!(shared.sleep_until(due))).await {
                    Either::Left(_) | Either::Right(_) => {}
                },
            }
        }
    }
}

struct MemoryDelivery {
    shared: Arc<Shared>,
    payload: Bytes,
    settled: bool,
}

#[async_trait]
impl Delivery for MemoryDelivery {
    fn payload(&self) -> &[u8] {
        &self.payload
    }

    async fn settle(mut self: Box<Self>, settlement: Settlement) -> Result<(), PortError> {
        self.settled = true;
        let payload = self.payload.clone();
        let now = self.shared.clock.now();
        self.shared.change(|state| match settlement {
            Settlement::Ack => {}
            Settlement::Retry { after } => {
                state.delayed_so_far += 1;
                state.delayed.insert((now + after, state.delayed_so_far), payload);
            }
            Settlement::Reject => state.rejected.push(payload),
        });
        Ok(())
    }
}

impl Drop for MemoryDelivery {
    fn drop(&mut self) {
        if !self.settled {
            let payload = self.payload.clone();
            self.shared.change(|state| state.ready.push_front(payload));
        }
    }
}

impl fmt::Debug for MemoryDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDelivery").field("payload", &self.payload).finish_non_exhaustive()
    }
}
