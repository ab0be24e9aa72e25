//! A whole Pixmill in memory, with a clock that stands still and faults on demand.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use pixmill::ports::{BlobStore, PortError, Processor, Queue};
use pixmill::{
    BatchSubmission, BlobKey, BlobPrefix, Image, Job, JobId, JobStatus, LinkSigner, Ports, Processing,
    Services, Settings, Submission, Transformation, UserId, Wanted,
};
use pixmill_memory::Memory;
use pixmill_runtime::{Argon2Config, Argon2Passwords, InProcess, MemoryBudget};
use pixmill_testkit::{FaultPlan, Faulty, TestClock, fixtures};
use tokio::task::JoinHandle;

/// What comes of a job that was done.
pub(crate) const DONE: Processing = Processing::Finished(JobStatus::Completed);

pub(crate) struct Kit {
    pub(crate) services: Services,
    pub(crate) memory: Memory,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) faults: Arc<FaultPlan>,
    pub(crate) settings: Settings,
}

impl Kit {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let clock = TestClock::new();
        let memory = Memory::new(clock.clone());
        let faults = FaultPlan::new(clock.clone());
        let argon2 = Argon2Config { memory_kib: 8, passes: 1, ..Argon2Config::default() };
        let processor = InProcess::start(2.try_into().unwrap(), MemoryBudget::new(1 << 30)).unwrap();
        let ports = Ports {
            users: memory.users.clone(),
            api_keys: memory.api_keys.clone(),
            images: Arc::new(Faulty::new(memory.images.clone(), faults.clone())),
            jobs: Arc::new(Faulty::new(memory.jobs.clone(), faults.clone())),
            queue: Arc::new(Faulty::new(memory.queue.clone(), faults.clone())),
            blobs: Arc::new(Faulty::new(memory.blobs.clone(), faults.clone())),
            cache: Arc::new(Faulty::new(memory.cache.clone(), faults.clone())),
            events: memory.events.clone(),
            limiter: memory.limiter.clone(),
            once_keys: Arc::new(Faulty::new(memory.once_keys.clone(), faults.clone())),
            passwords: Arc::new(Argon2Passwords::start(&argon2).unwrap()),
            processor: Arc::new(Faulty::new(Arc::new(processor) as Arc<dyn Processor>, faults.clone())),
            clock: clock.clone(),
        };
        let services = Services::new(ports, settings.clone(), LinkSigner::new(b"test"));
        Self { services, memory, clock, faults, settings }
    }

    /// An image of 40 x 30 pixels that belongs to `owner`.
    pub(crate) async fn image(&self, owner: UserId) -> Image {
        let file = fixtures::png(40, 30);
        self.services.uploads.upload(owner, pieces(&file)).await.unwrap()
    }

    pub(crate) async fn submit(&self, image: &Image, save: bool) -> JobId {
        let transformation = Transformation { width: Some(20), ..Transformation::default() };
        let submission = Submission { image: image.id, version: None, transformation, save };
        self.services.submissions.submit(image.owner, submission).await.unwrap()
    }

    /// Asks for results of these widths with one request.
    pub(crate) async fn submit_batch(&self, image: &Image, widths: &[u32], save: bool) -> Vec<JobId> {
        let submission = batch(image, widths, save);
        self.services.submissions.submit_batch(image.owner, submission).await.unwrap()
    }

    /// Takes the next message off the queue and runs one attempt.
    pub(crate) async fn work(&self) -> Processing {
        let delivery = self.memory.queue.receive().await.unwrap();
        self.services.worker.process().run(delivery).await.unwrap()
    }

    /// Lets a worker begin with the next message, and returns while it is in its first call of this operation.
    pub(crate) async fn work_until(
        &self,
        operation: &'static str,
    ) -> JoinHandle<Result<Processing, PortError>> {
        let delivery = self.memory.queue.receive().await.unwrap();
        let process = self.services.worker.process().clone();
        let running = tokio::spawn(async move { process.run(delivery).await });
        until(|| self.faults.calls(operation) > 0).await;
        running
    }

    pub(crate) async fn job(&self, owner: UserId, id: JobId) -> Job {
        self.services.results.job(owner, id).await.unwrap().unwrap()
    }

    /// Every blob that is stored.
    pub(crate) async fn blobs(&self) -> Vec<BlobKey> {
        let mut keys: Vec<_> =
            self.memory.blobs.list(BlobPrefix::all()).await.unwrap().try_collect().await.unwrap();
        keys.sort();
        keys
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}

/// Lets others run until this is so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

/// A request for results of these widths.
pub(crate) fn batch(image: &Image, widths: &[u32], save: bool) -> BatchSubmission {
    let wanted = |width: &u32| Wanted {
        transformation: Transformation { width: Some(*width), ..Transformation::default() },
        save,
    };
    BatchSubmission { image: image.id, version: None, outputs: widths.iter().map(wanted).collect() }
}

/// A body that arrives in small pieces.
pub(crate) fn pieces(file: &Bytes) -> BoxStream<'static, std::io::Result<Bytes>> {
    let pieces: Vec<_> = file.chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}
