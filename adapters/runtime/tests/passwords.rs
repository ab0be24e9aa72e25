//! What the passwords' trials leave to the adapter: stored hashes of all sorts, and a crowd at the door.

use std::num::NonZeroUsize;

use futures::future::join_all;
use pixmill::ports::{Passwords, PortErrorKind, Retry};
use pixmill::{Password, PasswordHash};
use pixmill_runtime::{Argon2Config, Argon2Passwords};

fn passwords(change: impl FnOnce(&mut Argon2Config)) -> Argon2Passwords {
    let mut config =
        Argon2Config { memory_kib: 8, passes: 1, lanes: 1, threads: NonZeroUsize::MIN, waiting: 8 };
    change(&mut config);
    Argon2Passwords::start(&config).unwrap()
}

fn password() -> Password {
    Password::parse("correct horse").unwrap()
}

#[tokio::test]
async fn hashes_are_phc_strings_with_the_configured_parameters() {
    let hash = passwords(|config| config.passes = 3).hash(password()).await.unwrap();
    let phc = hash.expose();
    assert!(phc.starts_with("$argon2id$v=19$m=8,t=3,p=1$"), "{phc}");
}

#[tokio::test]
async fn the_default_is_what_owasp_advises() {
    let hash = Argon2Passwords::start(&Argon2Config::default()).unwrap().hash(password()).await.unwrap();
    let phc = hash.expose();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
}

#[tokio::test]
async fn hashes_of_other_parameters_verify() {
    let others = passwords(|config| (config.memory_kib, config.passes, config.lanes) = (64, 2, 4));
    let hash = others.hash(password()).await.unwrap();
    let passwords = passwords(|_| {});
    assert!(passwords.verify(password(), Some(hash.clone())).await.unwrap());
    let wrong = Password::parse("incorrect horse").unwrap();
    assert!(!passwords.verify(wrong, Some(hash)).await.unwrap());
}

#[tokio::test]
async fn a_hash_by_another_program_verifies() {
    // From the reference implementation of Argon2, test.c, with "password" and the salt "somesalt".
    let reference = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let passwords = passwords(|_| {});
    let password = Password::parse("password").unwrap();
    assert!(passwords.verify(password, Some(PasswordHash::from_phc(reference))).await.unwrap());
}

#[tokio::test]
async fn a_damaged_hash_is_corrupt() {
    let passwords = passwords(|_| {});
    let whole = passwords.hash(password()).await.unwrap();
    let whole = whole.expose();
    let (without_value, _) = whole.rsplit_once('$').unwrap();
    let damaged = [
        String::new(),
        "correct horse".into(),
        without_value.into(),
        whole.replace("argon2id", "scrypt"),
        whole.replace("m=8", "m=x"),
        whole.replace("m=8", "m=4294967295"),
        whole.replace("t=1", "t=4294967295"),
        whole.replace("v=19", "v=20"),
    ];
    for phc in damaged {
        let error =
            passwords.verify(password(), Some(PasswordHash::from_phc(phc.clone()))).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (PortErrorKind::Corrupt, Retry::Never), "{phc}");
    }
}

#[tokio::test]
async fn too_many_calls_are_turned_away_and_may_come_back() {
    let passwords = passwords(|config| (config.memory_kib, config.waiting) = (19 * 1024, 2));
    // One is hashed and two wait; a thousand don't fit through the door one by one while the first is hashed.
    let results = join_all((0..1000).map(|_| passwords.hash(password()))).await;
    assert!(results.iter().filter(|result| result.is_ok()).count() >= 3);
    let refused: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!(!refused.is_empty());
    for error in refused {
        assert_eq!(error.kind(), PortErrorKind::Unavailable);
        assert!(matches!(error.retry(), Retry::Later(_)));
    }
    assert!(passwords.hash(password()).await.is_ok());
}

#[tokio::test]
async fn an_unknown_user_takes_the_place_of_a_hash() {
    let passwords = passwords(|config| (config.memory_kib, config.waiting) = (19 * 1024, 0));
    let results = join_all((0..1000).map(|_| passwords.verify(password(), None))).await;
    assert!(results.iter().flatten().all(|verified| !verified));
    assert!(
        results.into_iter().filter_map(Result::err).any(|error| error.kind() == PortErrorKind::Unavailable)
    );
}

#[test]
fn impossible_parameters_are_refused() {
    let config = Argon2Config { memory_kib: 1, ..Argon2Config::default() };
    let error = Argon2Passwords::start(&config).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
