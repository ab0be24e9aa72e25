//! The blob store over files: streams on the runtime's side, [`BlobFiles`] on blocking threads, a bounded number
//! of them.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use pixmill::ports::{Blob, BlobStore, ByteStream, PortError, PortErrorKind};
use pixmill::{BlobKey, BlobPrefix};
use tokio::sync::Semaphore;
use tokio::task;

use crate::backup::BLOBS;
use crate::blob_files::{BlobFiles, OpenBlob, Rest, Unplaced};
use crate::error::{ADAPTER, OpenError, file_error};
use crate::lock::{Lock, create_dir};

/// Bytes that are collected before a thread is asked to write them.
const BATCH: usize = 512 << 10;
/// Keys that a walk brings at once.
const KEYS: usize = 512;

/// Blobs as files, named after their keys.
#[derive(Debug, Clone)]
pub struct FileBlobStore {
    files: Arc<BlobFiles>,
    tasks: Arc<Semaphore>,
    _lock: Arc<Lock>,
}

impl FileBlobStore {
    /// Opens the files of a data folder alone, for a service that keeps its records elsewhere; they are those that an
    /// [`EmbeddedStore`](crate::EmbeddedStore) in this folder has. The folder stays locked until all clones are dropped.
    /// `tasks` file operations run at once. Blocks for a moment; needs no runtime.
    ///
    /// # Errors
    /// If the folder is in use or can't be used.
    pub fn open(data_dir: &Path, tasks: usize) -> Result<Self, OpenError> {
        let lock = Lock::acquire(data_dir)?;
        Self::in_folder(data_dir, tasks, Arc::new(lock))
    }

    /// The files of a data folder that is locked already.
    pub(crate) fn in_folder(data_dir: &Path, tasks: usize, lock: Arc<Lock>) -> Result<Self, OpenError> {
        let (root, temporary) = (data_dir.join(BLOBS), data_dir.join("tmp"));
        create_dir(&root)?;
        create_dir(&temporary)?;
        let files =
            BlobFiles::open(root, temporary.clone()).map_err(|error| OpenError::io(temporary, error))?;
        Ok(Self { files: Arc::new(files), tasks: Arc::new(Semaphore::new(tasks.max(1))), _lock: lock })
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&BlobFiles) -> io::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let store = self.clone();
        let permit = Arc::clone(&self.tasks).acquire_owned().await.expect("the semaphore is never closed");
        let task = task::spawn_blocking(move || {
            let done = work(&store.files);
            drop(permit);
            done
        });
        match task.await {
            Ok(done) => done.map_err(|error| file_error(error, operation)),
            Err(error) => Err(PortError::new(PortErrorKind::Internal, ADAPTER, operation).with_source(error)),
        }
    }
}

#[async_trait]
impl BlobStore for FileBlobStore {
    async fn put(&self, key: BlobKey, mut body: ByteStream) -> Result<u64, PortError> {
        let mut unplaced: Option<Unplaced> = None;
        loop {
            // The file travels to the thread and back, so that whoever drops it last removes it.
            let (pieces, ended) = collect(&mut body).await?;
            let begun = unplaced.take();
            let write = move |files: &BlobFiles| {
                let mut blob = begun.map_or_else(|| files.create(), Ok)?;
                blob.write(&pieces)?;
                Ok(blob)
            };
            if ended {
                let last = move |files: &BlobFiles| files.place(write(files)?, &key);
                return self.run("blobs.put", last).await;
            }
            unplaced = Some(self.run("blobs.put", write).await?);
        }
    }

    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<Option<Blob>, PortError> {
        let opened = self.run("blobs.get", move |files| files.get(&key, range)).await?;
        Ok(opened.map(|OpenBlob { size, first, rest }| Blob { size, body: self.body(first, rest) }))
    }

    async fn copy(&self, from: BlobKey, to: BlobKey) -> Result<bool, PortError> {
        self.run("blobs.copy", move |files| files.copy(&from, &to)).await
    }

    async fn delete(&self, key: BlobKey) -> Result<(), PortError> {
        self.run("blobs.delete", move |files| files.delete(&key)).await
    }

    async fn list(
        &self,
        prefix: BlobPrefix,
    ) -> Result<BoxStream<'static, Result<BlobKey, PortError>>, PortError> {
        let walk = self.run("blobs.list", move |files| files.list(&prefix)).await?;
        let store = self.clone();
        let keys = stream::try_unfold(walk, move |mut walk| {
            let store = store.clone();
            async move {
                let next = move |_: &BlobFiles| Ok((walk.next(KEYS)?, walk));
                let (keys, walk) = store.run("blobs.list", next).await?;
                Ok::<_, PortError>((!keys.is_empty()).then(|| (stream::iter(keys.into_iter().map(Ok)), walk)))
            }
        });
        Ok(keys.try_flatten().boxed())
    }

    /// None: nothing but the API serves files.
    async fn signed_url(
        &self,
        _: BlobKey,
        _: Duration,
        _: &'static str,
    ) -> Result<Option<String>, PortError> {
        Ok(None)
    }
}

impl FileBlobStore {
    /// The first piece, then the others as they are asked for.
    fn body(&self, first: Bytes, rest: Rest) -> ByteStream {
        let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
        if rest.is_done() {
            return first.boxed();
        }
        let store = self.clone();
        let others = stream::try_unfold(rest, move |mut rest| {
            let store = store.clone();
            async move {
                if rest.is_done() {
                    return Ok(None);
                }
                let read = move |_: &BlobFiles| Ok((rest.read()?, rest));
                let (piece, rest) = store.run("blobs.get", read).await?;
                Ok(piece.map(|piece| (piece, rest)))
            }
        });
        first.chain(others).boxed()
    }
}

/// Takes pieces until there is enough for a write, and says whether that was the end.
async fn collect(body: &mut ByteStream) -> Result<(Vec<Bytes>, bool), PortError> {
    let (mut pieces, mut size) = (Vec::new(), 0);
    while size < BATCH {
        match body.try_next().await? {
            Some(piece) => {
                size += piece.len();
                pieces.push(piece);
            }
            None => return Ok((pieces, true)),
        }
    }
    Ok((pieces, false))
}
