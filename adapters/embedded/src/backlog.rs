//! The queue in memory: which message comes next, and which are in a worker's hands. The rows in the database
//! stay until a message is settled, so the end of the process makes every delivery undone.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pixmill::ports::Clock;
use pixmill::{JobId, Timestamp};
use tokio::sync::Notify;

use crate::queue_rows::Entry;

/// The messages that wait or are in flight. All changes but deliveries come from the writer's thread, in the order
/// of its commits.
pub(crate) struct Backlog {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    /// In the order of delivery.
    waiting: BTreeSet<Place>,
    entries: HashMap<JobId, Message>,
}

/// When a message may be delivered, then which came first.
type Place = (Timestamp, i64, JobId);

struct Message {
    entry: Entry,
    in_flight: bool,
}

/// What there is to deliver.
enum Next {
    Message(Entry),
    At(Timestamp),
    Nothing,
}

impl Backlog {
    /// The queue as it was found in the database.
    pub(crate) fn new(clock: Arc<dyn Clock>, entries: Vec<Entry>) -> Self {
        let mut state = State::default();
        for entry in entries {
            state.put(entry);
        }
        Self { clock, state: Mutex::new(state), news: Notify::new() }
    }

    /// Takes over a committed row: a new message, or what has become of one.
    pub(crate) fn put(&self, entry: Entry) {
        let available_at = entry.available_at;
        if self.state().put(entry) {
            self.announce(available_at);
        }
    }

    /// Waits for a message and takes it.
    pub(crate) async fn next(self: &Arc<Self>) -> (Entry, InFlight) {
        loop {
            // Registered before looking, so that nothing slips in between.
            let news = self.news.notified();
            let now = self.clock.now();
            let next = self.state().next(now);
            match next {
                Next::Message(entry) => {
                    let in_flight = InFlight { backlog: Arc::clone(self), job: entry.job, forgotten: false };
                    return (entry, in_flight);
                }
                Next::At(time) => tokio::select! {
                    () = news => {}
                    () = self.sleep_until(time) => {}
                },
                Next::Nothing => news.await,
            }
        }
    }

    async fn sleep_until(&self, time: Timestamp) {
        self.clock.sleep(time.since(self.clock.now())).await;
    }

    /// One receiver is enough for what can be delivered now. What comes later concerns all, since each decides
    /// anew how long to sleep, and the one that would wake first may give up before.
    fn announce(&self, available_at: Timestamp) {
        if available_at <= self.clock.now() {
            self.news.notify_one();
        } else {
            self.news.notify_waiters();
        }
    }

    fn release(&self, job: JobId) {
        let released = self.state().release(job);
        if let Some(available_at) = released {
            self.announce(available_at);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns whether the message waits now.
    fn put(&mut self, entry: Entry) -> bool {
        let job = entry.job;
        let in_flight = match self.entries.get(&job) {
            Some(known) if known.in_flight => true,
            Some(known) => {
                self.waiting.remove(&place(&known.entry));
                false
            }
            None => false,
        };
        if !in_flight {
            self.waiting.insert(place(&entry));
        }
        self.entries.insert(job, Message { entry, in_flight });
        !in_flight
    }

    fn next(&mut self, now: Timestamp) -> Next {
        let Some(first) = self.waiting.first().copied() else { return Next::Nothing };
        if first.0 > now {
            return Next::At(first.0);
        }
        self.waiting.remove(&first);
        let message = self.entries.get_mut(&first.2).expect("whatever waits has an entry");
        message.in_flight = true;
        Next::Message(message.entry.clone())
    }

    /// Returns when the message can be delivered again.
    fn release(&mut self, job: JobId) -> Option<Timestamp> {
        let message = self.entries.get_mut(&job)?;
        message.in_flight = false;
        self.waiting.insert(place(&message.entry));
        Some(message.entry.available_at)
    }
}

fn place(entry: &Entry) -> Place {
    (entry.available_at, entry.sequence, entry.job)
}

/// A message in a worker's hands. Dropping this gives it back.
pub(crate) struct InFlight {
    backlog: Arc<Backlog>,
    job: JobId,
    forgotten: bool,
}

impl InFlight {
    /// Forgets the message if its row is gone; if not, it was published again and waits again.
    pub(crate) fn end(mut self, gone: bool) {
        self.forgotten = gone;
    }

    /// Gives the message back as its row is now, or forgets it if there is no row.
    pub(crate) fn put_back(mut self, entry: Option<Entry>) {
        match entry {
            Some(entry) => self.backlog.put(entry),
            None => self.forgotten = true,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.forgotten {
            self.backlog.state().entries.remove(&self.job);
        } else {
            self.backlog.release(self.job);
        }
    }
}
