//! The repository of users. What a change means is [`User`]'s own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};
use pixmill::ports::{CreateUser, DeletedUser, Page, PageRequest, PortError, Users};
use pixmill::{PasswordHash, Role, Timestamp, User, UserChange, UserId, UserQuota, Username};
use serde::{Deserialize, Serialize};

use crate::documents::{Documents, Record, after, at_most, millis, oid};
use crate::error::unreadable;
use crate::server::Server;

/// Users in MongoDB.
#[derive(Debug)]
pub struct MongoUsers {
    users: Documents<UserRecord>,
}

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserRecord {
    id: UserId,
    username: Username,
    password: String,
    created_at: Timestamp,
    role: String,
    disabled: bool,
    quota: Option<UserQuota>,
    epoch: u32,
    /// When the grace of a deleted user ends.
    due_at: Option<Timestamp>,
}

impl Record for UserRecord {
    fn indexed(&self) -> Document {
        doc! {
            "nameKey": self.username.key(),
            "createdAt": millis(self.created_at),
            "dueAt": self.due_at.map(millis),
        }
    }
}

impl UserRecord {
    fn new(user: &User, due_at: Option<Timestamp>) -> Self {
        let User { id, username, password, created_at, role, disabled, quota, epoch } = user.clone();
        Self {
            id,
            username,
            password: password.expose().to_owned(),
            created_at,
            role: role.name().to_owned(),
            disabled,
            quota,
            epoch,
            due_at,
        }
    }

    fn user(&self) -> Option<User> {
        let Self { id, username, password, created_at, role, disabled, quota, epoch, due_at: _ } =
            self.clone();
        let (password, role) = (PasswordHash::from_phc(password), Role::from_name(&role)?);
        Some(User { id, username, password, created_at, role, disabled, quota, epoch })
    }

    fn read(self, operation: &'static str) -> Result<User, PortError> {
        self.user().ok_or_else(|| unreadable(format!("no role is named {:?}", self.role), operation))
    }
}

/// Users who are not deleted.
fn present() -> Document {
    doc! { "dueAt": Bson::Null }
}

/// Users who are deleted: a number is never compared with what is none.
fn gone() -> Document {
    doc! { "dueAt": { "$gte": 0_i64 } }
}

impl MongoUsers {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self { users: Documents::new(server, "users") }
    }
}

#[async_trait]
impl Users for MongoUsers {
    async fn create(&self, user: User) -> Result<CreateUser, PortError> {
        let created =
            self.users.insert("users.create", oid(user.id.as_bytes()), &UserRecord::new(&user, None)).await?;
        Ok(if created { CreateUser::Created } else { CreateUser::Taken })
    }

    async fn find(&self, username: Username) -> Result<Option<User>, PortError> {
        const OPERATION: &str = "users.find";
        let mut filter = present();
        filter.insert("nameKey", username.key());
        self.users.one(OPERATION, filter).await?.map(|record| record.read(OPERATION)).transpose()
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, PortError> {
        const OPERATION: &str = "users.get";
        let mut filter = present();
        filter.insert("_id", oid(id.as_bytes()));
        self.users.one(OPERATION, filter).await?.map(|record| record.read(OPERATION)).transpose()
    }

    async fn list(&self, page: PageRequest<UserId>) -> Result<Page<User>, PortError> {
        const OPERATION: &str = "users.list";
        let mut filter = present();
        if let Some(last) = page.after {
            // The place of a deleted user is known until they are purged.
            let Some(last) = self.users.get(OPERATION, oid(last.as_bytes())).await? else {
                return Ok(Page { items: Vec::new(), more: false });
            };
            filter.extend(after(last.created_at, oid(last.id.as_bytes())));
        }
        let Page { items, more } = self.users.page(OPERATION, filter, &page).await?;
        let items = items.into_iter().map(|record| record.read(OPERATION)).collect::<Result<_, _>>()?;
        Ok(Page { items, more })
    }

    async fn change(&self, id: UserId, change: UserChange) -> Result<Option<User>, PortError> {
        const OPERATION: &str = "users.change";
        let changed = self.users.change(OPERATION, oid(id.as_bytes()), |record, _| {
            if record.due_at.is_some() {
                return None;
            }
            let mut user = record.user();
            if let Some(user) = &mut user {
                user.apply(change.clone());
                *record = UserRecord::new(user, None);
            }
            Some(user.ok_or_else(|| unreadable("a role that this version does not know", OPERATION)))
        });
        changed.await?.flatten().transpose()
    }

    async fn delete(&self, id: UserId, grace: Duration) -> Result<bool, PortError> {
        let deleted = self.users.change("users.delete", oid(id.as_bytes()), |record, now| {
            let present = record.due_at.is_none();
            if present {
                record.due_at = Some(now + grace);
            }
            present
        });
        Ok(deleted.await?.unwrap_or(false))
    }

    async fn deleted(&self, limit: usize) -> Result<Vec<DeletedUser>, PortError> {
        const OPERATION: &str = "users.deleted";
        let now = self.users.now(OPERATION).await?;
        let found = self.users.find(OPERATION, gone(), doc! { "dueAt": 1 }, at_most(limit)).await?;
        let deleted = |record: UserRecord| Some(DeletedUser { id: record.id, due: record.due_at? <= now });
        Ok(found.into_iter().filter_map(deleted).collect())
    }

    async fn purge(&self, id: UserId) -> Result<(), PortError> {
        let mut filter = gone();
        filter.insert("_id", oid(id.as_bytes()));
        self.users.remove("users.purge", filter).await.map(drop)
    }
}
