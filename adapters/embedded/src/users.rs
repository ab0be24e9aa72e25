//! Users, one row each.

use std::sync::Arc;

use async_trait::async_trait;
use pixmill::ports::{CreateUser, PortError, Users};
use pixmill::{PasswordHash, User, UserId, Username};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::columns::{millis, timestamp, user_id};
use crate::database::Database;
use crate::error::DatabaseError;
use crate::writer::Durability;

/// The users in the database.
#[derive(Debug, Clone)]
pub struct SqliteUsers {
    database: Arc<Database>,
}

impl SqliteUsers {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Users for SqliteUsers {
    async fn create(&self, user: User) -> Result<CreateUser, PortError> {
        let insert = move |connection: &Connection| {
            let User { id, username, password, created_at } = &user;
            let sql = "INSERT INTO users (id, username, username_key, password, created_at)
                       VALUES (?, ?, ?, ?, ?) ON CONFLICT (username_key) DO NOTHING";
            let inserted = connection.prepare_cached(sql)?.execute(params![
                id.as_bytes(),
                username.as_str(),
                username.key(),
                password.expose(),
                millis(*created_at),
            ])?;
            Ok(if inserted == 1 { CreateUser::Created } else { CreateUser::Taken })
        };
        self.database.write("users.create", Durability::Durable, insert, |created| created).await
    }

    async fn find(&self, username: Username) -> Result<Option<User>, PortError> {
        let key = username.key();
        self.database
            .read("users.find", move |connection| select(connection, "username_key = ?", [key]))
            .await
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, PortError> {
        self.database.read("users.get", move |connection| select(connection, "id = ?", [id.as_bytes()])).await
    }
}

fn select(connection: &Connection, which: &str, key: impl Params) -> Result<Option<User>, DatabaseError> {
    let sql = format!("SELECT id, username, password, created_at FROM users WHERE {which}");
    Ok(connection.prepare_cached(&sql)?.query_row(key, read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    let username = Username::parse(&row.get::<_, String>(1)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, Box::new(error)))?;
    Ok(User {
        id: user_id(row, 0)?,
        username,
        password: PasswordHash::from_phc(row.get::<_, String>(2)?),
        created_at: timestamp(row, 3)?,
    })
}
