//! Streaming into the bucket: small files in one request, larger ones in parts.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::Fuse;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use pixmill::ports::{ByteStream, PortError};

use crate::error::from_driver;

const OPERATION: &str = "blobs.put";
/// Size of a part in bytes. S3 takes parts from 5 MiB up, and 10,000 of them.
const PART: usize = 8 << 20;

/// Stores what `body` gives, and returns how much it was. Of a body that breaks off nothing stays.
pub(crate) async fn put(store: &AmazonS3, to: &Path, body: ByteStream) -> Result<u64, PortError> {
    // A part may end exactly where the body does, and then the end is asked for once more.
    let mut body = body.fuse();
    let first = part(&mut body).await?;
    if first.len() < PART {
        let size = first.len() as u64;
        store.put(to, first.into()).await.map_err(|error| from_driver(error, OPERATION))?;
        return Ok(size);
    }
    let upload = store.put_multipart(to).await.map_err(|error| from_driver(error, OPERATION))?;
    let mut parts = Parts { upload: Some(upload) };
    let mut size = 0;
    let mut next = first;
    while !next.is_empty() {
        size += next.len() as u64;
        parts.put(next).await?;
        next = part(&mut body).await?;
    }
    parts.complete().await?;
    Ok(size)
}

/// As much of the body as makes a part; less at its end.
async fn part(body: &mut Fuse<ByteStream>) -> Result<Bytes, PortError> {
    let mut part = BytesMut::new();
    while part.len() < PART {
        match body.next().await {
            Some(piece) => part.extend_from_slice(&piece?),
            None => break,
        }
    }
    Ok(part.freeze())
}

/// An upload in parts. Dropped before its end, it is taken back.
struct Parts {
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Parts {
    async fn put(&mut self, part: Bytes) -> Result<(), PortError> {
        let upload = self.upload.as_mut().expect("it is there until it is completed");
        upload.put_part(PutPayload::from(part)).await.map_err(|error| from_driver(error, OPERATION))
    }

    async fn complete(mut self) -> Result<(), PortError> {
        let upload = self.upload.as_mut().expect("it is there until it is completed");
        upload.complete().await.map_err(|error| from_driver(error, OPERATION))?;
        self.upload = None;
        Ok(())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = upload.abort().await {
                    tracing::warn!(%error, "the parts of a broken upload stay until the bucket's rules remove them");
                }
            });
        }
    }
}
