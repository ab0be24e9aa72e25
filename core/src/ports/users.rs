//! Where users are kept.

use std::time::Duration;

use async_trait::async_trait;

use crate::ids::UserId;
use crate::ports::{Page, PageRequest, PortError};
use crate::user::{User, UserChange, Username};

/// What came of creating a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateUser {
    /// The user exists now.
    Created,
    /// Somebody has that name, whatever its case.
    Taken,
}

/// A user who was deleted, and is remembered until nothing of theirs can turn up any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedUser {
    /// Who it was.
    pub id: UserId,
    /// Whether the grace has passed.
    pub due: bool,
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

    /// Lists all users, newest first (by creation, then by id).
    ///
    /// # Behavior
    /// - Pages follow each other without a gap or a repetition, also while users are added.
    /// - Deleted users are not listed.
    async fn list(&self, page: PageRequest<UserId>) -> Result<Page<User>, PortError>;

    /// Changes a user: see [`User::apply`]. Returns the user as changed, or `None` if there is none. When the call
    /// returns, the change survives a crash.
    ///
    /// # Behavior
    /// - A change is seen by name and by id, and leaves the other fields as they were.
    /// - Unknown and deleted users give `None`.
    /// - Of many concurrent changes none is lost.
    async fn change(&self, id: UserId, change: UserChange) -> Result<Option<User>, PortError>;

    /// Deletes a user, who is remembered until [`purge`](Self::purge): the caller removes what they own, and again
    /// after `grace`, for what a straggling request may have added since.
    ///
    /// # Behavior
    /// - A deleted user is not found by name or by id, and the answer is `false` from then on.
    /// - The name stays taken until the user is purged.
    async fn delete(&self, id: UserId, grace: Duration) -> Result<bool, PortError>;

    /// Users who are deleted and not purged. At most `limit` of them, those whose grace passes first.
    ///
    /// # Behavior
    /// - A deleted user is listed until purged, and is due once the grace has passed.
    async fn deleted(&self, limit: usize) -> Result<Vec<DeletedUser>, PortError>;

    /// Forgets a deleted user.
    ///
    /// # Behavior
    /// - A purged user is no longer listed, and the name is free.
    /// - A user who is not deleted is left alone.
    async fn purge(&self, id: UserId) -> Result<(), PortError>;
}
