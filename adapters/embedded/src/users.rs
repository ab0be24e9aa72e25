//! Users, one row each; that of a deleted user stays until the user is purged. What a change means is [`User`]'s own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Clock, CreateUser, DeletedUser, Page, PageRequest, PortError, Users};
use pixmill::{PasswordHash, Role, User, UserChange, UserId, Username};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::columns::{Cursor, millis, row_limit, timestamp, user_id};
use crate::database::Database;
use crate::error::{DatabaseError, OpenError};
use crate::writer::Durability::Durable;

/// The users in the database.
#[derive(Clone)]
pub struct SqliteUsers {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteUsers {
    pub(crate) fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// Opens the users of a data folder alone, also while a server runs on it. Makes the folder if need be.
    ///
    /// # Errors
    /// If the folder can't be used, or belongs to another version of Pixmill.
    pub fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let (database, _) = Database::for_a_command(data_dir, clock.as_ref())?;
        Ok(Self::new(Arc::new(database), clock))
    }
}

#[async_trait]
impl Users for SqliteUsers {
    async fn create(&self, user: User) -> Result<CreateUser, PortError> {
        let insert = move |connection: &Connection| {
            let User { id, username, password, created_at, role, disabled, quota, epoch } = &user;
            let sql =
                "INSERT INTO users (id, username, username_key, password, created_at, role, disabled, epoch, quota)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (username_key) DO NOTHING";
            let inserted = connection.prepare_cached(sql)?.execute(params![
                id.as_bytes(),
                username.as_str(),
                username.key(),
                password.expose(),
                millis(*created_at),
                role.name(),
                disabled,
                epoch,
                quota.map(|quota| serde_json::to_string(&quota)).transpose()?,
            ])?;
            Ok(if inserted == 1 { CreateUser::Created } else { CreateUser::Taken })
        };
        self.database.write("users.create", Durable, insert, |created| created).await
    }

    async fn find(&self, username: Username) -> Result<Option<User>, PortError> {
        let key = username.key();
        self.database
            .read("users.find", move |connection| select(connection, "username_key = ?", [key]))
            .await
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, PortError> {
        self.database.read("users.get", move |connection| by_id(connection, id)).await
    }

    async fn list(&self, page: PageRequest<UserId>) -> Result<Page<User>, PortError> {
        let list = move |connection: &Connection| {
            let Some(Cursor { created_at, id }) = cursor(connection, page.after)? else {
                return Ok(Page { items: Vec::new(), more: false });
            };
            let sql =
                format!("{SELECT} AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?");
            let mut statement = connection.prepare_cached(&sql)?;
            let limit = row_limit(page.limit.saturating_add(1));
            let users = statement.query_map(params![created_at, id, limit], read)?;
            let mut items = users.collect::<rusqlite::Result<Vec<_>>>()?;
            let more = items.len() > page.limit;
            items.truncate(page.limit);
            Ok(Page { items, more })
        };
        self.database.read("users.list", list).await
    }

    async fn change(&self, id: UserId, change: UserChange) -> Result<Option<User>, PortError> {
        let update = move |connection: &Connection| {
            let Some(mut user) = by_id(connection, id)? else { return Ok(None) };
            user.apply(change);
            let sql =
                "UPDATE users SET password = ?, role = ?, disabled = ?, epoch = ?, quota = ? WHERE id = ?";
            let User { password, role, disabled, quota, epoch, .. } = &user;
            connection.prepare_cached(sql)?.execute(params![
                password.expose(),
                role.name(),
                disabled,
                epoch,
                quota.map(|quota| serde_json::to_string(&quota)).transpose()?,
                id.as_bytes(),
            ])?;
            Ok(Some(user))
        };
        self.database.write("users.change", Durable, update, |user| user).await
    }

    async fn delete(&self, id: UserId, grace: Duration) -> Result<bool, PortError> {
        let clock = Arc::clone(&self.clock);
        let mark = move |connection: &Connection| {
            let sql = "UPDATE users SET due_at = ? WHERE id = ? AND due_at IS NULL";
            let due = millis(clock.now() + grace);
            Ok(connection.prepare_cached(sql)?.execute(params![due, id.as_bytes()])? == 1)
        };
        self.database.write("users.delete", Durable, mark, |deleted| deleted).await
    }

    async fn deleted(&self, limit: usize) -> Result<Vec<DeletedUser>, PortError> {
        let now = self.clock.now();
        let list = move |connection: &Connection| {
            let sql = "SELECT id, due_at FROM users WHERE due_at IS NOT NULL ORDER BY due_at LIMIT ?";
            let mut statement = connection.prepare_cached(sql)?;
            let users = statement.query_map([row_limit(limit)], |row| {
                Ok(DeletedUser { id: user_id(row, 0)?, due: timestamp(row, 1)? <= now })
            })?;
            Ok(users.collect::<rusqlite::Result<_>>()?)
        };
        self.database.read("users.deleted", list).await
    }

    async fn purge(&self, id: UserId) -> Result<(), PortError> {
        let delete = move |connection: &Connection| {
            let sql = "DELETE FROM users WHERE id = ? AND due_at IS NOT NULL";
            connection.prepare_cached(sql)?.execute([id.as_bytes()])?;
            Ok(())
        };
        self.database.write("users.purge", Durable, delete, |()| ()).await
    }
}

fn by_id(connection: &Connection, id: UserId) -> Result<Option<User>, DatabaseError> {
    select(connection, "id = ?", [id.as_bytes()])
}

/// Users who are not deleted, in the order that `read` expects.
const SELECT: &str =
    "SELECT id, username, password, created_at, role, disabled, epoch, quota FROM users WHERE due_at IS NULL";

fn select(connection: &Connection, which: &str, key: impl Params) -> Result<Option<User>, DatabaseError> {
    let sql = format!("{SELECT} AND {which}");
    Ok(connection.prepare_cached(&sql)?.query_row(key, read).optional()?)
}

/// The place of a user in the list. Deleted ones are known until they are purged.
fn cursor(connection: &Connection, after: Option<UserId>) -> Result<Option<Cursor>, DatabaseError> {
    let Some(id) = after else { return Ok(Some(Cursor::start())) };
    let created_at = connection
        .prepare_cached("SELECT created_at FROM users WHERE id = ?")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(created_at.map(|created_at| Cursor { created_at, id: id.as_bytes().to_vec() }))
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    let unreadable = |column, error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error);
    let username = Username::parse(&row.get::<_, String>(1)?).map_err(|error| unreadable(1, error.into()))?;
    let (role, quota) = (row.get::<_, String>(4)?, row.get::<_, Option<String>>(7)?);
    Ok(User {
        id: user_id(row, 0)?,
        username,
        password: PasswordHash::from_phc(row.get::<_, String>(2)?),
        created_at: timestamp(row, 3)?,
        role: Role::from_name(&role)
            .ok_or_else(|| unreadable(4, format!("no role is named {role:?}").into()))?,
        disabled: row.get(5)?,
        epoch: row.get(6)?,
        quota: quota
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(|error| unreadable(7, error.into()))?,
    })
}
