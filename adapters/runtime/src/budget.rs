//! How much memory all running work may plan to use together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory in bytes that running work shares. Clones share the same budget, so that several processors can draw
/// on one.
///
/// It is counted in whole MiB, rounded up. Who comes first is served first: a large piece of work is not
/// overtaken by small ones that would fit sooner, so it can't wait for ever.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    free: Arc<Semaphore>,
    total: u32,
}

/// A share of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    _share: OwnedSemaphorePermit,
}

impl MemoryBudget {
    /// A budget of this many bytes; at least one MiB.
    pub fn new(bytes: u64) -> Self {
        // The upper bound is a share of what the semaphore can hold on a 32-bit machine too.
        let total = (bytes >> 20).clamp(1, 1 << 28) as u32;
        Self { free: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Waits until `bytes` are free and takes them. More than the whole budget takes the whole budget: such work
    /// runs alone.
    pub(crate) async fn reserve(&self, bytes: u64) -> Reservation {
        let share = bytes.div_ceil(1 << 20).clamp(1, u64::from(self.total)) as u32;
        let share = Arc::clone(&self.free).acquire_many_owned(share).await;
        Reservation { _share: share.expect("the budget's semaphore is never closed") }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const MIB: u64 = 1 << 20;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn taken(budget: &MemoryBudget, bytes: u64) -> Reservation {
        match poll(pin!(budget.reserve(bytes))) {
            Poll::Ready(reservation) => reservation,
            Poll::Pending => panic!("{bytes} bytes should be free"),
        }
    }

    #[test]
    fn shares_are_counted_and_given_back() {
        let budget = MemoryBudget::new(10 * MIB);
        let first = taken(&budget, 6 * MIB);
        let _second = taken(&budget.clone(), 4 * MIB);
        let mut third = pin!(budget.reserve(1));
        assert!(poll(third.as_mut()).is_pending());
        drop(first);
        assert!(poll(third.as_mut()).is_ready());
    }

    #[test]
    fn work_larger_than_the_budget_runs_alone() {
        let budget = MemoryBudget::new(10 * MIB);
        let small = taken(&budget, 1);
        let mut giant = pin!(budget.reserve(1 << 40));
        assert!(poll(giant.as_mut()).is_pending());
        drop(small);
        let Poll::Ready(giant) = poll(giant.as_mut()) else { panic!("the whole budget should be free") };
        assert!(poll(pin!(budget.reserve(1))).is_pending());
        drop(giant);
        taken(&budget, 10 * MIB);
    }

    #[test]
    fn small_work_does_not_overtake() {
        let budget = MemoryBudget::new(10 * MIB);
        let running = taken(&budget, 6 * MIB);
        let mut large = pin!(budget.reserve(8 * MIB));
        assert!(poll(large.as_mut()).is_pending());
        let mut small = pin!(budget.reserve(MIB));
        assert!(poll(small.as_mut()).is_pending());
        drop(running);
        assert!(poll(large.as_mut()).is_ready());
    }
}
