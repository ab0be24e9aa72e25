//! Trials of the repository of users.

use std::cmp::Reverse;
use std::time::Duration;

use pixmill::ports::{CreateUser, DeletedUser, PageRequest, Users};
use pixmill::{PasswordHash, Role, User, UserChange, UserId, UserQuota, Username};

use super::{HOUR, at_once, trials};
use crate::fixtures;
use crate::subject::Subject;

trials! { "users", dyn Users;
    create {
        a_created_user_is_found_by_name_whatever_the_case_and_by_id,
        a_name_that_differs_in_case_alone_is_taken_and_changes_nothing,
        of_many_concurrent_calls_with_one_name_exactly_one_creates,
    }
    find { unknown_names_give_none }
    get { unknown_ids_give_none }
    list {
        pages_follow_each_other_without_a_gap_or_a_repetition_also_while_users_are_added,
        deleted_users_are_not_listed,
    }
    change {
        a_change_is_seen_by_name_and_by_id_and_leaves_the_other_fields_as_they_were,
        unknown_and_deleted_users_give_none,
        of_many_concurrent_changes_none_is_lost,
    }
    delete {
        a_deleted_user_is_not_found_by_name_or_by_id_and_the_answer_is_false_from_then_on,
        the_name_stays_taken_until_the_user_is_purged,
    }
    deleted {
        a_deleted_user_is_listed_until_purged_and_is_due_once_the_grace_has_passed,
        those_whose_grace_passes_first_come_first,
    }
    purge {
        a_purged_user_is_no_longer_listed_and_the_name_is_free,
        a_user_who_is_not_deleted_is_left_alone,
    }
}

fn name(text: &str) -> Username {
    Username::parse(text).expect("the trial gives a valid name")
}

/// Names are equal whatever their case, so the spelling is compared apart.
fn assert_same(found: Option<User>, user: &User) {
    let found = found.expect("the user exists");
    assert_eq!(&found, user);
    assert_eq!(found.username.as_str(), user.username.as_str());
}

mod create {
    use super::*;

    pub(super) async fn a_created_user_is_found_by_name_whatever_the_case_and_by_id(
        users: Subject<dyn Users>,
    ) {
        let (user, other) =
            (fixtures::user("Anna.Ößtürk", users.time().now()), fixtures::user("bert", users.time().now()));
        assert_eq!(users.create(user.clone()).await.unwrap(), CreateUser::Created);
        assert_eq!(users.create(other.clone()).await.unwrap(), CreateUser::Created);
        for spelling in ["Anna.Ößtürk", "anna.ößtürk", "ANNA.ÖßTÜRK"] {
            assert_same(users.find(name(spelling)).await.unwrap(), &user);
        }
        assert_same(users.get(user.id).await.unwrap(), &user);
        assert_same(users.get(other.id).await.unwrap(), &other);
    }

    pub(super) async fn a_name_that_differs_in_case_alone_is_taken_and_changes_nothing(
        users: Subject<dyn Users>,
    ) {
        let (first, second) =
            (fixtures::user("Čeněk", users.time().now()), fixtures::user("čeněk", users.time().now()));
        users.create(first.clone()).await.unwrap();
        assert_eq!(users.create(second.clone()).await.unwrap(), CreateUser::Taken);
        assert_same(users.find(name("čeněk")).await.unwrap(), &first);
        assert_eq!(users.get(second.id).await.unwrap(), None);
    }

    pub(super) async fn of_many_concurrent_calls_with_one_name_exactly_one_creates(
        users: Subject<dyn Users>,
    ) {
        let rivals: Vec<_> = (0..16)
            .map(|i| fixtures::user(if i % 2 == 0 { "anna" } else { "ANNA" }, users.time().now()))
            .collect();
        let answers = at_once(rivals.clone().into_iter().map(|user| {
            let users = users.port();
            async move { users.create(user).await.unwrap() }
        }))
        .await;
        let created: Vec<_> =
            answers.iter().zip(&rivals).filter(|(answer, _)| **answer == CreateUser::Created).collect();
        assert_eq!(created.len(), 1, "{answers:?}");
        assert_same(users.find(name("Anna")).await.unwrap(), created[0].1);
    }
}

