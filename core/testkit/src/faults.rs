//! Faults on demand: [`Faulty`] stands before any port and fails, is slow, or ends the process, where a [`FaultPlan`]
//! says so.

mod clock;
mod history;
mod order;
mod ports;
mod repositories;
mod signal;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use pixmill::ports::{Clock, PortError, PortErrorKind};

pub use clock::SkewedClock;
pub use history::{Act, Deed, History};
pub use order::{Order, OrderError};
pub use signal::Signal;

/// Every operation that a fault can be planned for. They are the methods of the ports, and `blobs.read`, which
/// is one piece of a blob's body.
pub const OPERATIONS: &[&str] = &[
    "api_keys.add",
    "api_keys.forget",
    "api_keys.get",
    "api_keys.list",
    "api_keys.remove",
    "blobs.copy",
    "blobs.delete",
    "blobs.get",
    "blobs.list",
    "blobs.put",
    "blobs.read",
    "blobs.signed_url",
    "cache.get",
    "cache.put",
    "cache.remove",
    "clock.sleep",
    "events.publish",
    "events.subscribe",
    "images.add_version",
    "images.delete",
    "images.drop_version",
    "images.due_removals",
    "images.get",
    "images.insert",
    "images.list",
    "images.purge",
    "images.renew",
    "images.reserve",
    "images.step",
    "images.usage",
    "images.version",
    "images.versions",
    "jobs.accept",
    "jobs.cancel",
    "jobs.cancel_all",
    "jobs.claim",
    "jobs.claim_siblings",
    "jobs.count_open",
    "jobs.due_output_removals",
    "jobs.due_unpublished",
    "jobs.expire",
    "jobs.finish",
    "jobs.forget",
    "jobs.get",
    "jobs.list",
    "jobs.load",
    "jobs.output_removed",
    "jobs.precedent",
    "jobs.published",
    "jobs.redrive",
    "jobs.release",
    "jobs.renew",
    "limiter.check",
    "once_keys.begin",
    "once_keys.done",
    "once_keys.forget",
    "once_keys.give_up",
    "once_keys.purge",
    "once_keys.renew",
    "passwords.hash",
    "passwords.verify",
    "processor.describe",
    "processor.process",
    "processor.process_batch",
    "queue.publish",
    "queue.receive",
    "queue.settle",
    "users.change",
    "users.create",
    "users.delete",
    "users.deleted",
    "users.find",
    "users.get",
    "users.list",
    "users.purge",
];

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails with an error of this kind, and had no effect.
    Before(PortErrorKind),
    /// It has its effect, but the reply is lost: the caller sees an error of this kind.
    After(PortErrorKind),
    /// It begins this much later, by the plan's clock.
    Delay(Duration),
    /// It has its effect that many times more. Only a message can be sent twice, so it is for `queue.publish` alone.
    Repeat(u64),
    /// The process gets a signal before the call has any effect.
    SignalBefore(Signal),
    /// The process gets a signal when the call has had its effect, and before the caller learns of it.
    SignalAfter(Signal),
}

/// Which calls of an operation a fault meets. The first call is number 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// One call.
    Nth(u64),
    /// Each of the first so many.
    First(u64),
    /// This call and all after it.
    From(u64),
    /// Every call.
    All,
}

impl Calls {
    fn contains(self, call: u64) -> bool {
        match self {
            Self::Nth(nth) => call == nth,
            Self::First(count) => call <= count,
            Self::From(first) => call >= first,
            Self::All => true,
        }
    }
}

/// What is to go wrong, shared by all the [`Faulty`] ports of one test. It counts calls, too.
pub struct FaultPlan {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    history: OnceLock<History>,
}

#[derive(Default)]
struct State {
    calls: HashMap<&'static str, u64>,
    under_way: HashMap<&'static str, u64>,
    faults: Vec<(&'static str, Calls, Fault)>,
}

impl FaultPlan {
    /// A plan without faults, whose delays are measured by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default(), history: OnceLock::new() })
    }

    /// Adds a fault. Calls are counted from now on for this operation.
    ///
    /// # Panics
    /// If `operation` is none of [`OPERATIONS`], or this can't go wrong with it: a fault that never strikes would make a test
    /// that never fails.
    pub fn inject(&self, operation: &'static str, calls: Calls, fault: Fault) -> &Self {
        check(operation);
        let repeated = matches!(fault, Fault::Repeat(_));
        assert!(!repeated || operation == "queue.publish", "{operation} can't be repeated");
        let mut state = self.state();
        if state.faults.iter().all(|(planned, ..)| *planned != operation) {
            state.calls.remove(operation);
        }
        state.faults.push((operation, calls, fault));
        drop(state);
        self
    }

