//! Taking a file in: it is checked, counted and hashed while it streams to the blob store, and becomes an image
//! only when all of it has arrived and its header is good.

mod intake;

use std::io;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{self, Either};
use futures::stream::{BoxStream, StreamExt};
use pixmill_engine::Error as EngineError;

use self::intake::{Arrival, Intake, watch};
use crate::content::{BlobKey, Content, ContentHash};
use crate::describe::Describer;
use crate::idempotency::{
    self, IdempotencyKey, OnceError, OnceKey, OnceOperation, Standing, may_come_to_pass,
};
use crate::ids::{ImageId, MadeId, UserId};
use crate::image::{Image, Version};
use crate::ports::{Made, PortError, PortErrorKind};
use crate::quotas::{QuotaError, Quotas};
use crate::services::Ports;
use crate::settings::Settings;
use crate::time::Timestamp;

/// How long the reservation of an upload lasts if nobody renews it: then what has arrived is removed.
const RESERVED: Duration = Duration::from_mins(2);
/// How long the turn under a key lasts if nobody renews it. It is renewed before the reservation, which in turn is renewed only
/// before it lapses; so as long as it is at least twice as long, whoever lost the turn can store nothing any more.
const TURN: Duration = Duration::from_mins(4);
const BETWEEN_RENEWALS: Duration = Duration::from_secs(40);

/// Takes files in.
#[derive(Clone)]
pub struct Uploads {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    quotas: Quotas,
    describer: Describer,
}

