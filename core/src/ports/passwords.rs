//! Hashing passwords: slow on purpose, so it runs where the adapter keeps its threads.

use async_trait::async_trait;

use crate::ports::PortError;
use crate::user::{Password, PasswordHash};

/// Hashes and verifies passwords.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync + 'static {
    /// Hashes a password with a fresh salt.
    ///
    /// # Behavior
    /// - The hash verifies with that password and with no other.
    /// - The same password hashed twice gives two hashes.
    ///
    /// # Errors
    /// `Unavailable` if too many calls wait already.
    async fn hash(&self, password: Password) -> Result<PasswordHash, PortError>;

    /// Checks a password. Without a hash (the user is unknown) it takes as long and says `false`.
    ///
    /// # Behavior
    /// - Without a hash the answer is `false`.
    ///
    /// # Errors
    /// `Unavailable` if too many calls wait already.
    async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, PortError>;
}
