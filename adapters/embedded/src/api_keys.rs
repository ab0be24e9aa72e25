//! API keys, one row each.

use std::sync::Arc;

use async_trait::async_trait;
use pixmill::ports::{ApiKeys, PortError};
use pixmill::{ApiKey, ApiKeyId, UserId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{millis, row_limit};
use crate::database::Database;
use crate::writer::Durability::Durable;

/// The API keys in the database.
#[derive(Debug, Clone)]
pub struct SqliteApiKeys {
    database: Arc<Database>,
}

impl SqliteApiKeys {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl ApiKeys for SqliteApiKeys {
    async fn add(&self, key: ApiKey, most: usize) -> Result<bool, PortError> {
        let insert = move |connection: &Connection| {
            let sql = "INSERT INTO api_keys (id, owner, created_at, api_key) SELECT ?1, ?2, ?3, ?4
                       WHERE (SELECT count(*) FROM api_keys WHERE owner = ?2) < ?5";
            let added = connection.prepare_cached(sql)?.execute(params![
                key.id.as_bytes(),
                key.owner.as_bytes(),
                millis(key.created_at),
                serde_json::to_string(&key)?,
                row_limit(most),
            ])?;
            Ok(added == 1)
        };
        self.database.write("api_keys.add", Durable, insert, |added| added).await
    }

    async fn get(&self, id: ApiKeyId) -> Result<Option<ApiKey>, PortError> {
        let select = move |connection: &Connection| {
            let sql = "SELECT api_key FROM api_keys WHERE id = ?";
            let json: Option<String> =
                connection.prepare_cached(sql)?.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
            Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
        };
        self.database.read("api_keys.get", select).await
    }

    async fn list(&self, owner: UserId) -> Result<Vec<ApiKey>, PortError> {
        let select = move |connection: &Connection| {
            let sql = "SELECT api_key FROM api_keys WHERE owner = ? ORDER BY created_at DESC, id DESC";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([owner.as_bytes()])?;
            let mut keys = Vec::new();
            while let Some(row) = rows.next()? {
                keys.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
            }
            Ok(keys)
        };
        self.database.read("api_keys.list", select).await
    }

    async fn remove(&self, owner: UserId, id: ApiKeyId) -> Result<bool, PortError> {
        let delete = move |connection: &Connection| {
            let sql = "DELETE FROM api_keys WHERE id = ? AND owner = ?";
            Ok(connection.prepare_cached(sql)?.execute([id.as_bytes(), owner.as_bytes()])? == 1)
        };
        self.database.write("api_keys.remove", Durable, delete, |removed| removed).await
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        let delete = move |connection: &Connection| {
            let sql = "DELETE FROM api_keys WHERE owner = ?";
            connection.prepare_cached(sql)?.execute([owner.as_bytes()])?;
            Ok(())
        };
        self.database.write("api_keys.forget", Durable, delete, |()| ()).await
    }
}
