//! Accounts from registration to deletion. What a login is worth (a token) is the API's business.

use std::sync::Arc;

use crate::ids::UserId;
use crate::job::STRAGGLER_GRACE;
use crate::library::Library;
use crate::ports::{PageRequest, PortError};
use crate::services::Ports;
use crate::settings::Settings;
use crate::user::{Password, Role, User, Username};
use crate::user_admin::UserAdmin;

/// Registers users, checks who they are, and lets them go.
#[derive(Clone)]
pub struct Accounts {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    library: Library,
    admin: UserAdmin,
}

/// Why nobody was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Somebody has that name, whatever its case.
    #[error("the username {0} is taken; choose another")]
    Taken(Username),
    /// This deployment does not let strangers register.
    #[error("registration is closed; ask the operator of this service for an account")]
    Closed,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The name is unknown or the password is wrong; nobody is told which.
    #[error("the username or the password is wrong")]
    Refused,
    /// Name and password are right, and the account is closed.
    #[error("this account is closed; ask the operator of this service")]
    Disabled,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Why a password stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    /// The present password is another one.
    #[error("the current password is wrong")]
    Refused,
    /// There is no such user any more.
    #[error("there is no account with this id")]
    Unknown,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// How many images of a deleted user are taken on at once.
const PAGE: usize = 100;

impl Accounts {
    pub(crate) fn new(
        ports: Arc<Ports>,
        settings: Arc<Settings>,
        library: Library,
        admin: UserAdmin,
    ) -> Self {
        Self { ports, settings, library, admin }
    }

    /// Registers a user, if strangers may register.
    pub async fn register(&self, username: Username, password: Password) -> Result<UserId, RegisterError> {
        if !self.settings.allow_registration {
            return Err(RegisterError::Closed);
        }
        self.admin.add(username, password, Role::User).await
    }

    /// Finds out whether these are a user's name and password. Takes equally long for unknown names.
    pub async fn login(&self, username: Username, password: Password) -> Result<User, LoginError> {
        let user = self.ports.users.find(username).await?;
        let hash = user.as_ref().map(|user| user.password.clone());
        let verified = self.ports.passwords.verify(password, hash).await?;
        match user.filter(|_| verified) {
            Some(user) if user.disabled => Err(LoginError::Disabled),
            Some(user) => Ok(user),
            None => Err(LoginError::Refused),
        }
    }

    /// A user, unless deleted.
    pub async fn get(&self, id: UserId) -> Result<Option<User>, PortError> {
        self.ports.users.get(id).await
    }

    /// Gives a user who knows the present password another one. Logins from before no longer count.
    pub async fn change_password(
        &self,
        id: UserId,
        current: Password,
        new: Password,
    ) -> Result<User, PasswordChangeError> {
        let user = self.get(id).await?.ok_or(PasswordChangeError::Unknown)?;
        if !self.ports.passwords.verify(current, Some(user.password)).await? {
            return Err(PasswordChangeError::Refused);
        }
        self.admin.reset_password(id, new).await?.ok_or(PasswordChangeError::Unknown)
    }

    /// Deletes a user with all images and jobs. Returns whether there was one. What can't be removed at once the
    /// sweeper removes.
    pub async fn delete(&self, id: UserId) -> Result<bool, PortError> {
        let grace = self.settings.upload_ttl + STRAGGLER_GRACE;
        if !self.ports.users.delete(id, grace).await? {
            return Ok(false);
        }
        if let Err(error) = self.clear(id).await {
            tracing::warn!(user = %id, %error, "what a deleted user owned is not removed yet");
        }
        Ok(true)
    }

    /// Removes what a deleted user owns. Safe to repeat.
    pub(crate) async fn clear(&self, id: UserId) -> Result<(), PortError> {
        loop {
            let page = PageRequest { after: None, limit: PAGE };
            let images = self.ports.images.list(id, page).await?;
            for image in &images.items {
                self.library.delete(id, image.id).await?;
            }
            if !images.more {
                break;
            }
        }
        self.ports.api_keys.forget(id).await?;
        self.ports.once_keys.forget(id).await?;
        self.ports.jobs.forget(id).await
    }
}