mod find {
    use super::*;

    pub(super) async fn unknown_names_give_none(users: Subject<dyn Users>) {
        users.create(fixtures::user("anna", users.time().now())).await.unwrap();
        assert_eq!(users.find(name("annab")).await.unwrap(), None);
    }
}

mod get {
    use super::*;

    pub(super) async fn unknown_ids_give_none(users: Subject<dyn Users>) {
        users.create(fixtures::user("anna", users.time().now())).await.unwrap();
        assert_eq!(users.get(UserId::random()).await.unwrap(), None);
    }
}

async fn created(users: &Subject<dyn Users>, username: &str) -> User {
    let user = fixtures::user(username, users.time().now());
    assert_eq!(users.create(user.clone()).await.unwrap(), CreateUser::Created);
    user
}

mod list {
    use super::*;

    async fn page(users: &Subject<dyn Users>, after: Option<UserId>, limit: usize) -> (Vec<UserId>, bool) {
        let page = users.list(PageRequest { after, limit }).await.unwrap();
        (page.items.iter().map(|user| user.id).collect(), page.more)
    }

    pub(super) async fn pages_follow_each_other_without_a_gap_or_a_repetition_also_while_users_are_added(
        users: Subject<dyn Users>,
    ) {
        let now = users.time().now();
        let mut expected = Vec::new();
        // Some at the same time.
        for (i, second) in [5, 3, 3, 9, 3].into_iter().enumerate() {
            let user = fixtures::user(&format!("user{i}"), now + Duration::from_secs(second));
            users.create(user.clone()).await.unwrap();
            expected.push(user);
        }
        expected.sort_by_key(|user| Reverse((user.created_at, user.id)));
        let expected: Vec<_> = expected.iter().map(|user| user.id).collect();
        assert_eq!(page(&users, None, 5).await, (expected.clone(), false));
        let (mut listed, mut more) = page(&users, None, 2).await;
        users.create(fixtures::user("newcomer", now + Duration::from_secs(10))).await.unwrap();
        while more {
            let (next, end) = page(&users, listed.last().copied(), 2).await;
            assert!(!next.is_empty());
            listed.extend(next);
            more = end;
        }
        assert_eq!(listed, expected);
        assert_eq!(page(&users, Some(UserId::random()), 2).await, (vec![], false));
    }

    pub(super) async fn deleted_users_are_not_listed(users: Subject<dyn Users>) {
        let (user, other) = (created(&users, "anna").await, created(&users, "bert").await);
        users.delete(user.id, HOUR).await.unwrap();
        assert_eq!(page(&users, None, 10).await, (vec![other.id], false));
    }
}

mod change {
    use super::*;

    pub(super) async fn a_change_is_seen_by_name_and_by_id_and_leaves_the_other_fields_as_they_were(
        users: Subject<dyn Users>,
    ) {
        let (mut user, other) = (created(&users, "Anna").await, created(&users, "bert").await);
        for change in [
            UserChange::Password(PasswordHash::from_phc("$argon2id$another")),
            UserChange::Role(Role::Operator),
            UserChange::Disabled(true),
            UserChange::Role(Role::Admin),
            UserChange::Quota(Some(UserQuota { bytes: Some(1 << 40), images: None, open_jobs: Some(0) })),
            UserChange::Disabled(false),
            UserChange::Quota(None),
        ] {
            user.apply(change.clone());
            assert_same(users.change(user.id, change).await.unwrap(), &user);
            assert_same(users.get(user.id).await.unwrap(), &user);
            assert_same(users.find(name("anna")).await.unwrap(), &user);
        }
        assert_same(users.get(other.id).await.unwrap(), &other);
    }

    pub(super) async fn unknown_and_deleted_users_give_none(users: Subject<dyn Users>) {
        let user = created(&users, "anna").await;
        let change = UserChange::Disabled(true);
        assert_eq!(users.change(UserId::random(), change.clone()).await.unwrap(), None);
        users.delete(user.id, HOUR).await.unwrap();
        assert_eq!(users.change(user.id, change).await.unwrap(), None);
    }

