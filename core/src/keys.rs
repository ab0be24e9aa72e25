//! Making, listing, checking and revoking API keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::api_key::{ApiKey, ApiKeyName, ApiKeyToken, KeyScope};
use crate::ids::{ApiKeyId, UserId};
use crate::ports::PortError;
use crate::services::Ports;

/// The API keys of users.
#[derive(Clone)]
pub struct Keys {
    ports: Arc<Ports>,
}

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeKeyError {
    /// A key that is good for nothing.
    #[error("a key needs at least one scope: read, write or admin")]
    NoScope,
    /// The user has as many keys as one may have.
    #[error("you have {} keys, the most that one may have; revoke one first", Keys::MOST)]
    TooMany,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Keys {
    /// Most keys that a user may have.
    pub const MOST: usize = 50;

    pub(crate) fn new(ports: Arc<Ports>) -> Self {
        Self { ports }
    }

    /// Makes a key for a user that ends after `ttl`, if it ends. The token is told here and never again.
    pub async fn make(
        &self,
        owner: UserId,
        name: ApiKeyName,
        scopes: BTreeSet<KeyScope>,
        ttl: Option<Duration>,
    ) -> Result<(ApiKey, ApiKeyToken), MakeKeyError> {
        if scopes.is_empty() {
            return Err(MakeKeyError::NoScope);
        }
        let token = ApiKeyToken::random(ApiKeyId::random());
        let created_at = self.ports.clock.now();
        let expires_at = ttl.map(|ttl| created_at + ttl);
        let key = ApiKey { id: token.id, owner, name, scopes, secret: token.hash(), created_at, expires_at };
        if self.ports.api_keys.add(key.clone(), Self::MOST).await? {
            Ok((key, token))
        } else {
            Err(MakeKeyError::TooMany)
        }
    }

    /// A user's keys, newest first.
    pub async fn list(&self, owner: UserId) -> Result<Vec<ApiKey>, PortError> {
        self.ports.api_keys.list(owner).await
    }

    /// A key, whoever owns it: for checking tokens, not for answers to users.
    pub async fn load(&self, id: ApiKeyId) -> Result<Option<ApiKey>, PortError> {
        self.ports.api_keys.get(id).await
    }

    /// Revokes a user's key; `false` if there is none.
    pub async fn revoke(&self, owner: UserId, id: ApiKeyId) -> Result<bool, PortError> {
        self.ports.api_keys.remove(owner, id).await
    }
}
