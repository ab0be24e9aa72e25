//! The repository of users. What a change means is [`User`]'s own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Clock, CreateUser, DeletedUser, Page, PageRequest, PortError, Users};
use pixmill::{Timestamp, User, UserChange, UserId, Username};

use crate::lock;
use crate::timeline::newest_first;

/// Users in memory.
pub struct MemoryUsers {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    users: HashMap<UserId, Record>,
    names: HashMap<String, UserId>,
}

struct Record {
    user: User,
    /// When the grace of a deleted user ends.
    deleted: Option<Timestamp>,
}

impl MemoryUsers {
    /// No users. Graces run by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }
}

impl State {
    fn present(&self, id: UserId) -> Option<&User> {
        self.users.get(&id).filter(|record| record.deleted.is_none()).map(|record| &record.user)
    }

    fn present_mut(&mut self, id: UserId) -> Option<&mut Record> {
        self.users.get_mut(&id).filter(|record| record.deleted.is_none())
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
        users.insert(user.id, Record { user, deleted: None });
        Ok(CreateUser::Created)
    }

    async fn find(&self, username: Username) -> Result<Option<User>, PortError> {
        let state = lock(&self.state);
        Ok(state.names.get(&username.key()).and_then(|id| state.present(*id)).cloned())
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, PortError> {
        Ok(lock(&self.state).present(id).cloned())
    }

    async fn list(&self, page: PageRequest<UserId>) -> Result<Page<User>, PortError> {
        let state = lock(&self.state);
        let present =
            state.users.values().filter(|record| record.deleted.is_none()).map(|record| &record.user);
        // The place of a deleted user is known until they are purged.
        let after = page.after.and_then(|id| state.users.get(&id)).map(|record| &record.user);
        let after = after.map(|user| (user.created_at, user.id));
        Ok(newest_first(present, page, after, |user| (user.created_at, user.id)))
    }

    async fn change(&self, id: UserId, change: UserChange) -> Result<Option<User>, PortError> {
        Ok(lock(&self.state).present_mut(id).map(|record| {
            record.user.apply(change);
            record.user.clone()
        }))
    }

    async fn delete(&self, id: UserId, grace: Duration) -> Result<bool, PortError> {
        let due = self.clock.now() + grace;
        Ok(lock(&self.state).present_mut(id).map(|record| record.deleted = Some(due)).is_some())
    }

    async fn deleted(&self, limit: usize) -> Result<Vec<DeletedUser>, PortError> {
        let now = self.clock.now();
        let state = lock(&self.state);
        let mut deleted: Vec<_> =
            state.users.values().filter_map(|record| Some((record.deleted?, record.user.id))).collect();
        deleted.sort();
        Ok(deleted.into_iter().take(limit).map(|(due, id)| DeletedUser { id, due: due <= now }).collect())
    }

    async fn purge(&self, id: UserId) -> Result<(), PortError> {
        let State { users, names } = &mut *lock(&self.state);
        if let Some(Record { user, deleted: Some(_) }) = users.get(&id) {
            names.remove(&user.username.key());
            users.remove(&id);
        }
        Ok(())
    }
}
