//! Stored bytes and what is known of them: keys, hashes, sizes.

use std::fmt;
use std::str::FromStr;

use pixmill_engine::{Format, Header, Orientation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{ImageId, JobId};

/// SHA-256 of a file's bytes, in hexadecimal.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentHash(String);

impl ContentHash {
    /// Hashes these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(bytes)))
    }

    /// Finishes a hash that was fed piece by piece.
    pub fn from_sha256(hasher: Sha256) -> Self {
        Self(hex::encode(hasher.finalize()))
    }

    /// The hash with these digits.
    pub fn parse(text: &str) -> Result<Self, ParseContentHashError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseContentHashError)
        }
    }

    /// The 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a content hash is 64 lower-case hexadecimal digits")]
pub struct ParseContentHashError;

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({})", self.0)
    }
}

/// An image file that is stored, with what its header said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// Where the bytes are.
    pub blob: BlobKey,
    /// SHA-256 of the bytes.
    pub hash: ContentHash,
    /// Number of bytes.
    pub bytes: u64,
    /// The format.
    pub format: Format,
    /// Width in pixels once upright.
    pub width: u32,
    /// Height in pixels once upright.
    pub height: u32,
    /// Whether pixels may be transparent.
    pub alpha: bool,
}

impl Content {
    /// The header as planning needs it: sizes are upright already.
    pub fn header(&self) -> Header {
        Header {
            format: self.format,
            width: self.width,
            height: self.height,
            orientation: Orientation::UPRIGHT,
            alpha: self.alpha,
            // Nothing that is decided before the file is at hand depends on it.
            frames: 1,
        }
    }
}

/// Names a blob. Keys are made here from ids, never from what a client sent.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobKey(String);

impl BlobKey {
    /// The file that was uploaded as `image`.
    pub fn original(image: ImageId) -> Self {
        Self(format!("images/{image}/original"))
    }

    /// The version of `image` that `job` saved.
    pub fn version(image: ImageId, job: JobId) -> Self {
        Self(format!("images/{image}/{job}"))
    }

    /// The unsaved result of `job` on `image`.
    pub fn preview(image: ImageId, job: JobId) -> Self {
        Self(format!("previews/{image}/{job}"))
    }

    /// Where a job stores the same after it was opened anew so often. What is still under way for an earlier generation, a
    /// straggler or a removal, does not reach it.
    #[must_use]
    pub fn in_generation(self, generation: usize) -> Self {
        match generation {
            0 => self,
            later => Self(format!("{}g{later}", self.0)),
        }
    }

    /// Whether it is the place for a later generation of the same.
    pub fn is_later_than(&self, other: &Self) -> bool {
        // Generations have no leading zeros, so that the larger one is the longer one, or the one that comes later as a text.
        (self.0.len(), &self.0) > (other.0.len(), &other.0)
    }

    /// The key as text: segments of lower-case letters and digits, separated by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobKey({})", self.0)
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no blob key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a blob key is segments of a-z and 0-9 separated by single slashes, at most 200 bytes")]
pub struct ParseBlobKeyError;

impl FromStr for BlobKey {
    type Err = ParseBlobKeyError;

    fn from_str(text: &str) -> Result<Self, ParseBlobKeyError> {
        let segment =
            |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.len() <= 200 && text.split('/').all(segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseBlobKeyError)
        }
    }
}

impl TryFrom<String> for BlobKey {
    type Error = ParseBlobKeyError;

    fn try_from(text: String) -> Result<Self, ParseBlobKeyError> {
        text.parse()
    }
}

impl From<BlobKey> for String {
    fn from(key: BlobKey) -> Self {
        key.0
    }
}

/// The beginning that some keys share. It ends with `/`, or is empty for all keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobPrefix(String);

impl BlobPrefix {
    /// Every blob.
    pub fn all() -> Self {
        Self(String::new())
    }

    /// Everything that is stored for `image`: the original and saved versions, then unsaved results.
    pub fn of_image(image: ImageId) -> [Self; 2] {
        [Self(format!("images/{image}/")), Self(format!("previews/{image}/"))]
    }

    /// The text that the keys begin with.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_leave_the_store_are_refused() {
        for text in ["", "/", "a/", "/a", "a//b", "..", "a/../b", "a\\b", "A", "a b", "a\0", &"a".repeat(201)]
        {
            assert_eq!(text.parse::<BlobKey>(), Err(ParseBlobKeyError), "{text:?}");
        }
    }

    #[test]
    fn our_own_keys_survive_their_text() {
        let (image, job) = (ImageId::random(), JobId::random());
        let (version, preview) = (BlobKey::version(image, job), BlobKey::preview(image, job));
        let later = BlobKey::version(image, job).in_generation(12);
        for key in [BlobKey::original(image), version, preview, later] {
            assert_eq!(key.as_str().parse(), Ok(key.clone()));
            assert!(
                BlobPrefix::of_image(image).iter().any(|prefix| key.as_str().starts_with(prefix.as_str()))
            );
        }
    }

    #[test]
    fn each_generation_has_a_place_of_its_own_and_is_later_than_those_before() {
        let first = BlobKey::preview(ImageId::random(), JobId::random());
        let all = [0, 1, 2, 9, 10, 11, 99, 100].map(|generation| first.clone().in_generation(generation));
        assert_eq!(all[0], first);
        for pair in all.windows(2) {
            assert!(pair[1].is_later_than(&pair[0]) && !pair[0].is_later_than(&pair[1]), "{pair:?}");
        }
        assert!(!first.is_later_than(&first));
    }
}
