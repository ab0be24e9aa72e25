//! What belongs to one request: its id, who sent it, and the way to the services. The edge makes it, extractors
//! and handlers find it in the request.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use pixmill::UserId;
use poem::Request;
use poem::http::{HeaderMap, HeaderName, HeaderValue};

use crate::app::State;
use crate::rate_limit::Allowance;

/// Names a request, in answers and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The scope of one request.
#[derive(Clone)]
pub(crate) struct Scope(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) state: Arc<State>,
    /// The value of `X-Request-Id`.
    pub(crate) id: HeaderValue,
    /// Who sent the request, once that is known.
    pub(crate) user: OnceLock<UserId>,
    /// What the user may still do, if the request was counted.
    pub(crate) allowance: OnceLock<Allowance>,
}

impl Scope {
    pub(crate) fn new(state: Arc<State>, headers: &HeaderMap) -> Self {
        Self(Arc::new(Inner {
            state,
            id: request_id(headers),
            user: OnceLock::new(),
            allowance: OnceLock::new(),
        }))
    }

    /// The scope that the edge put into the request.
    pub(crate) fn of(request: &Request) -> &Self {
        request.data().expect("the edge puts a scope into every request")
    }

    /// The id as text.
    pub(crate) fn id(&self) -> &str {
        self.0.id.to_str().expect("only visible ASCII gets in")
    }
}

impl Deref for Scope {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The client's id if it is harmless in a log, otherwise a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    match headers.get(REQUEST_ID) {
        Some(id) if (1..=64).contains(&id.len()) && id.as_bytes().iter().all(safe) => id.clone(),
        _ => new_id(),
    }
}

/// A random number for the process and one that counts: as unique as a random one, without asking the operating
/// system each time.
fn new_id() -> HeaderValue {
    static PROCESS: LazyLock<[u8; 8]> = LazyLock::new(|| {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("the operating system always has random numbers");
        bytes
    });
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut id = [0; 32];
    let (process, count) = id.split_at_mut(16);
    let number = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    for (bytes, text) in [(*PROCESS, process), (number, count)] {
        hex::encode_to_slice(bytes, text).expect("two digits a byte");
    }
    HeaderValue::from_bytes(&id).expect("hexadecimal digits are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(id: &str) -> HeaderValue {
        request_id(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(id).unwrap())]))
    }

    #[test]
    fn only_harmless_ids_are_kept() {
        assert_eq!(given("a-b_c.9"), "a-b_c.9");
        for id in ["", "a b", "a\"b", "a;b", &"x".repeat(65)] {
            let made = given(id);
            assert_ne!(made, id);
            assert_eq!(made.len(), 32);
        }
    }
}
