//! Images and their versions. An image is never changed: a saved result is a new version with a parent.

use pixmill_engine::Description;
use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::ids::{ImageId, JobId, UserId};
use crate::time::Timestamp;

/// An uploaded image, seen through its current version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The id, the same for all versions.
    pub id: ImageId,
    /// Whose it is.
    pub owner: UserId,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// The version that transformations start from.
    pub current: Version,
    /// The version that redo would make current, if the last move was an undo.
    pub redo: Option<u32>,
}

/// One state of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// 1 is the upload; numbers grow and are never used again.
    pub number: u32,
    /// The version it was made from; absent for the upload.
    pub parent: Option<u32>,
    /// The job that made it; absent for the upload.
    pub job: Option<JobId>,
    /// The bytes.
    pub content: Content,
    /// What they show; absent where that could not be found out.
    pub description: Option<Description>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Version {
    /// Number of the uploaded file.
    pub const FIRST: u32 = 1;

    /// The uploaded file as the first version.
    pub fn original(content: Content, description: Option<Description>, created_at: Timestamp) -> Self {
        Self { number: Self::FIRST, parent: None, job: None, content, description, created_at }
    }
}

/// A result about to become a version. The job's id makes adding it idempotent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// The image it belongs to.
    pub image: ImageId,
    /// The job that made it.
    pub job: JobId,
    /// The version it was made from.
    pub parent: u32,
    /// The bytes.
    pub content: Content,
    /// What they show, if that is known.
    pub description: Option<Description>,
}
