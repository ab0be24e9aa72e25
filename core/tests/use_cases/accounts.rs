//! Registration and login.

use pixmill::{LoginError, Password, RegisterError, Settings, Username};

use crate::kit::Kit;

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

#[tokio::test]
async fn a_registered_user_logs_in_whatever_the_case_of_the_name() {
    let kit = Kit::new();
    let id = kit.services.accounts.register(name("Anna"), password("strongPassword!")).await.unwrap();
    let user = kit.services.accounts.login(name("anna"), password("strongPassword!")).await.unwrap();
    assert_eq!((user.id, user.username.as_str()), (id, "Anna"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_alike() {
    let kit = Kit::new();
    kit.services.accounts.register(name("anna"), password("strongPassword!")).await.unwrap();
    for (who, what) in [("anna", "strongpassword!"), ("nobody", "strongPassword!")] {
        let refused = kit.services.accounts.login(name(who), password(what)).await.unwrap_err();
        assert!(matches!(refused, LoginError::Refused), "{who}: {refused:?}");
    }
}

#[tokio::test]
async fn names_that_differ_in_case_alone_are_one_name() {
    let kit = Kit::new();
    kit.services.accounts.register(name("anna"), password("strongPassword!")).await.unwrap();
    let refused = kit.services.accounts.register(name("ANNA"), password("otherPassword!")).await.unwrap_err();
    assert!(matches!(refused, RegisterError::Taken(_)), "{refused:?}");
}

#[tokio::test]
async fn registration_can_be_closed() {
    let kit = Kit::with(Settings { allow_registration: false, ..Settings::default() });
    let refused =
        kit.services.accounts.register(name("anna"), password("strongPassword!")).await.unwrap_err();
    assert!(matches!(refused, RegisterError::Closed), "{refused:?}");
}
