//! A user's images: listing, reading and deleting them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt};

use crate::content::{BlobPrefix, Content};
use crate::history::{Step, Stepped};
use crate::ids::{ImageId, UserId};
use crate::image::{Image, Version};
use crate::job::{Job, STRAGGLER_GRACE};
use crate::ports::{Blob, BlobStoreExt, CacheKey, Event, Page, PageRequest, PortError, Retry};
use crate::services::Ports;
use crate::settings::Settings;
use crate::submit::announce;

/// Gives access to stored images.
#[derive(Clone)]
pub struct Library {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
}

impl Library {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>) -> Self {
        Self { ports, settings }
    }

    /// A user's image; `None` also for images of others.
    pub async fn get(&self, owner: UserId, id: ImageId) -> Result<Option<Image>, PortError> {
        self.ports.images.get(owner, id).await
    }

    /// A user's images, newest first.
    pub async fn list(&self, owner: UserId, page: PageRequest<ImageId>) -> Result<Page<Image>, PortError> {
        self.ports.images.list(owner, page).await
    }

    /// A user's image with all its versions, ascending; `None` also for images of others.
    pub async fn versions(
        &self,
        owner: UserId,
        id: ImageId,
    ) -> Result<Option<(Image, Vec<Version>)>, PortError> {
        let Some(image) = self.get(owner, id).await? else { return Ok(None) };
        Ok(Some((image, self.ports.images.versions(id).await?)))
    }

    /// Makes another version of a user's image current.
    pub async fn step(&self, owner: UserId, id: ImageId, step: Step) -> Result<Stepped, PortError> {
        self.ports.images.step(owner, id, step).await
    }

    /// The bytes of stored content, through the cache where it is small; `None` if they are gone. A range is
    /// read from the store.
    pub async fn open(
        &self,
        content: &Content,
        range: Option<Range<u64>>,
    ) -> Result<Option<Blob>, PortError> {
        let small = content.bytes <= self.settings.max_cached_bytes;
        if !small || range.is_some() {
            return self.ports.blobs.get(content.blob.clone(), range).await;
        }
        let key = CacheKey::of(&content.hash);
        match self.ports.cache.get(key.clone()).await {
            Ok(Some(bytes)) => return Ok(Some(whole(bytes))),
            Ok(None) => {}
            Err(error) => without_cache(&error),
        }
        let Some(bytes) = self.ports.blobs.get_bytes(content.blob.clone(), content.bytes).await? else {
            return Ok(None);
        };
        remember(&self.ports, &self.settings, content, bytes.clone()).await;
        Ok(Some(whole(bytes)))
    }

    /// Deletes a user's image with its versions, results, open jobs and cache entries. Returns whether there
    /// was one.
    pub async fn delete(&self, owner: UserId, id: ImageId) -> Result<bool, PortError> {
        let versions = self.ports.images.versions(id).await?;
        if !self.ports.images.delete(owner, id, STRAGGLER_GRACE).await? {
            return Ok(false);
        }
        self.clear(id).await?;
        for version in versions {
            if let Err(error) = self.ports.cache.remove(CacheKey::of(&version.content.hash)).await {
                tracing::warn!(image = %id, %error, "cache entry of a deleted image not removed");
            }
        }
        Ok(true)
    }

    /// Ends the open jobs on an image that is gone and removes its blobs. Safe to repeat.
    pub(crate) async fn clear(&self, id: ImageId) -> Result<(), PortError> {
        for job in self.ports.jobs.cancel_all(id).await? {
            announce(&self.ports, changed(&job)).await;
        }
        for prefix in BlobPrefix::of_image(id) {
            self.ports.blobs.delete_all(prefix).await?;
        }
        Ok(())
    }
}

/// Puts bytes into the cache if they are small enough. Failing to costs a line in the log.
pub(crate) async fn remember(ports: &Ports, settings: &Settings, content: &Content, bytes: Bytes) {
    if content.bytes > settings.max_cached_bytes {
        return;
    }
    if let Err(error) = ports.cache.put(CacheKey::of(&content.hash), bytes, settings.result_ttl).await {
        without_cache(&error);
    }
}

/// Every request meets a cache that is away; whoever runs the service hears of that elsewhere, and once.
fn without_cache(error: &PortError) {
    match error.retry() {
        Retry::Later(_) => tracing::debug!(%error, "going on without the cache"),
        Retry::Never => tracing::warn!(%error, "going on without the cache"),
    }
}

/// The news that a job has changed.
pub(crate) fn changed(job: &Job) -> Event {
    Event { owner: job.owner, job: job.id, status: job.status(), revision: job.revision }
}

fn whole(bytes: Bytes) -> Blob {
    Blob { size: bytes.len() as u64, body: stream::once(async move { Ok(bytes) }).boxed() }
}
