//! Images through their stages: reserved, present, deleted. The SQL is in `image_rows`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Clock, Images, Page, PageRequest, PortError};
use pixmill::{BlobKey, Image, ImageId, NewVersion, Step, Stepped, UserId, Version};

use crate::columns::row_limit;
use crate::database::Database;
use crate::image_rows;
use crate::writer::Durability::{Durable, Relaxed};

/// The images in the database.
#[derive(Clone)]
pub struct SqliteImages {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl SqliteImages {
    pub(crate) fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

#[async_trait]
impl Images for SqliteImages {
    async fn reserve(&self, id: ImageId, ttl: Duration) -> Result<(), PortError> {
        let clock = Arc::clone(&self.clock);
        // Durable: the blobs that follow are, and must not outlive the note that they were announced.
        self.database
            .write("images.reserve", Durable, move |c| image_rows::reserve(c, id, clock.now() + ttl), |()| ())
            .await
    }

    async fn renew(&self, id: ImageId, ttl: Duration) -> Result<bool, PortError> {
        let clock = Arc::clone(&self.clock);
        // Durable, as the reservation was.
        self.database
            .write("images.renew", Durable, move |c| image_rows::renew(c, id, clock.now(), ttl), |done| done)
            .await
    }

    async fn insert(&self, image: Image) -> Result<bool, PortError> {
        let clock = Arc::clone(&self.clock);
        self.database
            .write("images.insert", Durable, move |c| image_rows::insert(c, &image, clock.now()), |done| done)
            .await
    }

    async fn get(&self, owner: UserId, id: ImageId) -> Result<Option<Image>, PortError> {
        self.database.read("images.get", move |c| image_rows::get(c, owner, id)).await
    }

    async fn list(&self, owner: UserId, page: PageRequest<ImageId>) -> Result<Page<Image>, PortError> {
        self.database
            .read("images.list", move |c| {
                let mut items =
                    image_rows::list(c, owner, page.after, row_limit(page.limit.saturating_add(1)))?;
                let more = items.len() > page.limit;
                items.truncate(page.limit);
                Ok(Page { items, more })
            })
            .await
    }

    async fn version(&self, id: ImageId, number: u32) -> Result<Option<Version>, PortError> {
        self.database.read("images.version", move |c| image_rows::version(c, id, number)).await
    }

    async fn versions(&self, id: ImageId) -> Result<Vec<Version>, PortError> {
        self.database.read("images.versions", move |c| image_rows::versions(c, id)).await
    }

    async fn usage(&self, owner: UserId) -> Result<(u64, u64), PortError> {
        self.database.read("images.usage", move |c| image_rows::usage(c, owner)).await
    }

    async fn add_version(&self, version: NewVersion) -> Result<Option<u32>, PortError> {
        let clock = Arc::clone(&self.clock);
        self.database
            .write(
                "images.add_version",
                Durable,
                move |c| image_rows::add_version(c, &version, clock.now()),
                |number| number,
            )
            .await
    }

    async fn drop_version(&self, id: ImageId, blob: BlobKey) -> Result<(), PortError> {
        self.database
            .write("images.drop_version", Durable, move |c| image_rows::drop_version(c, id, &blob), |()| ())
            .await
    }

    async fn step(&self, owner: UserId, id: ImageId, step: Step) -> Result<Stepped, PortError> {
        self.database
            .write("images.step", Durable, move |c| image_rows::step(c, owner, id, step), |stepped| stepped)
            .await
    }

    async fn delete(&self, owner: UserId, id: ImageId, grace: Duration) -> Result<bool, PortError> {
        let clock = Arc::clone(&self.clock);
        self.database
            .write(
                "images.delete",
                Durable,
                move |c| image_rows::delete(c, owner, id, clock.now() + grace),
                |deleted| deleted,
            )
            .await
    }

    async fn due_removals(&self, limit: usize) -> Result<Vec<ImageId>, PortError> {
        let clock = Arc::clone(&self.clock);
        // Through the writer, because it ends the reservations that it lists: an insertion comes before it, and
        // the image is not listed, or after it and fails.
        self.database
            .write(
                "images.due_removals",
                Relaxed,
                move |c| image_rows::due_removals(c, clock.now(), row_limit(limit)),
                |due| due,
            )
            .await
    }

    async fn purge(&self, id: ImageId) -> Result<(), PortError> {
        // Durable, although forgetting it would only repeat the removal: its commit also brings the removals of
        // the files before it to the disk, on file systems that keep their own log in order.
        self.database.write("images.purge", Durable, move |c| image_rows::purge(c, id), |()| ()).await
    }
}
