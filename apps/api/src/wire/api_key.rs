//! API keys as clients see them.

use pixmill::{ApiKey, KeyScope};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use crate::wire::given;
use crate::wire::time::DateTime;

/// What an API key is good for: `read` to look at what its owner has, `write` to upload, transform and delete,
/// `admin` for what its owner may do as operator or admin.
#[derive(Enum, Serialize, Deserialize, Clone, Copy)]
#[oai(rename_all = "lowercase", rename = "Scope")]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScopeName {
    Read,
    Write,
    Admin,
}

impl From<ScopeName> for KeyScope {
    fn from(scope: ScopeName) -> Self {
        match scope {
            ScopeName::Read => Self::Read,
            ScopeName::Write => Self::Write,
            ScopeName::Admin => Self::Admin,
        }
    }
}

impl From<KeyScope> for ScopeName {
    fn from(scope: KeyScope) -> Self {
        match scope {
            KeyScope::Read => Self::Read,
            KeyScope::Write => Self::Write,
            KeyScope::Admin => Self::Admin,
        }
    }
}

/// A key to be made.
#[derive(Object, Deserialize)]
#[oai(deny_unknown_fields, rename_all = "camelCase", example)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ApiKeyRequest {
    /// What you call it: 1 to 100 characters.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub(crate) name: String,
    /// What it is good for.
    #[oai(validator(min_items = 1))]
    pub(crate) scopes: Vec<ScopeName>,
    /// In how many days it ends; never if absent.
    #[oai(validator(minimum(value = "1"), maximum(value = "3650")))]
    #[serde(default, deserialize_with = "given::some_whole")]
    pub(crate) expires_in_days: Option<i64>,
}

impl ApiKeyRequest {
    /// The longest that a key may last if it ends.
    pub(crate) const MOST_DAYS: u64 = 3650;
}

impl Example for ApiKeyRequest {
    fn example() -> Self {
        let scopes = vec![ScopeName::Read, ScopeName::Write];
        Self { name: "nightly import".to_owned(), scopes, expires_in_days: Some(365) }
    }
}

/// An API key, without its secret.
#[derive(Object, Serialize)]
#[oai(rename = "ApiKey", rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyView {
    /// The id: 24 hexadecimal characters, which the key itself begins with after `pixmill_`.
    pub(crate) id: String,
    /// What you call it.
    pub(crate) name: String,
    /// What it is good for.
    pub(crate) scopes: Vec<ScopeName>,
    /// When it was made.
    pub(crate) created_at: DateTime,
    /// When it ends; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<DateTime>,
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.into(),
            scopes: key.scopes.into_iter().map(ScopeName::from).collect(),
            created_at: DateTime(key.created_at),
            expires_at: key.expires_at.map(DateTime),
        }
    }
}

/// A key that was made now.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyMade {
    /// The key, to be sent as `Authorization: Bearer <key>`. It is told here and never again.
    pub(crate) key: String,
    /// What is known of it.
    pub(crate) api_key: ApiKeyView,
}

/// All keys of a user.
#[derive(Object, Serialize)]
pub(crate) struct ApiKeyList {
    /// The keys, newest first.
    pub(crate) items: Vec<ApiKeyView>,
}
