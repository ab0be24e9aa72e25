//! An index of what users have, newest first, with pages.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use pixmill::ports::{Page, PageRequest};
use pixmill::{ImageId, JobId, Timestamp, UserId};

/// Ids by owner, time of creation and id.
#[derive(Debug)]
pub(crate) struct Timeline<Id> {
    places: BTreeSet<(UserId, Timestamp, Id)>,
}

/// An id whose smallest and largest values are known, for the ends of a range.
pub(crate) trait Bounded {
    /// The id whose bytes all have this value.
    fn of_all(byte: u8) -> Self;
}

impl Bounded for ImageId {
    fn of_all(byte: u8) -> Self {
        Self::from_bytes([byte; 12])
    }
}

impl Bounded for JobId {
    fn of_all(byte: u8) -> Self {
        Self::from_bytes([byte; 12])
    }
}

impl<Id> Default for Timeline<Id> {
    fn default() -> Self {
        Self { places: BTreeSet::new() }
    }
}

impl<Id: Bounded + Ord + Copy> Timeline<Id> {
    pub(crate) fn add(&mut self, owner: UserId, created_at: Timestamp, id: Id) {
        self.places.insert((owner, created_at, id));
    }

    pub(crate) fn remove(&mut self, owner: UserId, created_at: Timestamp, id: Id) {
        self.places.remove(&(owner, created_at, id));
    }

    /// One page of a user's entries, as `show` gives them; those that it gives nothing for are passed over.
    /// `place` tells when an entry was created; a page after an entry whose place nobody knows is empty.
    pub(crate) fn page<T>(
        &self,
        owner: UserId,
        page: PageRequest<Id>,
        place: impl FnOnce(Id) -> Option<Timestamp>,
        show: impl Fn(Id) -> Option<T>,
    ) -> Page<T> {
        let oldest = (owner, Timestamp::EPOCH, Id::of_all(0));
        let entries = match page.after {
            None => self.places.range(oldest..=(owner, Timestamp::from_millis(u64::MAX), Id::of_all(0xFF))),
            Some(after) => match place(after) {
                Some(created_at) => self.places.range(oldest..(owner, created_at, after)),
                None => return Page { items: Vec::new(), more: false },
            },
        };
        let mut shown = entries.rev().filter_map(|(.., id)| show(*id));
        let items: Vec<T> = shown.by_ref().take(page.limit).collect();
        let more = shown.next().is_some();
        Page { items, more }
    }
}

/// One page of entries of everybody, newest first. `after` is the place that the page begins after, if it is known;
/// a page after an entry whose place nobody knows is empty.
pub(crate) fn newest_first<'a, T: Clone + 'a, Id: Ord + Copy>(
    entries: impl Iterator<Item = &'a T>,
    page: PageRequest<Id>,
    after: Option<(Timestamp, Id)>,
    place: impl Fn(&T) -> (Timestamp, Id),
) -> Page<T> {
    if page.after.is_some() && after.is_none() {
        return Page { items: Vec::new(), more: false };
    }
    let mut items: Vec<_> =
        entries.filter(|entry| after.is_none_or(|after| place(entry) < after)).cloned().collect();
    items.sort_by_key(|entry| Reverse(place(entry)));
    let more = items.len() > page.limit;
    items.truncate(page.limit);
    Page { items, more }
}
