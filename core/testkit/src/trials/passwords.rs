//! Trials of the hasher of passwords. They hash few times, because hashing is slow on purpose.

use pixmill::Password;
use pixmill::ports::Passwords;

use super::trials;
use crate::subject::Subject;

trials! { "passwords", dyn Passwords;
    hash {
        the_hash_verifies_with_that_password_and_with_no_other,
        the_same_password_hashed_twice_gives_two_hashes,
    }
    verify { without_a_hash_the_answer_is_false }
}

fn password(text: &str) -> Password {
    Password::parse(text).expect("the trial gives a valid password")
}

mod hash {
    use super::*;

    pub(super) async fn the_hash_verifies_with_that_password_and_with_no_other(
        passwords: Subject<dyn Passwords>,
    ) {
        // 128 characters of three bytes each: nothing may cut a long password short.
        let long = "€".repeat(Password::MAX_CHARS);
        let almost = format!("{}x", "€".repeat(Password::MAX_CHARS - 1));
        for (right, wrong) in [("strongPassword!", "strongpassword!"), (long.as_str(), almost.as_str())] {
            let hash = passwords.hash(password(right)).await.unwrap();
            assert!(passwords.verify(password(right), Some(hash.clone())).await.unwrap());
            assert!(!passwords.verify(password(wrong), Some(hash)).await.unwrap());
        }
    }

    pub(super) async fn the_same_password_hashed_twice_gives_two_hashes(passwords: Subject<dyn Passwords>) {
        let first = passwords.hash(password("strongPassword!")).await.unwrap();
        let second = passwords.hash(password("strongPassword!")).await.unwrap();
        assert_ne!(first, second);
    }
}

mod verify {
    use super::*;

    pub(super) async fn without_a_hash_the_answer_is_false(passwords: Subject<dyn Passwords>) {
        assert!(!passwords.verify(password("strongPassword!"), None).await.unwrap());
    }
}