    /// Adds a fault that was given as text.
    pub fn order(&self, order: Order) -> &Self {
        let Order { operation, calls, fault } = order;
        self.inject(operation, calls, fault)
    }

    /// Notes from now on what is done to jobs behind the faults: a call that is delayed begins when it is let through.
    ///
    /// # Panics
    /// If it does so already.
    pub fn record(&self, history: History) -> &Self {
        assert!(self.history.set(history).is_ok(), "one history is enough");
        self
    }

    /// Notes something if all that is done is noted.
    fn note(&self, note: impl FnOnce(&History)) {
        if let Some(history) = self.history.get() {
            note(history);
        }
    }

    /// Takes all faults back, and counts every operation from zero again.
    pub fn clear(&self) {
        *self.state() = State::default();
    }

    /// How often an operation was called since the plan was made, or since the first fault for the operation.
    ///
    /// # Panics
    /// If `operation` is none of [`OPERATIONS`].
    pub fn calls(&self, operation: &'static str) -> u64 {
        check(operation);
        self.state().calls.get(operation).copied().unwrap_or(0)
    }

    /// How many calls of an operation have begun, and were neither answered nor dropped.
    ///
    /// # Panics
    /// If `operation` is none of [`OPERATIONS`].
    pub fn under_way(&self, operation: &'static str) -> u64 {
        check(operation);
        self.state().under_way.get(operation).copied().unwrap_or(0)
    }

    /// Makes one call with whatever is planned for it.
    async fn around<T, E: From<PortError>>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let faults = self.next(operation);
        self.with(&faults, operation, call).await
    }

    /// Makes one call with these faults.
    async fn with<T, E: From<PortError>>(
        &self,
        faults: &[Fault],
        operation: &'static str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let _under_way = UnderWay::begin(self, operation);
        self.begin(faults).await;
        let error = |kind| Err(PortError::new(kind, "faulty", operation).into());
        if let Some(kind) =
            faults.iter().find_map(|f| if let Fault::Before(kind) = f { Some(*kind) } else { None })
        {
            return error(kind);
        }
        let result = call.await;
        end(faults);
        match faults.iter().find_map(|f| if let Fault::After(kind) = f { Some(*kind) } else { None }) {
            Some(kind) => error(kind),
            None => result,
        }
    }

    /// What happens before a call, except that it fails.
    async fn begin(&self, faults: &[Fault]) {
        for fault in faults {
            match fault {
                Fault::Delay(duration) => self.clock.sleep(*duration).await,
                Fault::SignalBefore(signal) => signal.raise(),
                Fault::Before(_) | Fault::After(_) | Fault::Repeat(_) | Fault::SignalAfter(_) => {}
            }
        }
    }

    /// Counts a call and returns the faults that it meets.
    fn next(&self, operation: &'static str) -> Vec<Fault> {
        check(operation);
        let mut state = self.state();
        let count = state.calls.entry(operation).or_default();
        *count += 1;
        let call = *count;
        let meets =
            |(planned, calls, _): &&(&str, Calls, Fault)| *planned == operation && calls.contains(call);
        state.faults.iter().filter(meets).map(|(.., fault)| *fault).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call from its beginning until it is answered or dropped.
struct UnderWay<'a> {
    plan: &'a FaultPlan,
    operation: &'static str,
}

impl<'a> UnderWay<'a> {
    fn begin(plan: &'a FaultPlan, operation: &'static str) -> Self {
        *plan.state().under_way.entry(operation).or_default() += 1;
        Self { plan, operation }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        // The plan may have been cleared meanwhile.
        if let Some(count) = self.plan.state().under_way.get_mut(self.operation) {
            *count = count.saturating_sub(1);
        }
    }
}

/// What happens after a call, except that its reply is lost.
fn end(faults: &[Fault]) {
    for fault in faults {
        if let Fault::SignalAfter(signal) = fault {
            signal.raise();
        }
    }
}

fn check(operation: &str) {
    assert!(
        OPERATIONS.contains(&operation),
        "{operation:?} is no operation; see pixmill_testkit::faults::OPERATIONS"
    );
}

/// A port with faults: it implements every port that `P` implements.
pub struct Faulty<P: ?Sized> {
    inner: Arc<P>,
    plan: Arc<FaultPlan>,
}

impl<P: ?Sized> Faulty<P> {
    /// Puts `plan` before `inner`.
    pub fn new(inner: Arc<P>, plan: Arc<FaultPlan>) -> Self {
        Self { inner, plan }
    }
}
