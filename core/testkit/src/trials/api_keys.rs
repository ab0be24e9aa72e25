//! Trials of the repository of API keys.

use std::time::Duration;

use pixmill::ports::ApiKeys;
use pixmill::{ApiKey, ApiKeyId, UserId};

use super::{at_once, trials};
use crate::fixtures;
use crate::subject::Subject;

trials! { "api_keys", dyn ApiKeys;
    add {
        an_added_key_is_found_with_all_fields_as_given,
        of_many_concurrent_calls_only_so_many_add_a_key_that_the_owner_has_no_more_than_most,
    }
    get { unknown_ids_give_none }
    list { only_the_owners_keys_are_listed_newest_first }
    remove {
        a_removed_key_is_not_found_and_the_answer_is_false_from_then_on,
        another_users_key_stays_and_the_answer_is_false,
    }
    forget { none_of_the_users_keys_is_found_any_more_those_of_others_stay }
}

/// A key of this user that is there.
async fn added(keys: &Subject<dyn ApiKeys>, owner: UserId) -> ApiKey {
    let key = fixtures::api_key(owner, keys.time().now());
    assert!(keys.add(key.clone(), 10).await.unwrap());
    key
}

mod add {
    use super::*;

    pub(super) async fn an_added_key_is_found_with_all_fields_as_given(keys: Subject<dyn ApiKeys>) {
        let now = keys.time().now();
        let endless = fixtures::api_key(UserId::random(), now);
        let limited = ApiKey {
            expires_at: Some(now + Duration::from_millis(86_400_123)),
            ..fixtures::api_key(UserId::random(), now)
        };
        for key in [endless, limited] {
            assert!(keys.add(key.clone(), 10).await.unwrap());
            assert_eq!(keys.get(key.id).await.unwrap(), Some(key));
        }
    }

    pub(super) async fn of_many_concurrent_calls_only_so_many_add_a_key_that_the_owner_has_no_more_than_most(
        keys: Subject<dyn ApiKeys>,
    ) {
        let (owner, now) = (UserId::random(), keys.time().now());
        let answers = at_once((0..16).map(|_| {
            let (keys, key) = (keys.port(), fixtures::api_key(owner, now));
            async move { keys.add(key, 5).await.unwrap() }
        }))
        .await;
        assert_eq!(answers.iter().filter(|added| **added).count(), 5, "{answers:?}");
        assert_eq!(keys.list(owner).await.unwrap().len(), 5);
        added(&keys, UserId::random()).await;
    }
}

mod get {
    use super::*;

    pub(super) async fn unknown_ids_give_none(keys: Subject<dyn ApiKeys>) {
        added(&keys, UserId::random()).await;
        assert_eq!(keys.get(ApiKeyId::random()).await.unwrap(), None);
    }
}

mod list {
    use super::*;

    pub(super) async fn only_the_owners_keys_are_listed_newest_first(keys: Subject<dyn ApiKeys>) {
        let (owner, now) = (UserId::random(), keys.time().now());
        let mut expected = Vec::new();
        for second in [3, 1, 2] {
            let key = fixtures::api_key(owner, now + Duration::from_secs(second));
            assert!(keys.add(key.clone(), 10).await.unwrap());
            expected.push(key);
        }
        added(&keys, UserId::random()).await;
        expected.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
        assert_eq!(keys.list(owner).await.unwrap(), expected);
        assert_eq!(keys.list(UserId::random()).await.unwrap(), []);
    }
}

mod remove {
    use super::*;

    pub(super) async fn a_removed_key_is_not_found_and_the_answer_is_false_from_then_on(
        keys: Subject<dyn ApiKeys>,
    ) {
        let owner = UserId::random();
        let (key, other) = (added(&keys, owner).await, added(&keys, owner).await);
        assert!(keys.remove(owner, key.id).await.unwrap());
        assert_eq!(keys.get(key.id).await.unwrap(), None);
        assert!(!keys.remove(owner, key.id).await.unwrap());
        assert_eq!(keys.list(owner).await.unwrap(), [other]);
    }

    pub(super) async fn another_users_key_stays_and_the_answer_is_false(keys: Subject<dyn ApiKeys>) {
        let key = added(&keys, UserId::random()).await;
        assert!(!keys.remove(UserId::random(), key.id).await.unwrap());
        assert_eq!(keys.get(key.id).await.unwrap(), Some(key));
    }
}

mod forget {
    use super::*;

    pub(super) async fn none_of_the_users_keys_is_found_any_more_those_of_others_stay(
        keys: Subject<dyn ApiKeys>,
    ) {
        let owner = UserId::random();
        let (key, second) = (added(&keys, owner).await, added(&keys, owner).await);
        let of_another = added(&keys, UserId::random()).await;
        keys.forget(owner).await.unwrap();
        assert_eq!(keys.list(owner).await.unwrap(), []);
        for id in [key.id, second.id] {
            assert_eq!(keys.get(id).await.unwrap(), None);
        }
        assert_eq!(keys.get(of_another.id).await.unwrap(), Some(of_another));
    }
}
