//! Where the bytes of images are kept.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::content::{BlobKey, BlobPrefix};
use crate::ports::{PortError, PortErrorKind};

/// Bytes on their way, in pieces.
pub type ByteStream = BoxStream<'static, Result<Bytes, PortError>>;

/// A stored blob, opened.
pub struct Blob {
    /// Size of the whole blob in bytes, whatever range was asked for.
    pub size: u64,
    /// The bytes asked for.
    pub body: ByteStream,
}

/// A store of blobs by key.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BlobStore: Send + Sync + 'static {
    /// Stores a blob and returns its size. When the call returns, the blob survives a crash.
    ///
    /// # Behavior
    /// - A stored blob is read back with the same bytes; an empty one is possible.
    /// - An existing blob is replaced, all at once: a reader sees the old or the new bytes.
    /// - If `body` ends with an error, that error's kind is returned and nothing is stored, nor left behind.
    ///
    /// # Errors
    /// `Full` if there is no room.
    ///
    /// # Cancellation
    /// Dropping the future stores nothing, or all of it; what is left behind is removed by the store itself.
    async fn put(&self, key: BlobKey, body: ByteStream) -> Result<u64, PortError>;

    /// Opens a blob, or a part of it. A range that reaches past the end stops at the end.
    ///
    /// # Behavior
    /// - An unknown key gives `None`.
    /// - A range gives exactly those bytes, and the size of the whole.
    /// - A range that begins at or past the end gives no bytes.
    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<Option<Blob>, PortError>;

    /// Makes `to` hold what `from` holds, without the bytes passing through the caller.
    ///
    /// # Behavior
    /// - The copy is read back with the same bytes, also after `from` is deleted or replaced.
    /// - An unknown `from` gives `false` and stores nothing.
    async fn copy(&self, from: BlobKey, to: BlobKey) -> Result<bool, PortError>;

    /// Deletes a blob.
    ///
    /// # Behavior
    /// - A deleted blob is not found; deleting an unknown one is no error.
    async fn delete(&self, key: BlobKey) -> Result<(), PortError>;

    /// Every key that begins with `prefix`, in no particular order.
    ///
    /// # Behavior
    /// - Stored keys under the prefix are listed, others are not.
    async fn list(
        &self,
        prefix: BlobPrefix,
    ) -> Result<BoxStream<'static, Result<BlobKey, PortError>>, PortError>;

    /// A URL at which the store itself serves the blob for `ttl` to whoever has the URL, or `None` if the store
    /// serves nothing and the API has to.
    async fn signed_url(
        &self,
        key: BlobKey,
        ttl: Duration,
        media_type: &'static str,
    ) -> Result<Option<String>, PortError>;
}

/// Conveniences over any [`BlobStore`].
#[async_trait]
pub trait BlobStoreExt: BlobStore {
    /// Stores bytes that are in memory.
    async fn put_bytes(&self, key: BlobKey, bytes: Bytes) -> Result<(), PortError> {
        self.put(key, stream::once(async move { Ok(bytes) }).boxed()).await.map(drop)
    }

    /// Reads a whole blob of at most `max_bytes` into memory; `None` if there is none.
    async fn get_bytes(&self, key: BlobKey, max_bytes: u64) -> Result<Option<Bytes>, PortError> {
        let Some(Blob { size, mut body }) = self.get(key, None).await? else {
            return Ok(None);
        };
        let too_large =
            || PortError::new(PortErrorKind::Corrupt, "blob store", "read a blob over its known size");
        if size > max_bytes {
            return Err(too_large());
        }
        let first = body.try_next().await?.unwrap_or_default();
        if first.len() as u64 == size {
            return Ok(Some(first));
        }
        let mut bytes = BytesMut::with_capacity(size as usize);
        bytes.extend_from_slice(&first);
        while let Some(piece) = body.try_next().await? {
            if (bytes.len() + piece.len()) as u64 > max_bytes {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Some(bytes.freeze()))
    }

    /// Deletes every blob under `prefix`.
    async fn delete_all(&self, prefix: BlobPrefix) -> Result<(), PortError> {
        let mut keys = self.list(prefix).await?;
        while let Some(key) = keys.try_next().await? {
            self.delete(key).await?;
        }
        Ok(())
    }
}

impl<S: BlobStore + ?Sized> BlobStoreExt for S {}