    pub(super) async fn of_many_concurrent_changes_none_is_lost(users: Subject<dyn Users>) {
        let user = created(&users, "anna").await;
        let mut epochs: Vec<_> = at_once((0..16).map(|i| {
            let (users, change) =
                (users.port(), UserChange::Password(PasswordHash::from_phc(format!("password {i}"))));
            async move { users.change(user.id, change).await.unwrap().expect("the user exists").epoch }
        }))
        .await;
        epochs.sort_unstable();
        assert_eq!(epochs, (1..=16).collect::<Vec<_>>());
    }
}

mod delete {
    use super::*;

    pub(super) async fn a_deleted_user_is_not_found_by_name_or_by_id_and_the_answer_is_false_from_then_on(
        users: Subject<dyn Users>,
    ) {
        let (user, other) = (created(&users, "anna").await, created(&users, "bert").await);
        assert!(!users.delete(UserId::random(), HOUR).await.unwrap());
        assert!(users.delete(user.id, HOUR).await.unwrap());
        assert_eq!(users.get(user.id).await.unwrap(), None);
        assert_eq!(users.find(name("anna")).await.unwrap(), None);
        assert!(!users.delete(user.id, HOUR).await.unwrap());
        assert_same(users.get(other.id).await.unwrap(), &other);
    }

    pub(super) async fn the_name_stays_taken_until_the_user_is_purged(users: Subject<dyn Users>) {
        let user = created(&users, "anna").await;
        users.delete(user.id, HOUR).await.unwrap();
        let successor = fixtures::user("ANNA", users.time().now());
        assert_eq!(users.create(successor.clone()).await.unwrap(), CreateUser::Taken);
        users.purge(user.id).await.unwrap();
        assert_eq!(users.create(successor.clone()).await.unwrap(), CreateUser::Created);
        assert_same(users.find(name("anna")).await.unwrap(), &successor);
    }
}

mod deleted {
    use super::*;

    pub(super) async fn a_deleted_user_is_listed_until_purged_and_is_due_once_the_grace_has_passed(
        users: Subject<dyn Users>,
    ) {
        let user = created(&users, "anna").await;
        assert_eq!(users.deleted(10).await.unwrap(), []);
        let unit = users.time().unit();
        users.delete(user.id, unit).await.unwrap();
        if users.time().exact().is_some() {
            assert_eq!(users.deleted(10).await.unwrap(), [DeletedUser { id: user.id, due: false }]);
        }
        users.time().advance(unit).await;
        assert_eq!(users.deleted(10).await.unwrap(), [DeletedUser { id: user.id, due: true }]);
        users.purge(user.id).await.unwrap();
        assert_eq!(users.deleted(10).await.unwrap(), []);
    }

    pub(super) async fn those_whose_grace_passes_first_come_first(users: Subject<dyn Users>) {
        let mut deleted = Vec::new();
        for (hours, username) in [(3, "anna"), (1, "bert"), (2, "carl")] {
            let user = created(&users, username).await;
            users.delete(user.id, HOUR * hours).await.unwrap();
            deleted.push(user.id);
        }
        let listed: Vec<_> = users.deleted(2).await.unwrap().into_iter().map(|user| user.id).collect();
        assert_eq!(listed, [deleted[1], deleted[2]]);
    }
}

mod purge {
    use super::*;

    pub(super) async fn a_purged_user_is_no_longer_listed_and_the_name_is_free(users: Subject<dyn Users>) {
        let user = created(&users, "anna").await;
        users.delete(user.id, HOUR).await.unwrap();
        users.purge(user.id).await.unwrap();
        assert_eq!(users.deleted(10).await.unwrap(), []);
        users.purge(user.id).await.unwrap();
        let successor = created(&users, "anna").await;
        users.purge(user.id).await.unwrap();
        assert_same(users.find(name("anna")).await.unwrap(), &successor);
    }

    pub(super) async fn a_user_who_is_not_deleted_is_left_alone(users: Subject<dyn Users>) {
        let user = created(&users, "anna").await;
        users.purge(user.id).await.unwrap();
        assert_same(users.get(user.id).await.unwrap(), &user);
    }
}
