//! The names of results: the same for the same work.

use pixmill_engine::Transformation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::content::ContentHash;
use crate::ids::UserId;

/// Names a result by what it is made from: SHA-256 over the hashes of the inputs, the canonical transformation
/// and the engine's version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Derivation(String);

impl Derivation {
    /// The name of what `transformation`, in canonical form, makes of `source` and `overlay` for `owner`.
    /// Results are never shared between users, so that timing tells nobody what others have.
    pub fn new(
        owner: UserId,
        source: &ContentHash,
        overlay: Option<&ContentHash>,
        transformation: &Transformation,
    ) -> Self {
        let transformation = serde_json::to_vec(transformation).expect("a transformation is plain data");
        let mut hasher = Sha256::new();
        hasher.update(owner.as_bytes());
        hasher.update(pixmill_engine::VERSION.to_be_bytes());
        hasher.update(source.as_str());
        hasher.update(overlay.map_or("", ContentHash::as_str));
        hasher.update([0]);
        hasher.update(&transformation);
        Self(hex::encode(hasher.finalize()))
    }

    /// The name of what `transformation` makes in one call of the engine with all of `list`, of which it is one. Their order
    /// does not matter; alone it is what [`new`](Self::new) says.
    pub fn among(
        owner: UserId,
        source: &ContentHash,
        overlay: Option<&ContentHash>,
        transformation: &Transformation,
        list: &[Transformation],
    ) -> Self {
        let alone = Self::new(owner, source, overlay, transformation);
        if list.len() < 2 {
            return alone;
        }
        let json = |one| serde_json::to_vec(one).expect("a transformation is plain data");
        let mut list: Vec<_> = list.iter().map(json).collect();
        list.sort();
        let mut hasher = Sha256::new();
        hasher.update(alone.as_str());
        // No JSON has this byte in it.
        for one in list {
            hasher.update(one);
            hasher.update([0]);
        }
        Self(hex::encode(hasher.finalize()))
    }

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
