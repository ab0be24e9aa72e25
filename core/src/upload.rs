//! Taking a file in: it is checked, counted and hashed while it streams to the blob store, and becomes an image
//! only when all of it has arrived and its header is good.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use pixmill_engine::{Error as EngineError, FrameCount, Header, Inspection, Limits, inspect};
use sha2::{Digest, Sha256};

use crate::content::{BlobKey, Content, ContentHash};
use crate::describe::Describer;
use crate::idempotency::{
    self, IdempotencyKey, OnceError, OnceKey, OnceOperation, Standing, may_come_to_pass,
};
use crate::ids::{ImageId, MadeId, UserId};
use crate::image::{Image, Version};
use crate::ports::{ByteStream, Made, PortError, PortErrorKind};
use crate::quotas::{QuotaError, Quotas};
use crate::services::Ports;
use crate::settings::Settings;

/// Takes files in.
#[derive(Clone)]
pub struct Uploads {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    quotas: Quotas,
    describer: Describer,
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
        self.store_all(owner, ImageId::random(), body).await
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
        // As long as the reservation: when the lease is over, whoever had it can store nothing any more.
        match idempotency::begin::<UploadError>(keys, key, id.into(), self.settings.upload_ttl).await? {
            Standing::Done(Made { id, fingerprint }) => {
                if self.hash(body).await? != fingerprint {
                    return Err(OnceError::Reused.into());
                }
                self.ports.images.get(owner, id.into()).await?.ok_or(UploadError::Deleted)
            }
            Standing::Now { attempt, before } => {
                let mut outcome = self.store_unless_stored(owner, id, &before, body).await;
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
        let image = self.store_all(owner, id, body).await?;
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
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<Image, UploadError> {
        self.quotas.check_upload::<UploadError>(owner, 0).await?;
        self.ports.images.reserve(id, self.settings.upload_ttl).await?;
        match self.store(owner, id, body).await {
            Ok(image) => Ok(image),
            // Where a port failed, nobody knows what it has stored. The reservation alone still names it: it stays, and
            // when it lapses the sweeper removes whatever is there.
            Err(error @ UploadError::Port(_)) => Err(error),
            Err(error) => {
                // The sweeper would do it too, an hour later.
                if let Err(error) = self.ports.images.purge(id).await {
                    tracing::warn!(image = %id, %error, "could not take back the reservation of a refused upload");
                }
                Err(error)
            }
        }
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

/// What became of the stream.
#[derive(Default)]
enum Arrival {
    #[default]
    Streaming,
    Refused(UploadError),
    Complete(Arrived),
}

struct Arrived {
    header: Header,
    hash: ContentHash,
    bytes: u64,
}

/// Passes the pieces of `body` through `intake`. The verdict is there once the stream has ended.
fn watch(body: BoxStream<'static, io::Result<Bytes>>, intake: Intake) -> (ByteStream, Arc<Mutex<Arrival>>) {
    let arrival = Arc::new(Mutex::new(Arrival::Streaming));
    let verdict = arrival.clone();
    let settle = move |outcome| *verdict.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    let checked = stream::unfold(Some((body, intake, settle)), |state| async move {
        let (mut body, mut intake, settle) = state?;
        let taken = match body.next().await {
            Some(Ok(piece)) => intake.take(&piece).map(|()| piece),
            Some(Err(error)) => Err(UploadError::Interrupted(error)),
            None => match intake.finish() {
                Ok(arrived) => {
                    settle(Arrival::Complete(arrived));
                    return None;
                }
                Err(error) => Err(error),
            },
        };
        match taken {
            Ok(piece) => Some((Ok(piece), Some((body, intake, settle)))),
            Err(error) => {
                settle(Arrival::Refused(error));
                Some((Err(PortError::new(PortErrorKind::Input, "upload", "upload.check")), None))
            }
        }
    });
    (checked.boxed(), arrival)
}

/// Checks a file as it arrives. Of the bytes only the head is kept, until the header is read.
struct Intake {
    max_bytes: u64,
    limits: Limits,
    hasher: Sha256,
    bytes: u64,
    head: Vec<u8>,
    look_at: usize,
    header: Option<Header>,
    /// Goes on behind the head: an animation tells nowhere how many frames it has.
    frames: Option<FrameCount>,
}

impl Intake {
    /// Enough to tell every format, so that text is refused at its first bytes.
    const FIRST_LOOK: usize = 16;

    fn new(max_bytes: u64, limits: Limits) -> Self {
        let (hasher, head) = (Sha256::new(), Vec::new());
        Self {
            max_bytes,
            limits,
            hasher,
            bytes: 0,
            head,
            look_at: Self::FIRST_LOOK,
            header: None,
            frames: None,
        }
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), UploadError> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.max_bytes {
            return Err(UploadError::TooLarge { limit: self.max_bytes });
        }
        self.hasher.update(piece);
        if let Some(frames) = &mut self.frames {
            frames.take(piece, &self.limits)?;
        } else {
            self.head.extend_from_slice(piece);
            if self.head.len() >= self.look_at {
                self.look(false)?;
            }
        }
        Ok(())
    }

    fn look(&mut self, complete: bool) -> Result<(), UploadError> {
        match inspect(&self.head, complete, &self.limits)? {
            Inspection::Ready(header) => {
                let mut frames = FrameCount::new(&header);
                frames.take(&self.head, &self.limits)?;
                self.frames = Some(frames);
                self.header = Some(header);
                self.head = Vec::new();
            }
            // At least double, so that a long head is not read over and over.
            Inspection::NeedMore(bytes) => self.look_at = bytes.max(self.head.len() * 2),
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Arrived, UploadError> {
        if self.header.is_none() {
            self.look(true)?;
        }
        let header =
            self.header.ok_or_else(|| EngineError::Bug("a complete file was not enough".to_owned()))?;
        Ok(Arrived {
            header,
            hash: ContentHash::from_sha256(std::mem::take(&mut self.hasher)),
            bytes: self.bytes,
        })
    }
}
