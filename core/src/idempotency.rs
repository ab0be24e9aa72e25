//! Requests that have one effect however often they are sent. A client that got no answer sends the request again
//! under the same key; the second is answered like the first, and nothing is done twice.

use std::time::Duration;

use crate::ids::{MadeId, UserId};
use crate::ports::{Made, OnceKeys, PortError, PortErrorKind, Turn};

/// How long a key is remembered.
pub(crate) const REMEMBERED: Duration = Duration::from_hours(24);

/// A client's name for a request: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Most characters.
    pub const MAX_CHARS: usize = 255;

    /// Checks length and characters.
    pub fn parse(text: &str) -> Result<Self, IdempotencyKeyError> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdempotencyKeyError)
        }
    }

    /// The key as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to 255 visible ASCII characters, such as a UUID")]
pub struct IdempotencyKeyError;

/// What a key was sent for. Two operations may have the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnceOperation {
    /// Uploading a file.
    Upload,
    /// Asking for a transformation.
    Transform,
    /// Asking for several of one image.
    Batch,
}

/// Names one request of one user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OnceKey {
    /// Whose request.
    pub owner: UserId,
    /// What it asks for.
    pub operation: OnceOperation,
    /// The client's name for it.
    pub key: IdempotencyKey,
}

/// Why a request under a key was neither done nor answered like the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OnceError {
    /// The first one is not done yet.
    #[error("a request with this Idempotency-Key is still being worked on; send it again in a moment")]
    InFlight,
    /// The first one asked for something else.
    #[error("this Idempotency-Key was used for another request; take a new key for each")]
    Reused,
}

/// The right to do what a request asks for, until it is done or given up.
pub(crate) struct Attempt<'a> {
    keys: &'a dyn OnceKeys,
    key: OnceKey,
    id: MadeId,
}

/// Where a request under a key stands.
pub(crate) enum Standing<'a> {
    /// It is to be done now, unless one of the attempts before has done it.
    Now { attempt: Attempt<'a>, before: Vec<MadeId> },
    /// It was done.
    Done(Made),
}

/// Asks to do what a request asks for, which is going to make `id`. Who is cut short holds others off for `lease`.
pub(crate) async fn begin<E: From<OnceError> + From<PortError>>(
    keys: &dyn OnceKeys,
    key: OnceKey,
    id: MadeId,
    lease: Duration,
) -> Result<Standing<'_>, E> {
    match keys.begin(key.clone(), id, lease, REMEMBERED).await? {
        Turn::Yours { before } => Ok(Standing::Now { attempt: Attempt { keys, key, id }, before }),
        Turn::Taken => Err(OnceError::InFlight.into()),
        Turn::Done(made) => Ok(Standing::Done(made)),
    }
}

impl Attempt<'_> {
    /// Keeps what came of the attempt for those who ask again; gives the turn back if nothing did.
    pub(crate) async fn settle(self, made: Option<Made>) {
        let Self { keys, key, id } = self;
        let kept = match made {
            Some(made) => keys.done(key, id, made).await,
            None => keys.give_up(key, id).await,
        };
        // What was done is done; asking again finds that out when the lease is over.
        if let Err(error) = kept {
            tracing::warn!(%error, "the outcome of a request with an idempotency key is not kept");
        }
    }
}

/// Whether this write may still come to pass although its caller was told of an error: one that was not answered in time is
/// not over. Then the turn must not be given back: it ends by itself, and whoever has the next one looks for what was made.
pub(crate) fn may_come_to_pass(error: &PortError, write: &'static str) -> bool {
    error.kind() == PortErrorKind::TimedOut && error.operation() == write
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii_of_some_length() {
        for good in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", &"x".repeat(255)] {
            assert_eq!(IdempotencyKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a\n", "ä", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad), Err(IdempotencyKeyError), "{bad:?}");
        }
    }
}
