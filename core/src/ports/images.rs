//! Where images and their versions are kept.

use std::time::Duration;

use async_trait::async_trait;

use crate::content::BlobKey;
use crate::history::{Step, Stepped};
use crate::ids::{ImageId, UserId};
use crate::image::{Image, NewVersion, Version};
use crate::ports::PortError;

/// Which part of a list is wanted: newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<Id> {
    /// Continue after this entry, the last of the page before.
    pub after: Option<Id>,
    /// At most this many entries, at least 1.
    pub limit: usize,
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// The repository of images.
///
/// An image passes through three stages: reserved (its id is taken, its bytes may be arriving), present, and
/// deleted (it can't be seen any more, its blobs may still be there). Reserved and deleted images fall due for
/// removal, so that whatever happens between two steps, no blob outlives its image.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Images: Send + Sync + 'static {
    /// Announces that blobs of a new image are about to be written.
    ///
    /// # Behavior
    /// - A reserved image can't be seen by `get`, `version`, `versions` or `list`.
    /// - Unless `insert` follows within `ttl`, the image falls due for removal.
    ///
    /// # Cancellation
    /// Dropping the future leaves the image reserved or not, never in part.
    async fn reserve(&self, id: ImageId, ttl: Duration) -> Result<(), PortError>;

    /// Extends a reservation that has not lapsed. `false` means that there is none.
    ///
    /// # Behavior
    /// - A renewed reservation lasts `ttl` from now.
    /// - What has lapsed, is present or deleted, or was never reserved is left as it is.
    async fn renew(&self, id: ImageId, ttl: Duration) -> Result<bool, PortError>;

    /// Makes a reserved image present. Its `current` version must be the first.
    ///
    /// # Behavior
    /// - An inserted image is seen by its owner, with all fields as given, and no longer falls due.
    /// - Without a reservation (it was removed meanwhile) nothing changes and the answer is `false`.
    async fn insert(&self, image: Image) -> Result<bool, PortError>;

    /// Finds a user's image.
    ///
    /// # Behavior
    /// - Another user's image, a reserved or deleted one and an unknown id all give `None`.
    async fn get(&self, owner: UserId, id: ImageId) -> Result<Option<Image>, PortError>;

    /// Lists a user's images, newest first (by creation, then by id).
    ///
    /// # Behavior
    /// - Pages follow each other without a gap or a repetition, also while images are added.
    /// - Only the owner's present images are listed.
    /// - A page after an image that is gone continues at its place if the back end can tell it, and is empty
    ///   otherwise.
    async fn list(&self, owner: UserId, page: PageRequest<ImageId>) -> Result<Page<Image>, PortError>;

    /// Finds one version of a present image, whoever owns it: callers check the right to it.
    ///
    /// # Behavior
    /// - Unknown numbers, and images that are not present, give `None`.
    async fn version(&self, id: ImageId, number: u32) -> Result<Option<Version>, PortError>;

    /// All versions of a present image, ascending.
    ///
    /// # Behavior
    /// - An image that is not present has none.
    async fn versions(&self, id: ImageId) -> Result<Vec<Version>, PortError>;

    /// How many images a user has, and how many bytes all their versions take.
    ///
    /// # Behavior
    /// - Present images and all their versions count, and nothing of other users.
    async fn usage(&self, owner: UserId) -> Result<(u64, u64), PortError>;

    /// Adds a version and makes it current. Returns its number, or `None` if the image is not present.
    ///
    /// # Behavior
    /// - The number is larger than that of any version the image ever had.
    /// - The same job adds one version, however often it calls: the number is the same each time, and what is
    ///   current does not change again.
    /// - What it makes in a later generation takes the place of what a straggler has added, and not the other way round: see
    ///   [`BlobKey::in_generation`].
    /// - Of concurrent additions each gets a number of its own, and the last one is current.
    /// - Afterwards there is nothing to redo.
    async fn add_version(&self, version: NewVersion) -> Result<Option<u32>, PortError>;

    /// Takes back the version whose bytes are at `blob`; nothing if there is none.
    ///
    /// # Behavior
    /// - If it was current, its parent is current afterwards.
    /// - Undo and redo pass over it.
    async fn drop_version(&self, id: ImageId, blob: BlobKey) -> Result<(), PortError>;

    /// Makes another version of a user's image current, as [`History`](crate::History) says.
    ///
    /// # Behavior
    /// - Undo leads to the parent, redo back through what undo has left.
    /// - Restoring leads to any version, after which there is nothing to redo.
    /// - With nothing to undo or redo, and to an unknown version, nothing changes.
    /// - Where `get` would find nothing the answer is `NoImage`.
    /// - Of concurrent steps each starts where another ended.
    async fn step(&self, owner: UserId, id: ImageId, step: Step) -> Result<Stepped, PortError>;

    /// Deletes a user's image. The caller removes the blobs at once; `grace` later the image falls due, for what
    /// a straggling writer may have added since.
    ///
    /// # Behavior
    /// - The image, its versions and its place in lists are gone when the call returns.
    /// - The answer is `false` where `get` would find nothing.
    async fn delete(&self, owner: UserId, id: ImageId, grace: Duration) -> Result<bool, PortError>;

    /// Images whose blobs are to be removed now: reservations that expired, and deleted images whose grace has
    /// passed. At most `limit` of them.
    ///
    /// # Behavior
    /// - Present images never fall due.
    /// - An image falls due until it is purged.
    /// - An expired reservation that falls due can't be inserted any more.
    async fn due_removals(&self, limit: usize) -> Result<Vec<ImageId>, PortError>;

    /// Forgets a reserved or deleted image after its blobs are removed.
    ///
    /// # Behavior
    /// - A purged image no longer falls due, and can't be inserted.
    /// - A present image is left alone.
    async fn purge(&self, id: ImageId) -> Result<(), PortError>;
}
