//! Trials of the cache. Entries are small, so that no cache drops them for their size.

use bytes::Bytes;
use pixmill::ContentHash;
use pixmill::ports::{Cache, CacheKey};

use super::{HOUR, trials};
use crate::subject::Subject;

trials! { "cache", dyn Cache;
    get { unknown_and_expired_entries_give_none }
    put {
        a_stored_entry_is_found_with_the_same_bytes,
        storing_again_replaces_the_bytes_and_the_time,
    }
    remove { a_removed_entry_is_not_found_removing_an_unknown_one_is_no_error }
}

fn key(text: &str) -> CacheKey {
    CacheKey::of(&ContentHash::of(text.as_bytes()))
}

mod get {
    use super::*;

    pub(super) async fn unknown_and_expired_entries_give_none(cache: Subject<dyn Cache>) {
        let unit = cache.time().unit();
        assert_eq!(cache.get(key("a")).await.unwrap(), None);
        cache.put(key("a"), Bytes::from_static(b"a"), unit).await.unwrap();
        cache.put(key("b"), Bytes::from_static(b"b"), HOUR).await.unwrap();
        cache.time().advance(unit).await;
        assert_eq!(cache.get(key("a")).await.unwrap(), None);
        assert_eq!(cache.get(key("b")).await.unwrap(), Some(Bytes::from_static(b"b")));
    }
}

mod put {
    use super::*;

    pub(super) async fn a_stored_entry_is_found_with_the_same_bytes(cache: Subject<dyn Cache>) {
        let all: Bytes = (0..=u8::MAX).collect();
        cache.put(key("a"), all.clone(), HOUR).await.unwrap();
        cache.put(key("empty"), Bytes::new(), HOUR).await.unwrap();
        assert_eq!(cache.get(key("a")).await.unwrap(), Some(all));
        assert_eq!(cache.get(key("empty")).await.unwrap(), Some(Bytes::new()));
    }

    pub(super) async fn storing_again_replaces_the_bytes_and_the_time(cache: Subject<dyn Cache>) {
        let (unit, old, new) = (cache.time().unit(), Bytes::from_static(b"old"), Bytes::from_static(b"new"));
        cache.put(key("longer"), old.clone(), unit).await.unwrap();
        cache.put(key("longer"), new.clone(), HOUR).await.unwrap();
        cache.put(key("shorter"), old, HOUR).await.unwrap();
        cache.put(key("shorter"), new.clone(), unit).await.unwrap();
        cache.time().advance(unit).await;
        assert_eq!(cache.get(key("longer")).await.unwrap(), Some(new));
        assert_eq!(cache.get(key("shorter")).await.unwrap(), None);
    }
}

mod remove {
    use super::*;

    pub(super) async fn a_removed_entry_is_not_found_removing_an_unknown_one_is_no_error(
        cache: Subject<dyn Cache>,
    ) {
        cache.put(key("a"), Bytes::from_static(b"a"), HOUR).await.unwrap();
        cache.put(key("b"), Bytes::from_static(b"b"), HOUR).await.unwrap();
        cache.remove(key("a")).await.unwrap();
        cache.remove(key("a")).await.unwrap();
        cache.remove(key("unknown")).await.unwrap();
        assert_eq!(cache.get(key("a")).await.unwrap(), None);
        assert!(cache.get(key("b")).await.unwrap().is_some());
    }
}
