//! Logins: whose token or API key it is, and whether it still counts. A token is good for its signature and its time,
//! a key for its secret; the account may have changed since, and the key may be revoked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use pixmill::ports::{Clock, PortError};
use pixmill::{Accounts, ApiKey, ApiKeyId, ApiKeyToken, KeyScope, Keys, Role, Timestamp, User, UserId};

use crate::problem::Problem;
use crate::token::{Grant, TokenError, Tokens};

/// How long what the repository said of a user is believed. A change that another process made takes effect after
/// this; those made here do at once.
const BELIEVED: Duration = Duration::from_secs(5);

/// Of how many users, and of how many keys, it is remembered.
const REMEMBERED: u64 = 65_536;

/// Makes and checks logins.
pub(crate) struct Logins {
    tokens: Tokens,
    accounts: Accounts,
    keys: Keys,
    clock: Arc<dyn Clock>,
    known: Cache<UserId, Known>,
    known_keys: Cache<ApiKeyId, KnownKey>,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) user: UserId,
    pub(crate) role: Role,
    /// What the key is good for, if it is a program with a key.
    key: Option<Arc<ApiKey>>,
}

impl Login {
    /// Whether this is good for what has `scope`. Whoever knows the password may do all that the user may.
    pub(crate) fn has(&self, scope: KeyScope) -> bool {
        self.scopes().is_none_or(|scopes| scopes.contains(&scope))
    }

    /// Whether this was got with the password, not with a key.
    pub(crate) fn knew_the_password(&self) -> bool {
        self.key.is_none()
    }

    fn scopes(&self) -> Option<&BTreeSet<KeyScope>> {
        self.key.as_ref().map(|key| &key.scopes)
    }
}

/// Why a login does not count.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginLapse {
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It could not be found out.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What the repository said of a user.
#[derive(Clone, Copy)]
struct Known {
    standing: Standing,
    until: Timestamp,
}

/// What the repository said of a key.
#[derive(Clone)]
struct KnownKey {
    key: Option<Arc<ApiKey>>,
    until: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Logins of this epoch count.
    Welcome {
        epoch: u32,
        role: Role,
    },
    /// None do, until this epoch has passed.
    Closed {
        epoch: u32,
    },
    Gone,
}

impl Standing {
    fn of(user: Option<&User>) -> Self {
        match user {
            None => Self::Gone,
            Some(User { disabled: true, epoch, .. }) => Self::Closed { epoch: *epoch },
            Some(User { epoch, role, .. }) => Self::Welcome { epoch: *epoch, role: *role },
        }
    }

    /// This one, unless the other is known to be of a later time.
    fn or_later(self, other: Self) -> Self {
        let number = |standing| match standing {
            Self::Welcome { epoch, .. } | Self::Closed { epoch } => u64::from(epoch),
            Self::Gone => u64::MAX,
        };
        if number(other) > number(self) { other } else { self }
    }
}

impl Logins {
    pub(crate) fn new(tokens: Tokens, accounts: Accounts, keys: Keys, clock: Arc<dyn Clock>) -> Self {
        let (known, known_keys) = (Cache::new(REMEMBERED), Cache::new(REMEMBERED));
        Self { tokens, accounts, keys, clock, known, known_keys }
    }

    /// A token for a user who has shown who they are.
    pub(crate) fn issue(&self, user: &User) -> Result<String, Problem> {
        self.tokens.issue(user.id, user.epoch).map_err(|error| Problem::internal().with_cause(error))
    }

    /// Whose token or key it is, if it counts.
    pub(crate) async fn check(&self, token: &str) -> Result<Login, LoginLapse> {
        if token.starts_with(ApiKeyToken::PREFIX) {
            return self.check_key(token).await;
        }
        let Grant { user, epoch, .. } = self.tokens.verify(token)?;
        match self.standing(user).await? {
            Standing::Welcome { epoch: current, role } if current == epoch => {
                Ok(Login { user, role, key: None })
            }
            _ => Err(TokenError::Revoked.into()),
        }
    }

    async fn check_key(&self, token: &str) -> Result<Login, LoginLapse> {
        let token: ApiKeyToken = token.parse().map_err(|_| TokenError::UnknownKey)?;
        let key = self.key(token.id).await?.filter(|key| token.is_for(key)).ok_or(TokenError::UnknownKey)?;
        if key.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(TokenError::ExpiredKey.into());
        }
        match self.standing(key.owner).await? {
            Standing::Welcome { role, .. } => Ok(Login { user: key.owner, role, key: Some(key) }),
            _ => Err(TokenError::Revoked.into()),
        }
    }

    /// Takes note of a key that was revoked here.
    pub(crate) fn forget_key(&self, id: ApiKeyId) {
        self.note_key(id, None);
    }

    /// Takes note of a user who was changed here, or deleted.
    pub(crate) fn learn(&self, id: UserId, user: Option<&User>) {
        self.note(id, Standing::of(user));
    }

    async fn standing(&self, id: UserId) -> Result<Standing, PortError> {
        match self.known.get(&id) {
            Some(known) if known.until > self.clock.now() => Ok(known.standing),
            _ => {
                let user = self.accounts.get(id).await?;
                Ok(self.note(id, Standing::of(user.as_ref())))
            }
        }
    }

    async fn key(&self, id: ApiKeyId) -> Result<Option<Arc<ApiKey>>, PortError> {
        match self.known_keys.get(&id) {
            Some(known) if known.until > self.clock.now() => Ok(known.key),
            _ => {
                let key = self.keys.load(id).await?;
                Ok(self.note_key(id, key.map(Arc::new)))
            }
        }
    }

    /// Ids are not used again, so a key that was gone once stays gone, whatever comes in late.
    fn note_key(&self, id: ApiKeyId, key: Option<Arc<ApiKey>>) -> Option<Arc<ApiKey>> {
        let until = self.clock.now() + BELIEVED;
        let entry = self.known_keys.entry(id).and_upsert_with(|before| {
            let gone = before.is_some_and(|known| known.into_value().key.is_none());
            KnownKey { key: key.filter(|_| !gone), until }
        });
        entry.into_value().key
    }

    /// What was read before a change must not hide it when it comes in late.
    fn note(&self, id: UserId, standing: Standing) -> Standing {
        let until = self.clock.now() + BELIEVED;
        let entry = self.known.entry(id).and_upsert_with(|before| {
            let standing = before.map_or(standing, |known| standing.or_later(known.into_value().standing));
            Known { standing, until }
        });
        entry.into_value().standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_does_not_hide_it() {
        let first = Standing::Welcome { epoch: 0, role: Role::User };
        let second = Standing::Welcome { epoch: 1, role: Role::User };
        let closed = Standing::Closed { epoch: 2 };
        for (earlier, later) in [(first, second), (second, closed), (closed, Standing::Gone)] {
            assert_eq!(earlier.or_later(later), later);
            assert_eq!(later.or_later(earlier), later);
        }
        let promoted = Standing::Welcome { epoch: 1, role: Role::Admin };
        assert_eq!(promoted.or_later(second), promoted, "of one epoch the one read last");
    }
}
