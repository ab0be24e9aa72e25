//! Accounts from registration to deletion.

use std::time::Duration;

use pixmill::ports::{Jobs, PageRequest, PortErrorKind};
use pixmill::{
    LoginError, Password, PasswordChangeError, RegisterError, Role, STRAGGLER_GRACE, Settings, Submission,
    SubmitError, Swept, Transformation, UserId, UserQuota, Username,
};
use pixmill_testkit::{Calls, Fault};

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

#[tokio::test]
async fn a_quota_that_is_set_here_counts_at_once_and_one_set_elsewhere_after_a_while() {
    let kit = Kit::new();
    let owner = kit.services.accounts.register(name("anna"), password("strongPassword!")).await.unwrap();
    let image = kit.image(owner).await;
    let refused = async || {
        let transformation = Transformation { width: Some(20), ..Transformation::default() };
        let submission = Submission { image: image.id, version: None, transformation, save: false };
        matches!(kit.services.submissions.submit(owner, submission).await, Err(SubmitError::Quota(_)))
    };
    let none = Some(UserQuota { open_jobs: Some(0), ..UserQuota::default() });
    assert!(!refused().await);
    kit.services.user_admin.set_quota(owner, none).await.unwrap();
    assert!(!refused().await, "set as another process would");
    kit.advance(Duration::from_secs(5));
    assert!(refused().await);
    let user = kit.services.user_admin.set_quota(owner, None).await.unwrap().unwrap();
    kit.services.quotas.learn(&user);
    assert!(!refused().await);
}

#[tokio::test]
async fn whoever_knows_the_password_can_change_it() {
    let kit = Kit::new();
    let accounts = &kit.services.accounts;
    let id = accounts.register(name("anna"), password("strongPassword!")).await.unwrap();
    let wrong = accounts.change_password(id, password("wrongPassword!"), password("newPassword!")).await;
    assert!(matches!(wrong, Err(PasswordChangeError::Refused)), "{wrong:?}");
    let changed =
        accounts.change_password(id, password("strongPassword!"), password("newPassword!")).await.unwrap();
    assert_eq!((changed.id, changed.epoch), (id, 1));
    let old = accounts.login(name("anna"), password("strongPassword!")).await;
    assert!(matches!(old, Err(LoginError::Refused)), "{old:?}");
    assert_eq!(accounts.login(name("anna"), password("newPassword!")).await.unwrap().epoch, 1);
    let nobody = accounts
        .change_password(UserId::random(), password("newPassword!"), password("otherPassword!"))
        .await;
    assert!(matches!(nobody, Err(PasswordChangeError::Unknown)), "{nobody:?}");
}

#[tokio::test]
async fn a_closed_account_says_so_to_its_owner_alone() {
    let kit = Kit::with(Settings { allow_registration: false, ..Settings::default() });
    let accounts = &kit.services.accounts;
    let id =
        kit.services.user_admin.add(name("anna"), password("strongPassword!"), Role::Operator).await.unwrap();
    assert_eq!(accounts.get(id).await.unwrap().unwrap().role, Role::Operator);
    kit.services.user_admin.set_disabled(id, true).await.unwrap().unwrap();
    let owner = accounts.login(name("anna"), password("strongPassword!")).await;
    assert!(matches!(owner, Err(LoginError::Disabled)), "{owner:?}");
    let stranger = accounts.login(name("anna"), password("wrongPassword!")).await;
    assert!(matches!(stranger, Err(LoginError::Refused)), "{stranger:?}");
    kit.services.user_admin.set_disabled(id, false).await.unwrap().unwrap();
    accounts.login(name("anna"), password("strongPassword!")).await.unwrap();
}

#[tokio::test]
async fn with_a_user_go_their_images_and_jobs() {
    let kit = Kit::new();
    let accounts = &kit.services.accounts;
    let id = accounts.register(name("anna"), password("strongPassword!")).await.unwrap();
    let (image, of_another) = (kit.image(id).await, kit.image(UserId::random()).await);
    let done = kit.submit(&image, true).await;
    kit.work().await;
    let open = kit.submit(&image, false).await;

    assert!(accounts.delete(id).await.unwrap());
    assert!(!accounts.delete(id).await.unwrap());
    assert_eq!(kit.blobs().await, [of_another.current.content.blob]);
    for job in [done, open] {
        assert_eq!(kit.memory.jobs.load(job).await.unwrap(), None);
    }
    let refused = accounts.login(name("anna"), password("strongPassword!")).await;
    assert!(matches!(refused, Err(LoginError::Refused)), "{refused:?}");
    // The worker meets the job that is gone.
    kit.work().await;
}

#[tokio::test]
async fn what_comes_in_while_a_user_goes_is_removed_too_and_then_the_name_is_free() {
    let kit = Kit::new();
    let accounts = &kit.services.accounts;
    let id = accounts.register(name("anna"), password("strongPassword!")).await.unwrap();
    kit.image(id).await;
    kit.faults.inject("images.list", Calls::First(1), Fault::Before(PortErrorKind::Unavailable));
    assert!(accounts.delete(id).await.unwrap(), "the user is gone although the images are not yet");
    assert_eq!(kit.blobs().await.len(), 1);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap(), Swept::default());
    assert_eq!(kit.blobs().await, []);

    // An upload that began before.
    let straggler = kit.image(id).await;
    let job = kit.submit(&straggler, false).await;
    let taken = accounts.register(name("anna"), password("strongPassword!")).await;
    assert!(matches!(taken, Err(RegisterError::Taken(_))), "{taken:?}");
    kit.advance(kit.settings.upload_ttl + STRAGGLER_GRACE);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().users, 1);
    assert_eq!(kit.blobs().await, []);
    assert_eq!(kit.memory.jobs.load(job).await.unwrap(), None);
    let jobs = kit.memory.jobs.list(Some(id), None, PageRequest { after: None, limit: 10 }).await.unwrap();
    assert_eq!(jobs.items, []);
    accounts.register(name("anna"), password("strongPassword!")).await.unwrap();
}
