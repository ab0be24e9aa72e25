//! The repository of images.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Clock, Images, Page, PageRequest, PortError};
use pixmill::{BlobKey, Image, ImageId, NewVersion, Step, Stepped, Timestamp, UserId, Version, Versions};

use crate::lock;
use crate::timeline::Timeline;

/// Images in memory.
pub struct MemoryImages {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    images: HashMap<ImageId, Stage>,
    timeline: Timeline<ImageId>,
}

enum Stage {
    Reserved { until: Timestamp },
    Present(Present),
    // The time of its creation tells where a list goes on after it.
    Deleted { due: Timestamp, created_at: Timestamp },
}

struct Present {
    owner: UserId,
    created_at: Timestamp,
    versions: Versions,
}

impl MemoryImages {
    /// No images. Reservations and graces run by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }
}

impl State {
    fn present(&self, id: ImageId) -> Option<&Present> {
        match self.images.get(&id) {
            Some(Stage::Present(present)) => Some(present),
            _ => None,
        }
    }

    fn present_mut(&mut self, id: ImageId) -> Option<&mut Present> {
        match self.images.get_mut(&id) {
            Some(Stage::Present(present)) => Some(present),
            _ => None,
        }
    }

    fn created_at(&self, id: ImageId) -> Option<Timestamp> {
        match self.images.get(&id)? {
            Stage::Reserved { .. } => None,
            Stage::Present(Present { created_at, .. }) | Stage::Deleted { created_at, .. } => {
                Some(*created_at)
            }
        }
    }

    fn owned(&self, owner: UserId, id: ImageId) -> Option<Image> {
        self.present(id).filter(|present| present.owner == owner).map(|present| present.image(id))
    }
}

impl Present {
    fn image(&self, id: ImageId) -> Image {
        let current = self.versions.current().expect("the current version is never dropped").clone();
        Image { id, owner: self.owner, created_at: self.created_at, current, redo: self.versions.redo() }
    }
}

#[async_trait]
impl Images for MemoryImages {
    async fn reserve(&self, id: ImageId, ttl: Duration) -> Result<(), PortError> {
        let until = self.clock.now() + ttl;
        let images = &mut lock(&self.state).images;
        if let Stage::Reserved { until: existing } = images.entry(id).or_insert(Stage::Reserved { until }) {
            *existing = until;
        }
        Ok(())
    }

    async fn renew(&self, id: ImageId, ttl: Duration) -> Result<bool, PortError> {
        let now = self.clock.now();
        match lock(&self.state).images.get_mut(&id) {
            Some(Stage::Reserved { until }) if *until > now => {
                *until = now + ttl;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn insert(&self, image: Image) -> Result<bool, PortError> {
        let now = self.clock.now();
        let State { images, timeline } = &mut *lock(&self.state);
        let Image { id, owner, created_at, current, redo: _ } = image;
        let Some(stage) = images.get_mut(&id) else { return Ok(false) };
        // An expired reservation may be on its way to removal.
        if !matches!(stage, Stage::Reserved { until } if *until > now) {
            return Ok(false);
        }
        *stage = Stage::Present(Present { owner, created_at, versions: Versions::of(current) });
        timeline.add(owner, created_at, id);
        Ok(true)
    }

    async fn get(&self, owner: UserId, id: ImageId) -> Result<Option<Image>, PortError> {
        Ok(lock(&self.state).owned(owner, id))
    }

    async fn list(&self, owner: UserId, page: PageRequest<ImageId>) -> Result<Page<Image>, PortError> {
        let state = lock(&self.state);
        Ok(state.timeline.page(owner, page, |id| state.created_at(id), |id| state.owned(owner, id)))
    }

    async fn version(&self, id: ImageId, number: u32) -> Result<Option<Version>, PortError> {
        Ok(lock(&self.state).present(id).and_then(|present| present.versions.get(number)).cloned())
    }

    async fn versions(&self, id: ImageId) -> Result<Vec<Version>, PortError> {
        Ok(lock(&self.state).present(id).map(|present| present.versions.all().to_vec()).unwrap_or_default())
    }

    async fn usage(&self, owner: UserId) -> Result<(u64, u64), PortError> {
        let state = lock(&self.state);
        let present = state.images.values().filter_map(|stage| match stage {
            Stage::Present(present) if present.owner == owner => Some(present),
            _ => None,
        });
        Ok(present.fold((0, 0), |(images, sum), present| (images + 1, sum + present.versions.bytes())))
    }

    async fn add_version(&self, version: NewVersion) -> Result<Option<u32>, PortError> {
        let now = self.clock.now();
        Ok(lock(&self.state).present_mut(version.image).map(|present| present.versions.add(version, now)))
    }

    async fn drop_version(&self, id: ImageId, blob: BlobKey) -> Result<(), PortError> {
        if let Some(present) = lock(&self.state).present_mut(id) {
            present.versions.drop_at(&blob);
        }
        Ok(())
    }

    async fn step(&self, owner: UserId, id: ImageId, step: Step) -> Result<Stepped, PortError> {
        let mut state = lock(&self.state);
        let Some(present) = state.present_mut(id).filter(|present| present.owner == owner) else {
            return Ok(Stepped::NoImage);
        };
        let moved = present.versions.step(step);
        Ok(if moved { Stepped::Moved(Box::new(present.image(id))) } else { step.refused() })
    }

    async fn delete(&self, owner: UserId, id: ImageId, grace: Duration) -> Result<bool, PortError> {
        let due = self.clock.now() + grace;
        let State { images, timeline } = &mut *lock(&self.state);
        let Some(stage) = images.get_mut(&id) else { return Ok(false) };
        let created_at = match stage {
            Stage::Present(present) if present.owner == owner => present.created_at,
            _ => return Ok(false),
        };
        *stage = Stage::Deleted { due, created_at };
        timeline.remove(owner, created_at, id);
        Ok(true)
    }

    async fn due_removals(&self, limit: usize) -> Result<Vec<ImageId>, PortError> {
        let now = self.clock.now();
        let is_due = |stage: &Stage| match stage {
            Stage::Reserved { until: due } | Stage::Deleted { due, .. } => *due <= now,
            Stage::Present(_) => false,
        };
        let state = lock(&self.state);
        Ok(state.images.iter().filter(|(_, stage)| is_due(stage)).map(|(id, _)| *id).take(limit).collect())
    }

    async fn purge(&self, id: ImageId) -> Result<(), PortError> {
        let images = &mut lock(&self.state).images;
        if !matches!(images.get(&id), Some(Stage::Present(_))) {
            images.remove(&id);
        }
        Ok(())
    }
}