/// The turn under a key.
struct Held {
    key: OnceKey,
    /// It was taken at this time at the earliest.
    since: Timestamp,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// More bytes than allowed.
    #[error("the file is larger than {limit} bytes, the most that may be uploaded")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Not an image that can be used.
    #[error(transparent)]
    Image(#[from] EngineError),
    /// The sender stopped, or sent something malformed.
    #[error("the upload ended before the file was complete: {0}")]
    Interrupted(io::Error),
    /// The user has as much as they may have.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// Another request has the idempotency key.
    #[error(transparent)]
    Once(#[from] OnceError),
    /// What the first request under the idempotency key made was deleted since.
    #[error("the image that this Idempotency-Key stands for was deleted; take a new key for a new upload")]
    Deleted,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Uploads {
    pub(crate) fn new(
        ports: Arc<Ports>,
        settings: Arc<Settings>,
        quotas: Quotas,
        describer: Describer,
    ) -> Self {
        Self { ports, settings, quotas, describer }
    }

    /// Stores the file in `body` as a new image of `owner`. If it is refused, or the future is dropped, nothing
    /// of it stays.
    pub async fn upload(
        &self,
        owner: UserId,
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<Image, UploadError> {
        self.store_all(owner, ImageId::random(), None, body).await
    }

    /// Stores a file once, however often it is sent under this key.
    pub async fn upload_once(
        &self,
        owner: UserId,
        key: IdempotencyKey,
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<Image, UploadError> {
        let id = ImageId::random();
        let key = OnceKey { owner, operation: OnceOperation::Upload, key };
        let keys = self.ports.once_keys.as_ref();
        let held = Held { key: key.clone(), since: self.ports.clock.now() };
        match idempotency::begin::<UploadError>(keys, key, id.into(), TURN).await? {
            Standing::Done(Made { id, fingerprint }) => {
                if self.hash(body).await? != fingerprint {
                    return Err(OnceError::Reused.into());
                }
                self.ports.images.get(owner, id.into()).await?.ok_or(UploadError::Deleted)
            }
            Standing::Now { attempt, before } => {
                let mut outcome = self.store_unless_stored(owner, id, held, &before, body).await;
                if let Err(UploadError::Port(error)) = outcome {
                    // The image may be there all the same. Only if it surely is not, the turn is given back.
                    outcome = match self.stored(owner, &[id.into()]).await {
                        Ok(Some(stored)) => Ok(stored),
                        Ok(None) if !may_come_to_pass(&error, "images.insert") => Err(error.into()),
                        _ => return Err(error.into()),
                    };
                }
                let made = outcome
                    .as_ref()
                    .ok()
                    .map(|(image, hash)| Made { id: image.id.into(), fingerprint: hash.clone() });
                // Where another image is found under the key it stays there: the turn ends by itself.
                if !matches!(outcome, Err(UploadError::Once(_))) {
                    attempt.settle(made).await;
                }
                outcome.map(|(image, _)| image)
            }
        }
    }

    /// Stores a file, unless one of the attempts before has.
    async fn store_unless_stored(
        &self,
        owner: UserId,
        id: ImageId,
        held: Held,
        before: &[MadeId],
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<(Image, ContentHash), UploadError> {
        if let Some((image, hash)) = self.stored(owner, before).await? {
            return if self.hash(body).await? == hash {
                Ok((image, hash))
            } else {
                Err(OnceError::Reused.into())
            };
        }
        let image = self.store_all(owner, id, Some(held), body).await?;
        let hash = image.current.content.hash.clone();
        Ok((image, hash))
    }

    /// The image that one of these attempts has made, and the hash of its upload.
    async fn stored(
        &self,
        owner: UserId,
        attempts: &[MadeId],
    ) -> Result<Option<(Image, ContentHash)>, PortError> {
        for attempt in attempts {
            if let Some(image) = self.ports.images.get(owner, (*attempt).into()).await?
                && let Some(upload) = self.ports.images.version(image.id, Version::FIRST).await?
            {
                return Ok(Some((image, upload.content.hash)));
            }
        }
        Ok(None)
    }

    /// Reads a file as if to store it.
    async fn hash(
        &self,
        mut body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<ContentHash, UploadError> {
        let mut intake = Intake::new(self.settings.max_upload_bytes, self.settings.limits.clone());
        while let Some(piece) = body.next().await {
            intake.take(&piece.map_err(UploadError::Interrupted)?)?;
        }
        Ok(intake.finish()?.hash)
    }

    async fn store_all(
        &self,
        owner: UserId,
        id: ImageId,
        held: Option<Held>,
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<Image, UploadError> {
        self.quotas.check_upload::<UploadError>(owner, 0).await?;
        self.ports.images.reserve(id, RESERVED).await?;
        // The turn must end after the reservation, also where this process stood still between the two.
        if let Some(held) = &held
            && self.ports.clock.now().since(held.since) > BETWEEN_RENEWALS
            && !self.ports.once_keys.renew(held.key.clone(), id.into(), TURN).await?
        {
            return Err(OnceError::InFlight.into());
        }
        match self.store_and_keep(owner, id, held, body).await {
            Ok(image) => Ok(image),
            // Where a port failed, nobody knows what it has stored. The reservation alone still names it: it stays, and
            // when it lapses the sweeper removes whatever is there.
            Err(error @ UploadError::Port(_)) => Err(error),
            Err(error) => {
                // The sweeper would do it too, a little later.
                if let Err(error) = self.ports.images.purge(id).await {
                    tracing::warn!(image = %id, %error, "could not take back the reservation of a refused upload");
                }
                Err(error)
            }
        }
    }

    /// Stores an upload while its reservation is renewed. When it returns nothing of either is under way: what nobody polls any
    /// more might hold what the next call waits for.
    async fn store_and_keep(
        &self,
        owner: UserId,
        id: ImageId,
        held: Option<Held>,
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<Image, UploadError> {
        match future::select(pin!(self.store(owner, id, body)), pin!(self.keep(id, held))).await {
            Either::Left((stored, _)) => stored,
            // It can't become an image any more, and finds that out once it has cleared away after itself.
            Either::Right(((), store)) => store.await,
        }
    }

    /// Renews the reservation, and the turn if there is one, for as long as an upload may take. Returns once they are lost.
    async fn keep(&self, id: ImageId, held: Option<Held>) {
        let until = self.ports.clock.now() + self.settings.upload_ttl;
        loop {
            self.ports.clock.sleep(BETWEEN_RENEWALS).await;
            if self.ports.clock.now() >= until {
                return;
            }
            match self.renew(id, held.as_ref()).await {
                Ok(true) => {}
                Ok(false) => return,
                // It may lapse meanwhile; then nothing is stored, whatever this loop does.
                Err(error) => {
                    tracing::warn!(image = %id, %error, "the reservation of an upload is not renewed");
                }
            }
        }
    }

    async fn renew(&self, id: ImageId, held: Option<&Held>) -> Result<bool, PortError> {
        if let Some(Held { key, .. }) = held
            && !self.ports.once_keys.renew(key.clone(), id.into(), TURN).await?
        {
            return Ok(false);
        }
        self.ports.images.renew(id, RESERVED).await
    }

    async fn store(
        &self,
        owner: UserId,
        id: ImageId,
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<Image, UploadError> {
        let blob = BlobKey::original(id);
        let intake = Intake::new(self.settings.max_upload_bytes, self.settings.limits.clone());
        let (body, arrival) = watch(body, intake);
        let stored = self.ports.blobs.put(blob.clone(), body).await;
        let arrival = std::mem::take(&mut *arrival.lock().unwrap_or_else(PoisonError::into_inner));
        let arrival = match arrival {
            Arrival::Refused(error) => return Err(error),
            Arrival::Complete(arrival) => {
                stored?;
                arrival
            }
            Arrival::Streaming => {
                stored?;
                return Err(PortError::new(
                    PortErrorKind::Internal,
                    "blob store",
                    "put without reading the body",
                )
                .into());
            }
        };
        if let Err(error) = self.quotas.check_upload::<UploadError>(owner, arrival.bytes).await {
            self.ports.blobs.delete(blob).await?;
            return Err(error);
        }
        let (width, height) = arrival.header.upright_size();
        let content = Content {
            blob: blob.clone(),
            hash: arrival.hash,
            bytes: arrival.bytes,
            format: arrival.header.format,
            width,
            height,
            alpha: arrival.header.alpha,
        };
        let description = self.describer.stored(&content).await;
        let now = self.ports.clock.now();
        let current = Version::original(content, description, now);
        let image = Image { id, owner, created_at: now, current, redo: None };
        match self.ports.images.insert(image.clone()).await {
            Ok(true) => Ok(image),
            Ok(false) => {
                self.ports.blobs.delete(blob).await?;
                let lapsed =
                    io::Error::new(io::ErrorKind::TimedOut, "it took longer than an upload may take");
                Err(UploadError::Interrupted(lapsed))
            }
            Err(error) => Err(error.into()),
        }
    }
}
