//! Where API keys are kept.

use async_trait::async_trait;

use crate::api_key::ApiKey;
use crate::ids::{ApiKeyId, UserId};
use crate::ports::PortError;

/// The repository of API keys.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ApiKeys: Send + Sync + 'static {
    /// Adds a key, unless its owner has `most` keys already; says whether it did. When the call returns, the key
    /// survives a crash.
    ///
    /// # Behavior
    /// - An added key is found with all fields as given.
    /// - Of many concurrent calls only so many add a key that the owner has no more than `most`.
    async fn add(&self, key: ApiKey, most: usize) -> Result<bool, PortError>;

    /// Finds a key, whoever owns it.
    ///
    /// # Behavior
    /// - Unknown ids give `None`.
    async fn get(&self, id: ApiKeyId) -> Result<Option<ApiKey>, PortError>;

    /// A user's keys, newest first (by creation, then by id).
    ///
    /// # Behavior
    /// - Only the owner's keys are listed, newest first.
    async fn list(&self, owner: UserId) -> Result<Vec<ApiKey>, PortError>;

    /// Removes a user's key. When the call returns, that survives a crash.
    ///
    /// # Behavior
    /// - A removed key is not found, and the answer is `false` from then on.
    /// - Another user's key stays, and the answer is `false`.
    async fn remove(&self, owner: UserId, id: ApiKeyId) -> Result<bool, PortError>;

    /// Removes all keys of a user.
    ///
    /// # Behavior
    /// - None of the user's keys is found any more; those of others stay.
    async fn forget(&self, owner: UserId) -> Result<(), PortError>;
}
