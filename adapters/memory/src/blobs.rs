//! The store of blobs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use pixmill::ports::{Blob, BlobStore, ByteStream, PortError, PortErrorKind};
use pixmill::{BlobKey, BlobPrefix};

use crate::lock;

/// Blobs in memory. It serves no URLs.
pub struct MemoryBlobStore {
    max_bytes: u64,
    blobs: Mutex<BTreeMap<BlobKey, Bytes>>,
}

impl MemoryBlobStore {
    /// An empty store that takes whatever the process has memory for.
    pub fn new() -> Self {
        Self::with_capacity(u64::MAX)
    }

    /// An empty store that is full at `max_bytes` in all blobs together.
    pub fn with_capacity(max_bytes: u64) -> Self {
        Self { max_bytes, blobs: Mutex::default() }
    }

    /// Size of all blobs together, in bytes.
    pub fn bytes(&self) -> u64 {
        total(&lock(&self.blobs))
    }

    fn store(
        &self,
        blobs: &mut BTreeMap<BlobKey, Bytes>,
        key: BlobKey,
        bytes: Bytes,
    ) -> Result<(), PortError> {
        let replaced = blobs.get(&key).map_or(0, Bytes::len) as u64;
        let after = total(blobs) - replaced + bytes.len() as u64;
        if after > self.max_bytes {
            return Err(PortError::new(PortErrorKind::Full, "memory", "blobs.put"));
        }
        blobs.insert(key, bytes);
        Ok(())
    }
}

impl Default for MemoryBlobStore {
    fn default() -> Self {
        Self::new()
    }
}

fn total(blobs: &BTreeMap<BlobKey, Bytes>) -> u64 {
    blobs.values().map(|bytes| bytes.len() as u64).sum()
}

#[async_trait]
impl BlobStore for MemoryBlobStore {
    async fn put(&self, key: BlobKey, body: ByteStream) -> Result<u64, PortError> {
        let full = || PortError::new(PortErrorKind::Full, "memory", "blobs.put");
        let bytes = body
            .try_fold(BytesMut::new(), |mut bytes, piece| async move {
                // A body that can never fit is not read to its end.
                if (bytes.len() + piece.len()) as u64 > self.max_bytes {
                    return Err(full());
                }
                bytes.extend_from_slice(&piece);
                Ok(bytes)
            })
            .await?;
        let size = bytes.len() as u64;
        self.store(&mut lock(&self.blobs), key, bytes.freeze())?;
        Ok(size)
    }

    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<Option<Blob>, PortError> {
        let Some(bytes) = lock(&self.blobs).get(&key).cloned() else {
            return Ok(None);
        };
        let size = bytes.len() as u64;
        let part = match range {
            None => bytes,
            Some(range) => {
                let start = range.start.min(size);
                bytes.slice(start as usize..range.end.clamp(start, size) as usize)
            }
        };
        Ok(Some(Blob { size, body: stream::once(async move { Ok(part) }).boxed() }))
    }

    async fn copy(&self, from: BlobKey, to: BlobKey) -> Result<bool, PortError> {
        let mut blobs = lock(&self.blobs);
        let Some(bytes) = blobs.get(&from).cloned() else {
            return Ok(false);
        };
        self.store(&mut blobs, to, bytes)?;
        Ok(true)
    }

    async fn delete(&self, key: BlobKey) -> Result<(), PortError> {
        lock(&self.blobs).remove(&key);
        Ok(())
    }

    async fn list(
        &self,
        prefix: BlobPrefix,
    ) -> Result<BoxStream<'static, Result<BlobKey, PortError>>, PortError> {
        let blobs = lock(&self.blobs);
        let keys: Vec<_> =
            blobs.keys().filter(|key| key.as_str().starts_with(prefix.as_str())).cloned().collect();
        Ok(stream::iter(keys.into_iter().map(Ok)).boxed())
    }

    async fn signed_url(
        &self,
        _key: BlobKey,
        _ttl: Duration,
        _media_type: &'static str,
    ) -> Result<Option<String>, PortError> {
        Ok(None)
    }
}
