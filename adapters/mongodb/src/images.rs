//! The repository of images: an image is one document with all its versions. Which version is current is
//! [`History`]'s own matter.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use pixmill::ports::{Images, Page, PageRequest, PortError};
use pixmill::{BlobKey, Image, ImageId, NewVersion, Step, Stepped, Timestamp, UserId, Version, Versions};
use serde::{Deserialize, Serialize};

use crate::documents::{Documents, Record, after, at_most, millis, oid};
use crate::server::{Server, run};

/// Images in MongoDB.
#[derive(Debug)]
pub struct MongoImages {
    images: Documents<ImageRecord>,
}

/// An image as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageRecord {
    id: ImageId,
    stage: Stage,
}

/// How far an image is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Stage {
    Reserved {
        until: Timestamp,
    },
    Present(Present),
    /// Its owner and the time of its creation tell where a list goes on after it.
    Deleted {
        due: Timestamp,
        place: Option<(UserId, Timestamp)>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Present {
    owner: UserId,
    created_at: Timestamp,
    #[serde(flatten)]
    versions: Versions,
}

impl Record for ImageRecord {
    fn indexed(&self) -> Document {
        match &self.stage {
            Stage::Reserved { until: due } | Stage::Deleted { due, .. } => {
                doc! { "present": false, "dueAt": millis(*due) }
            }
            Stage::Present(present) => {
                doc! {
                    "present": true,
                    "owner": oid(present.owner.as_bytes()),
                    "createdAt": millis(present.created_at),
                    "bytes": i64::try_from(present.versions.bytes()).unwrap_or(i64::MAX),
                }
            }
        }
    }
}

impl ImageRecord {
    fn present(&self) -> Option<&Present> {
        if let Stage::Present(present) = &self.stage { Some(present) } else { None }
    }

    fn present_mut(&mut self) -> Option<&mut Present> {
        if let Stage::Present(present) = &mut self.stage { Some(present) } else { None }
    }

    /// The image, if it is present and that user's.
    fn of(&self, owner: UserId) -> Option<Image> {
        self.present().filter(|present| present.owner == owner)?.image(self.id)
    }

    /// The place in its owner's list, also after its deletion.
    fn place(&self) -> Option<(UserId, Timestamp)> {
        match &self.stage {
            Stage::Reserved { .. } => None,
            Stage::Present(present) => Some((present.owner, present.created_at)),
            Stage::Deleted { place, .. } => *place,
        }
    }
}

impl Present {
    fn image(&self, id: ImageId) -> Option<Image> {
        let Self { owner, created_at, versions } = self;
        let (current, redo) = (versions.current()?.clone(), versions.redo());
        Some(Image { id, owner: *owner, created_at: *created_at, current, redo })
    }
}

impl MongoImages {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self { images: Documents::new(server, "images") }
    }

    async fn present(&self, operation: &'static str, id: ImageId) -> Result<Option<Present>, PortError> {
        let record = self.images.get(operation, oid(id.as_bytes())).await?;
        Ok(record.and_then(|record| record.present().cloned()))
    }
}

#[async_trait]
impl Images for MongoImages {
    async fn reserve(&self, id: ImageId, ttl: Duration) -> Result<(), PortError> {
        const OPERATION: &str = "images.reserve";
        let until = self.images.now(OPERATION).await? + ttl;
        let reserved = ImageRecord { id, stage: Stage::Reserved { until } };
        if self.images.insert(OPERATION, oid(id.as_bytes()), &reserved).await? {
            return Ok(());
        }
        let extended = self.images.change(OPERATION, oid(id.as_bytes()), |record, now| {
            if let Stage::Reserved { until } = &mut record.stage {
                *until = now + ttl;
            }
        });
        extended.await.map(drop)
    }

    async fn renew(&self, id: ImageId, ttl: Duration) -> Result<bool, PortError> {
        let renewed =
            self.images.change("images.renew", oid(id.as_bytes()), |record, now| match &mut record.stage {
                Stage::Reserved { until } if *until > now => {
                    *until = now + ttl;
                    true
                }
                _ => false,
            });
        Ok(renewed.await?.unwrap_or(false))
    }

    async fn insert(&self, image: Image) -> Result<bool, PortError> {
        let Image { id, owner, created_at, current, redo: _ } = image;
        let inserted = self.images.change("images.insert", oid(id.as_bytes()), |record, now| {
            // The driver sends a write again whose reply was lost. That it changes nothing then does not mean that the first
            // one did not: whoever believed that would remove the bytes of an image that is there.
            let first = |present: &Present| present.versions.all().first() == Some(&current);
            if record.present().is_some_and(|present| present.owner == owner && first(present)) {
                return true;
            }
            // An expired reservation may be on its way to removal.
            if !matches!(record.stage, Stage::Reserved { until } if until > now) {
                return false;
            }
            let versions = Versions::of(current.clone());
            record.stage = Stage::Present(Present { owner, created_at, versions });
            true
        });
        Ok(inserted.await?.unwrap_or(false))
    }

