//! How many uploads may arrive at once. Each holds a connection, buffers and a writer of the blob store for as long as
//! its client sends, so there is a bound for all, and a smaller one for each user, lest one keeps out the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pixmill::UserId;
use poem::http::StatusCode;

use crate::problem::Problem;

/// When a refused client may try again: an upload takes about as long.
const PAUSE: Duration = Duration::from_secs(2);

/// The places of uploads.
pub(crate) struct UploadSlots {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    of: HashMap<UserId, usize>,
}

/// The place of one upload, free again once this is dropped.
pub(crate) struct UploadSlot {
    slots: Arc<UploadSlots>,
    user: UserId,
}

impl UploadSlots {
    /// Places for `most` uploads, of which one user may take a quarter.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_one: most.div_ceil(4), taken: Mutex::default() })
    }

    /// A place for an upload of `user`; to be asked for before the body is read.
    pub(crate) fn take(self: &Arc<Self>, user: UserId) -> Result<UploadSlot, Problem> {
        let Taken { all, of } = &mut *self.taken();
        if *all >= self.most {
            let detail = "the server takes as many uploads as it can; send it again a little later";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).with_retry_after(PAUSE));
        }
        let own = of.entry(user).or_default();
        if *own >= self.most_of_one {
            let detail =
                format!("you have {own} uploads on their way, the most at once; wait for one to end");
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_uploads", detail)
                .with_retry_after(PAUSE));
        }
        *own += 1;
        *all += 1;
        Ok(UploadSlot { slots: self.clone(), user })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UploadSlot {
    fn drop(&mut self) {
        let Taken { all, of } = &mut *self.slots.taken();
        *all -= 1;
        if let Some(own) = of.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                of.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_all_and_for_each() {
        let slots = UploadSlots::new(5);
        let (anna, bob, carl) = (UserId::random(), UserId::random(), UserId::random());
        let first = slots.take(anna).unwrap();
        let _second = slots.take(anna).unwrap();
        let status =
            |refused: Result<UploadSlot, Problem>| refused.err().map(|problem| problem.status().as_u16());
        assert_eq!(status(slots.take(anna)), Some(429));
        let _others = [slots.take(bob).unwrap(), slots.take(bob).unwrap(), slots.take(carl).unwrap()];
        assert_eq!(status(slots.take(carl)), Some(503));
        drop(first);
        let again = slots.take(anna).unwrap();
        drop(again);
        assert_eq!(slots.taken().of.len(), 3);
    }

    #[test]
    fn users_without_uploads_are_forgotten() {
        let slots = UploadSlots::new(1);
        drop(slots.take(UserId::random()).unwrap());
        assert!(slots.taken().of.is_empty());
        assert!(slots.take(UserId::random()).is_ok());
    }
}
