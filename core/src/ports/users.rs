//! Where users are kept.

use async_trait::async_trait;

use crate::ids::UserId;
use crate::ports::PortError;
use crate::user::{User, Username};

/// What came of creating a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateUser {
    /// The user exists now.
    Created,
    /// Somebody has that name, whatever its case.
    Taken,
}

/// The repository of users.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Users: Send + Sync + 'static {
    /// Adds a user.
    ///
    /// # Behavior
    /// - A created user is found by name, whatever the case, and by id, with all fields as given.
    /// - A name that differs from an existing one in case alone is [`CreateUser::Taken`], and changes nothing.
    /// - Of many concurrent calls with one name exactly one creates.
    ///
    /// # Errors
    /// Any kind but `Input`.
    ///
    /// # Cancellation
    /// Dropping the future leaves the user created or not created, never in part.
    async fn create(&self, user: User) -> Result<CreateUser, PortError>;

    /// Finds a user by name.
    ///
    /// # Behavior
    /// - Unknown names give `None`.
    async fn find(&self, username: Username) -> Result<Option<User>, PortError>;

    /// Finds a user by id.
    ///
    /// # Behavior
    /// - Unknown ids give `None`.
    async fn get(&self, id: UserId) -> Result<Option<User>, PortError>;
}