    async fn get(&self, owner: UserId, id: ImageId) -> Result<Option<Image>, PortError> {
        Ok(self.images.get("images.get", oid(id.as_bytes())).await?.and_then(|record| record.of(owner)))
    }

    async fn list(&self, owner: UserId, page: PageRequest<ImageId>) -> Result<Page<Image>, PortError> {
        const OPERATION: &str = "images.list";
        let mut filter = doc! { "owner": oid(owner.as_bytes()), "present": true };
        if let Some(last) = page.after {
            let place =
                self.images.get(OPERATION, oid(last.as_bytes())).await?.and_then(|record| record.place());
            match place {
                Some((whose, created_at)) if whose == owner => {
                    filter.extend(after(created_at, oid(last.as_bytes())));
                }
                _ => return Ok(Page { items: Vec::new(), more: false }),
            }
        }
        let Page { items, more } = self.images.page(OPERATION, filter, &page).await?;
        Ok(Page { items: items.iter().filter_map(|record| record.of(owner)).collect(), more })
    }

    async fn version(&self, id: ImageId, number: u32) -> Result<Option<Version>, PortError> {
        let present = self.present("images.version", id).await?;
        Ok(present.and_then(|present| present.versions.get(number).cloned()))
    }

    async fn versions(&self, id: ImageId) -> Result<Vec<Version>, PortError> {
        let present = self.present("images.versions", id).await?;
        Ok(present.map(|present| present.versions.all().to_vec()).unwrap_or_default())
    }

    async fn usage(&self, owner: UserId) -> Result<(u64, u64), PortError> {
        let images = self.images.collection();
        let sums = run("images.usage", async move {
            let all = doc! { "$match": { "owner": oid(owner.as_bytes()), "present": true } };
            let sum = doc! { "$group": { "_id": Bson::Null, "images": { "$sum": 1_i64 }, "bytes": { "$sum": "$bytes" } } };
            images.aggregate([all, sum]).await?.try_next().await
        });
        let sums = sums.await?.unwrap_or_default();
        let sum = |name: &str| match sums.get(name) {
            Some(Bson::Int32(sum)) => u64::from(sum.unsigned_abs()),
            Some(Bson::Int64(sum)) => sum.unsigned_abs(),
            _ => 0,
        };
        Ok((sum("images"), sum("bytes")))
    }

    async fn add_version(&self, version: NewVersion) -> Result<Option<u32>, PortError> {
        let added = self.images.change("images.add_version", oid(version.image.as_bytes()), |record, now| {
            record.present_mut().map(|present| present.versions.add(version.clone(), now))
        });
        Ok(added.await?.flatten())
    }

    async fn drop_version(&self, id: ImageId, blob: BlobKey) -> Result<(), PortError> {
        let dropped = self.images.overtake("images.drop_version", oid(id.as_bytes()), |record, _| {
            if let Some(present) = record.present_mut() {
                present.versions.drop_at(&blob);
            }
        });
        dropped.await.map(drop)
    }

    async fn step(&self, owner: UserId, id: ImageId, step: Step) -> Result<Stepped, PortError> {
        let stepped = self.images.change("images.step", oid(id.as_bytes()), |record, _| {
            let Some(present) = record.present_mut().filter(|present| present.owner == owner) else {
                return Stepped::NoImage;
            };
            if !present.versions.step(step) {
                return step.refused();
            }
            present.image(id).map_or(Stepped::NoImage, |image| Stepped::Moved(Box::new(image)))
        });
        Ok(stepped.await?.unwrap_or(Stepped::NoImage))
    }

    async fn delete(&self, owner: UserId, id: ImageId, grace: Duration) -> Result<bool, PortError> {
        let deleted = self.images.change("images.delete", oid(id.as_bytes()), |record, now| {
            let Some(place) = record.present().map(|present| (present.owner, present.created_at)) else {
                return false;
            };
            if place.0 != owner {
                return false;
            }
            record.stage = Stage::Deleted { due: now + grace, place: Some(place) };
            true
        });
        Ok(deleted.await?.unwrap_or(false))
    }

    async fn due_removals(&self, limit: usize) -> Result<Vec<ImageId>, PortError> {
        const OPERATION: &str = "images.due_removals";
        let now = self.images.now(OPERATION).await?;
        let filter = doc! { "dueAt": { "$lte": millis(now) } };
        let mut due = Vec::new();
        for record in self.images.find(OPERATION, filter, doc! { "dueAt": 1 }, at_most(limit)).await? {
            // A reservation that is on its way to removal can't become an image any more.
            let ended =
                self.images.change(OPERATION, oid(record.id.as_bytes()), |record, now| match record.stage {
                    Stage::Reserved { until } if until <= now => {
                        record.stage = Stage::Deleted { due: until, place: None };
                        true
                    }
                    Stage::Deleted { .. } => true,
                    _ => false,
                });
            if ended.await?.unwrap_or(false) {
                due.push(record.id);
            }
        }
        Ok(due)
    }

    async fn purge(&self, id: ImageId) -> Result<(), PortError> {
        self.images
            .remove("images.purge", doc! { "_id": oid(id.as_bytes()), "present": false })
            .await
            .map(drop)
    }
}
