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

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
