//! Trials of the memory of idempotency keys.

use pixmill::ports::{Made, OnceKeys, Turn};
use pixmill::{ContentHash, IdempotencyKey, MadeId, OnceKey, OnceOperation, UserId};

use super::{HOUR, at_once, trials};
use crate::subject::Subject;

trials! { "once_keys", dyn OnceKeys;
    begin {
        of_many_concurrent_calls_with_one_key_exactly_one_has_the_turn,
        keys_of_other_users_and_of_other_operations_do_not_matter,
        after_the_lease_the_next_caller_has_the_turn_and_learns_of_all_attempts_before,
        a_key_is_forgotten_after_its_time_done_or_not,
    }
    renew {
        a_renewed_turn_lasts_lease_from_now,
        whoever_has_lost_the_turn_or_is_done_renews_nothing,
    }
    done {
        from_then_on_the_request_is_done_with_what_was_made_and_the_fingerprint,
        whoever_has_lost_the_turn_changes_nothing,
    }
    give_up {
        a_turn_given_up_is_free_for_the_next_caller_as_if_there_had_been_none,
        whoever_has_lost_the_turn_or_is_done_gives_up_nothing,
    }
    forget { the_users_keys_are_as_if_never_seen_those_of_others_stay }
    purge { keys_whose_time_is_over_are_removed_once_others_stay }
}

const FREE: Turn = Turn::Yours { before: Vec::new() };

fn named(owner: UserId, name: &str) -> OnceKey {
    let key = IdempotencyKey::parse(name).expect("the trial gives a valid key");
    OnceKey { owner, operation: OnceOperation::Upload, key }
}

fn any_key() -> OnceKey {
    named(UserId::random(), "8e03978e-40d5-43dd-bc93-6894a57f9324")
}

fn made(id: MadeId) -> Made {
    Made { id, fingerprint: ContentHash::of(b"what was asked for") }
}

/// Takes the turn for longer than a trial lasts.
async fn begin(keys: &Subject<dyn OnceKeys>, key: &OnceKey, attempt: MadeId) -> Turn {
    keys.begin(key.clone(), attempt, HOUR, HOUR * 24).await.unwrap()
}

mod begin {
    use super::*;

    pub(super) async fn of_many_concurrent_calls_with_one_key_exactly_one_has_the_turn(
        keys: Subject<dyn OnceKeys>,
    ) {
        let key = any_key();
        let turns = at_once((0..16).map(|_| {
            let (keys, key) = (keys.port(), key.clone());
            async move { keys.begin(key, MadeId::random(), HOUR, HOUR).await.unwrap() }
        }))
        .await;
        assert_eq!(turns.iter().filter(|turn| **turn == FREE).count(), 1, "{turns:?}");
        assert_eq!(turns.iter().filter(|turn| **turn == Turn::Taken).count(), 15, "{turns:?}");
    }

    pub(super) async fn keys_of_other_users_and_of_other_operations_do_not_matter(
        keys: Subject<dyn OnceKeys>,
    ) {
        let key = any_key();
        assert_eq!(begin(&keys, &key, MadeId::random()).await, FREE);
        for other in [
            OnceKey { owner: UserId::random(), ..key.clone() },
            OnceKey { operation: OnceOperation::Transform, ..key.clone() },
            named(key.owner, "another"),
            named(key.owner, "8E03978E-40d5-43dd-bc93-6894a57f9324"),
        ] {
            assert_eq!(begin(&keys, &other, MadeId::random()).await, FREE, "{other:?}");
        }
    }

    pub(super) async fn after_the_lease_the_next_caller_has_the_turn_and_learns_of_all_attempts_before(
        keys: Subject<dyn OnceKeys>,
    ) {
        let (key, unit) = (any_key(), keys.time().unit());
        let mut before = Vec::new();
        for _ in 0..3 {
            let attempt = MadeId::random();
            let turn = keys.begin(key.clone(), attempt, unit, HOUR * 24).await.unwrap();
            assert_eq!(turn, Turn::Yours { before: before.clone() });
            before.push(attempt);
            keys.time().advance(unit).await;
        }
        assert_eq!(begin(&keys, &key, MadeId::random()).await, Turn::Yours { before });
        assert_eq!(begin(&keys, &key, MadeId::random()).await, Turn::Taken);
    }

    pub(super) async fn a_key_is_forgotten_after_its_time_done_or_not(keys: Subject<dyn OnceKeys>) {
        let (done, open, id) = (any_key(), any_key(), MadeId::random());
        let unit = keys.time().unit();
        for key in [&done, &open] {
            assert_eq!(keys.begin(key.clone(), id, HOUR, unit).await.unwrap(), FREE);
        }
        keys.done(done.clone(), id, made(id)).await.unwrap();
        keys.time().advance(unit).await;
        for key in [done, open] {
            assert_eq!(begin(&keys, &key, MadeId::random()).await, FREE);
        }
    }
}

mod renew {
    use super::*;

    pub(super) async fn a_renewed_turn_lasts_lease_from_now(keys: Subject<dyn OnceKeys>) {
        let (long, short, attempt) = (any_key(), any_key(), MadeId::random());
        let unit = keys.time().unit();
        keys.begin(long.clone(), attempt, unit, HOUR * 24).await.unwrap();
        begin(&keys, &short, attempt).await;
        assert!(keys.renew(long.clone(), attempt, HOUR).await.unwrap());
        assert!(keys.renew(short.clone(), attempt, unit).await.unwrap());
        keys.time().advance(unit).await;
        assert_eq!(begin(&keys, &long, MadeId::random()).await, Turn::Taken);
        assert_eq!(begin(&keys, &short, MadeId::random()).await, Turn::Yours { before: vec![attempt] });
    }

