//! API keys: what programs log in with. A key has an owner, scopes that say what it is good for, and an end if one
//! was set. Of its secret only a hash is kept.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::content::ContentHash;
use crate::ids::{ApiKeyId, UserId, random_bytes};
use crate::secret::Secret;
use crate::time::Timestamp;

/// What an API key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Looking at what its owner has.
    Read,
    /// Uploading, transforming, deleting.
    Write,
    /// What the owner may do as operator or admin.
    Admin,
}

impl KeyScope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The scope's name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// An API key, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// The id, which is part of the token.
    pub id: ApiKeyId,
    /// Whose key it is.
    pub owner: UserId,
    /// What the owner calls it.
    pub name: ApiKeyName,
    /// What it is good for; at least one.
    pub scopes: BTreeSet<KeyScope>,
    /// SHA-256 of the secret. The secret is random and long, so a slow hash would protect nothing.
    pub secret: ContentHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
}

/// What an owner calls a key: 1 to 100 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiKeyName(String);

impl ApiKeyName {
    /// Most characters.
    pub const MAX_CHARS: usize = 100;

    /// Checks length and characters.
    pub fn parse(text: &str) -> Result<Self, ApiKeyNameError> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ApiKeyNameError)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ApiKeyName {
    type Error = ApiKeyNameError;

    fn try_from(text: String) -> Result<Self, ApiKeyNameError> {
        Self::parse(&text)
    }
}

impl From<ApiKeyName> for String {
    fn from(name: ApiKeyName) -> Self {
        name.0
    }
}

/// The text is no name for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a key has 1 to 100 characters, none of them a control character")]
pub struct ApiKeyNameError;

/// What a program sends: `pixmill_`, the key's id, `_`, and the secret as 64 hexadecimal digits. The beginning lets
/// scanners of source code find keys that were committed by mistake.
#[derive(Debug, Clone)]
pub struct ApiKeyToken {
    /// Which key it claims to be.
    pub id: ApiKeyId,
    secret: Secret,
}

/// The text is no API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an API key is pixmill_, an id, _ and 64 hexadecimal digits")]
pub struct ParseApiKeyError;

impl ApiKeyToken {
    /// What every API key begins with.
    pub const PREFIX: &str = "pixmill_";

    /// A new random one.
    pub(crate) fn random(id: ApiKeyId) -> Self {
        Self { id, secret: Secret::new(hex::encode(random_bytes::<32>())) }
    }

    /// What is kept of the secret.
    pub(crate) fn hash(&self) -> ContentHash {
        ContentHash::of(self.secret.expose().as_bytes())
    }

    /// Whether this is that key.
    pub fn is_for(&self, key: &ApiKey) -> bool {
        // Who learns from the time it takes how much of a hash is right still has to find what hashes to it.
        self.id == key.id && self.hash() == key.secret
    }

    /// The whole key, for its owner to keep.
    pub fn expose(&self) -> Secret {
        Secret::new(format!("{}{}_{}", Self::PREFIX, self.id, self.secret.expose()))
    }
}

impl FromStr for ApiKeyToken {
    type Err = ParseApiKeyError;

    fn from_str(text: &str) -> Result<Self, ParseApiKeyError> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(ParseApiKeyError)?;
        let (id, secret) = rest.split_once('_').ok_or(ParseApiKeyError)?;
        let id = id.parse().map_err(|_| ParseApiKeyError)?;
        let digits = secret.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if secret.len() == 64 && digits {
            Ok(Self { id, secret: Secret::new(secret) })
        } else {
            Err(ParseApiKeyError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(token: &ApiKeyToken) -> ApiKey {
        ApiKey {
            id: token.id,
            owner: UserId::random(),
            name: ApiKeyName::parse("nightly import").unwrap(),
            scopes: BTreeSet::from([KeyScope::Read]),
            secret: token.hash(),
            created_at: Timestamp::EPOCH,
            expires_at: None,
        }
    }

    #[test]
    fn a_key_knows_its_token() {
        let token = ApiKeyToken::random(ApiKeyId::random());
        let key = key(&token);
        let sent: ApiKeyToken = token.expose().expose().parse().unwrap();
        assert!(sent.is_for(&key));
        assert!(!ApiKeyToken::random(token.id).is_for(&key), "another secret");
        assert!(!sent.is_for(&ApiKey { id: ApiKeyId::random(), ..key }), "another key");
    }

    #[test]
    fn what_is_no_token_is_told() {
        let good = ApiKeyToken::random(ApiKeyId::random()).expose().expose().to_owned();
        for bad in [
            "",
            "pixmill_",
            "pixmill__",
            &good[1..],
            &good[..good.len() - 1],
            &format!("{good}0"),
            &good.to_uppercase(),
            &good.replace("pixmill_", "pixmill-"),
        ] {
            assert_eq!(bad.parse::<ApiKeyToken>().unwrap_err(), ParseApiKeyError, "{bad}");
        }
    }

    #[test]
    fn names_are_short_and_printable() {
        assert_eq!(ApiKeyName::parse("Büro & Co").unwrap().as_str(), "Büro & Co");
        for bad in ["", "a\nb", &"x".repeat(101)] {
            assert_eq!(ApiKeyName::parse(bad), Err(ApiKeyNameError), "{bad:?}");
        }
    }

    #[test]
    fn nothing_prints_a_secret() {
        let token = ApiKeyToken::random(ApiKeyId::random());
        let secret = token.expose().expose()[33..].to_owned();
        assert!(!format!("{token:?}{:?}", key(&token)).contains(&secret));
    }
}
