//! Faults before the ports that are no repositories.
#![deny(clippy::missing_trait_methods)]

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::try_join_all;
use futures::stream::{BoxStream, StreamExt};
use pixmill::ports::{
    BatchWork, Blob, BlobStore, ByteStream, Cache, CacheKey, Clock, Decision, Delivery, Event, Events,
    JobMessage, LimitKey, Limiter, Passwords, PortError, ProcessError, Processed, Processor, Queue, Quota,
    Settlement, ToDescribe, Work,
};
use pixmill::{BlobKey, BlobPrefix, Description, EngineError, Password, PasswordHash, Timestamp, UserId};

use super::{Fault, FaultPlan, Faulty};

#[async_trait]
impl<P: BlobStore + ?Sized> BlobStore for Faulty<P> {
    async fn put(&self, key: BlobKey, body: ByteStream) -> Result<u64, PortError> {
        self.plan.around("blobs.put", self.inner.put(key, body)).await
    }

    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<Option<Blob>, PortError> {
        let blob = self.plan.around("blobs.get", self.inner.get(key, range)).await?;
        Ok(blob.map(|Blob { size, body }| Blob { size, body: faulty_body(Arc::clone(&self.plan), body) }))
    }

    async fn copy(&self, from: BlobKey, to: BlobKey) -> Result<bool, PortError> {
        self.plan.around("blobs.copy", self.inner.copy(from, to)).await
    }

    async fn delete(&self, key: BlobKey) -> Result<(), PortError> {
        self.plan.around("blobs.delete", self.inner.delete(key)).await
    }

    async fn list(
        &self,
        prefix: BlobPrefix,
    ) -> Result<BoxStream<'static, Result<BlobKey, PortError>>, PortError> {
        self.plan.around("blobs.list", self.inner.list(prefix)).await
    }

    async fn signed_url(
        &self,
        key: BlobKey,
        ttl: Duration,
        media_type: &'static str,
    ) -> Result<Option<String>, PortError> {
        self.plan.around("blobs.signed_url", self.inner.signed_url(key, ttl, media_type)).await
    }
}

fn faulty_body(plan: Arc<FaultPlan>, body: ByteStream) -> ByteStream {
    body.then(move |piece| {
        let plan = Arc::clone(&plan);
        async move { plan.around("blobs.read", async { piece }).await }
    })
    .boxed()
}

#[async_trait]
impl<P: Cache + ?Sized> Cache for Faulty<P> {
    async fn get(&self, key: CacheKey) -> Result<Option<Bytes>, PortError> {
        self.plan.around("cache.get", self.inner.get(key)).await
    }

    async fn put(&self, key: CacheKey, bytes: Bytes, ttl: Duration) -> Result<(), PortError> {
        self.plan.around("cache.put", self.inner.put(key, bytes, ttl)).await
    }

    async fn remove(&self, key: CacheKey) -> Result<(), PortError> {
        self.plan.around("cache.remove", self.inner.remove(key)).await
    }
}

/// It can't fail, so only delays and signals mean something here.
#[async_trait]
impl<P: Clock + ?Sized> Clock for Faulty<P> {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    async fn sleep(&self, duration: Duration) {
        let faults = self.plan.next("clock.sleep");
        self.plan.begin(&faults).await;
        self.inner.sleep(duration).await;
        super::end(&faults);
    }
}

#[async_trait]
impl<P: Events + ?Sized> Events for Faulty<P> {
    async fn publish(&self, event: Event) -> Result<(), PortError> {
        self.plan.around("events.publish", self.inner.publish(event)).await
    }

    async fn subscribe(&self, owner: UserId) -> Result<BoxStream<'static, Event>, PortError> {
        self.plan.around("events.subscribe", self.inner.subscribe(owner)).await
    }
}

#[async_trait]
impl<P: Limiter + ?Sized> Limiter for Faulty<P> {
    async fn check(&self, key: LimitKey, quota: Quota) -> Result<Decision, PortError> {
        self.plan.around("limiter.check", self.inner.check(key, quota)).await
    }
}

#[async_trait]
impl<P: Passwords + ?Sized> Passwords for Faulty<P> {
    async fn hash(&self, password: Password) -> Result<PasswordHash, PortError> {
        self.plan.around("passwords.hash", self.inner.hash(password)).await
    }

    async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, PortError> {
        self.plan.around("passwords.verify", self.inner.verify(password, hash)).await
    }
}

#[async_trait]
impl<P: Processor + ?Sized> Processor for Faulty<P> {
    async fn describe(&self, file: ToDescribe) -> Result<Description, ProcessError> {
        self.plan.around("processor.describe", self.inner.describe(file)).await
    }

    async fn process(&self, work: Work) -> Result<Processed, ProcessError> {
        self.plan.around("processor.process", self.inner.process(work)).await
    }

    async fn process_batch(
        &self,
        work: BatchWork,
    ) -> Result<Vec<Result<Processed, EngineError>>, ProcessError> {
        self.plan.around("processor.process_batch", self.inner.process_batch(work)).await
    }
}

#[async_trait]
impl<P: Queue + ?Sized> Queue for Faulty<P> {
    async fn publish(&self, message: JobMessage) -> Result<(), PortError> {
        let faults = self.plan.next("queue.publish");
        let times =
            faults.iter().map(|fault| if let Fault::Repeat(times) = fault { *times } else { 0 }).sum();
        let publish = async {
            let all = (0..=times).map(|_| self.inner.publish(message));
            try_join_all(all).await.map(drop)
        };
        self.plan.with(&faults, "queue.publish", publish).await
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, PortError> {
        // A delivery whose reply is lost is dropped unsettled, so the message comes again.
        let inner = self.plan.around("queue.receive", self.inner.receive()).await?;
        Ok(Box::new(FaultyDelivery { inner, plan: Arc::clone(&self.plan) }))
    }
}

struct FaultyDelivery {
    inner: Box<dyn Delivery>,
    plan: Arc<FaultPlan>,
}

#[async_trait]
impl Delivery for FaultyDelivery {
    fn payload(&self) -> &[u8] {
        self.inner.payload()
    }

    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), PortError> {
        let Self { inner, plan } = *self;
        let call = async {
            plan.note(|history| history.settling(inner.payload(), settlement));
            inner.settle(settlement).await
        };
        plan.around("queue.settle", call).await
    }
}

impl fmt::Debug for FaultyDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