    pub(super) async fn whoever_has_lost_the_turn_or_is_done_renews_nothing(keys: Subject<dyn OnceKeys>) {
        let (key, slow, quick) = (any_key(), MadeId::random(), MadeId::random());
        let unit = keys.time().unit();
        keys.begin(key.clone(), slow, unit, HOUR * 24).await.unwrap();
        keys.time().advance(unit).await;
        keys.begin(key.clone(), quick, unit, HOUR * 24).await.unwrap();
        assert!(!keys.renew(key.clone(), slow, HOUR).await.unwrap());
        keys.time().advance(unit).await;
        let before = Turn::Yours { before: vec![slow, quick] };
        assert_eq!(begin(&keys, &key, MadeId::random()).await, before, "the turn is as long as it was");
        let (done, attempt) = (any_key(), MadeId::random());
        begin(&keys, &done, attempt).await;
        keys.done(done.clone(), attempt, made(attempt)).await.unwrap();
        assert!(!keys.renew(done.clone(), attempt, HOUR).await.unwrap());
        assert_eq!(begin(&keys, &done, MadeId::random()).await, Turn::Done(made(attempt)));
        assert!(!keys.renew(any_key(), attempt, HOUR).await.unwrap());
    }
}

mod done {
    use super::*;

    pub(super) async fn from_then_on_the_request_is_done_with_what_was_made_and_the_fingerprint(
        keys: Subject<dyn OnceKeys>,
    ) {
        let (key, attempt, id) = (any_key(), MadeId::random(), MadeId::random());
        begin(&keys, &key, attempt).await;
        keys.done(key.clone(), attempt, made(id)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(begin(&keys, &key, MadeId::random()).await, Turn::Done(made(id)));
        }
    }

    pub(super) async fn whoever_has_lost_the_turn_changes_nothing(keys: Subject<dyn OnceKeys>) {
        let (key, slow, quick) = (any_key(), MadeId::random(), MadeId::random());
        let unit = keys.time().unit();
        keys.begin(key.clone(), slow, unit, HOUR * 24).await.unwrap();
        keys.time().advance(unit).await;
        begin(&keys, &key, quick).await;
        keys.done(key.clone(), slow, made(slow)).await.unwrap();
        assert_eq!(begin(&keys, &key, MadeId::random()).await, Turn::Taken);
        keys.done(key.clone(), quick, made(quick)).await.unwrap();
        keys.done(key.clone(), slow, made(slow)).await.unwrap();
        assert_eq!(begin(&keys, &key, MadeId::random()).await, Turn::Done(made(quick)));
        keys.done(any_key(), slow, made(slow)).await.unwrap();
    }
}

mod give_up {
    use super::*;

    pub(super) async fn a_turn_given_up_is_free_for_the_next_caller_as_if_there_had_been_none(
        keys: Subject<dyn OnceKeys>,
    ) {
        let (key, attempt) = (any_key(), MadeId::random());
        begin(&keys, &key, attempt).await;
        keys.give_up(key.clone(), attempt).await.unwrap();
        assert_eq!(begin(&keys, &key, MadeId::random()).await, FREE);
    }

    pub(super) async fn whoever_has_lost_the_turn_or_is_done_gives_up_nothing(keys: Subject<dyn OnceKeys>) {
        let (key, attempt) = (any_key(), MadeId::random());
        begin(&keys, &key, attempt).await;
        keys.give_up(key.clone(), MadeId::random()).await.unwrap();
        assert_eq!(begin(&keys, &key, MadeId::random()).await, Turn::Taken);
        keys.done(key.clone(), attempt, made(attempt)).await.unwrap();
        keys.give_up(key.clone(), attempt).await.unwrap();
        assert_eq!(begin(&keys, &key, MadeId::random()).await, Turn::Done(made(attempt)));
    }
}

mod forget {
    use super::*;

    pub(super) async fn the_users_keys_are_as_if_never_seen_those_of_others_stay(
        keys: Subject<dyn OnceKeys>,
    ) {
        let (key, attempt) = (any_key(), MadeId::random());
        let (second, of_another) = (named(key.owner, "second"), any_key());
        for key in [&key, &second, &of_another] {
            begin(&keys, key, attempt).await;
        }
        keys.done(key.clone(), attempt, made(attempt)).await.unwrap();
        keys.forget(key.owner).await.unwrap();
        assert_eq!(begin(&keys, &key, MadeId::random()).await, FREE);
        assert_eq!(begin(&keys, &second, MadeId::random()).await, FREE);
        assert_eq!(begin(&keys, &of_another, MadeId::random()).await, Turn::Taken);
    }
}

mod purge {
    use super::*;

    pub(super) async fn keys_whose_time_is_over_are_removed_once_others_stay(keys: Subject<dyn OnceKeys>) {
        let unit = keys.time().unit();
        for _ in 0..3 {
            keys.begin(any_key(), MadeId::random(), unit, unit).await.unwrap();
        }
        let stays = any_key();
        begin(&keys, &stays, MadeId::random()).await;
        keys.time().advance(unit).await;
        assert_eq!(keys.purge(2).await.unwrap(), 2);
        assert_eq!(keys.purge(2).await.unwrap(), 1);
        assert_eq!(keys.purge(2).await.unwrap(), 0);
        assert_eq!(begin(&keys, &stays, MadeId::random()).await, Turn::Taken);
    }
}
