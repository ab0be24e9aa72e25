//! Adding and changing users, for whoever runs the service. Who may call this is the caller's business.

use std::sync::Arc;

use crate::accounts::RegisterError;
use crate::ids::UserId;
use crate::ports::{Clock, CreateUser, Page, PageRequest, Passwords, PortError, Users};
use crate::quotas::UserQuota;
use crate::user::{Password, Role, User, UserChange, Username};

/// Adds and changes users. It needs three of the ports only, so a command of an operator has it without the rest.
#[derive(Clone)]
pub struct UserAdmin {
    users: Arc<dyn Users>,
    passwords: Arc<dyn Passwords>,
    clock: Arc<dyn Clock>,
}

impl UserAdmin {
    /// The use case over these ports.
    pub fn new(users: Arc<dyn Users>, passwords: Arc<dyn Passwords>, clock: Arc<dyn Clock>) -> Self {
        Self { users, passwords, clock }
    }

    /// Adds a user, whether strangers may register or not.
    pub async fn add(
        &self,
        username: Username,
        password: Password,
        role: Role,
    ) -> Result<UserId, RegisterError> {
        // Asked before the costly hash; `create` decides if two ask at once.
        if self.users.find(username.clone()).await?.is_some() {
            return Err(RegisterError::Taken(username));
        }
        let password = self.passwords.hash(password).await?;
        let user = User { role, ..User::new(username.clone(), password, self.clock.now()) };
        let id = user.id;
        match self.users.create(user).await? {
            CreateUser::Created => Ok(id),
            CreateUser::Taken => Err(RegisterError::Taken(username)),
        }
    }

    /// All users, newest first.
    pub async fn list(&self, page: PageRequest<UserId>) -> Result<Page<User>, PortError> {
        self.users.list(page).await
    }

    /// Finds a user by name.
    pub async fn find(&self, username: Username) -> Result<Option<User>, PortError> {
        self.users.find(username).await
    }

    /// Gives a user another password. Logins from before no longer count.
    pub async fn reset_password(&self, id: UserId, new: Password) -> Result<Option<User>, PortError> {
        let hash = self.passwords.hash(new).await?;
        self.users.change(id, UserChange::Password(hash)).await
    }

    /// Closes an account, or opens it again. Logins from before no longer count.
    pub async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<Option<User>, PortError> {
        self.users.change(id, UserChange::Disabled(disabled)).await
    }

    /// Gives a user a quota of their own, or everybody's.
    pub async fn set_quota(&self, id: UserId, quota: Option<UserQuota>) -> Result<Option<User>, PortError> {
        self.users.change(id, UserChange::Quota(quota)).await
    }

    /// Gives a user another role.
    pub async fn set_role(&self, id: UserId, role: Role) -> Result<Option<User>, PortError> {
        self.users.change(id, UserChange::Role(role)).await
    }
}
