//! Registration and login. What a login is worth (a token) is the API's business.

use std::sync::Arc;

use crate::ids::UserId;
use crate::ports::{CreateUser, PortError};
use crate::services::Ports;
use crate::settings::Settings;
use crate::user::{Password, User, Username};

/// Registers users and checks who they are.
#[derive(Clone)]
pub struct Accounts {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
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
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Accounts {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>) -> Self {
        Self { ports, settings }
    }

    /// Registers a user.
    pub async fn register(&self, username: Username, password: Password) -> Result<UserId, RegisterError> {
        if !self.settings.allow_registration {
            return Err(RegisterError::Closed);
        }
        // Asked before the costly hash; `create` decides if two ask at once.
        if self.ports.users.find(username.clone()).await?.is_some() {
            return Err(RegisterError::Taken(username));
        }
        let password = self.ports.passwords.hash(password).await?;
        let user = User { id: UserId::random(), username, password, created_at: self.ports.clock.now() };
        let (id, username) = (user.id, user.username.clone());
        match self.ports.users.create(user).await? {
            CreateUser::Created => Ok(id),
            CreateUser::Taken => Err(RegisterError::Taken(username)),
        }
    }

    /// Finds out whether these are a user's name and password. Takes equally long for unknown names.
    pub async fn login(&self, username: Username, password: Password) -> Result<User, LoginError> {
        let user = self.ports.users.find(username).await?;
        let hash = user.as_ref().map(|user| user.password.clone());
        let verified = self.ports.passwords.verify(password, hash).await?;
        user.filter(|_| verified).ok_or(LoginError::Refused)
    }
}
