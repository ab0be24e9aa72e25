//! Trials of the repository of users.

use pixmill::ports::{CreateUser, Users};
use pixmill::{User, UserId, Username};

use super::{at_once, trials};
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
