//! The repository of users.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use pixmill::ports::{CreateUser, PortError, Users};
use pixmill::{User, UserId, Username};

use crate::lock;

/// Users in memory.
#[derive(Default)]
pub struct MemoryUsers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    users: HashMap<UserId, User>,
    names: HashMap<String, UserId>,
}

impl MemoryUsers {
    /// No users.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Users for MemoryUsers {
    async fn create(&self, user: User) -> Result<CreateUser, PortError> {
        let State { users, names } = &mut *lock(&self.state);
        let name = user.username.key();
        if names.contains_key(&name) {
            return Ok(CreateUser::Taken);
        }
        names.insert(name, user.id);
        users.insert(user.id, user);
        Ok(CreateUser::Created)
    }

    async fn find(&self, username: Username) -> Result<Option<User>, PortError> {
        let State { users, names } = &*lock(&self.state);
        Ok(names.get(&username.key()).and_then(|id| users.get(id)).cloned())
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, PortError> {
        Ok(lock(&self.state).users.get(&id).cloned())
    }
}
