//! The blob store beyond its contract: what is on the disk when something goes wrong.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use futures::{FutureExt, poll};
use pixmill::ports::{BlobStore, BlobStoreExt, PortError, PortErrorKind};
use pixmill::{BlobKey, BlobPrefix, ImageId, JobId};
use pixmill_embedded::{Config, EmbeddedStore, FileBlobStore};
use pixmill_testkit::TestClock;
use tokio::sync::oneshot;

const MIB: usize = 1 << 20;

fn store() -> (tempfile::TempDir, Arc<FileBlobStore>) {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(Config::new(dir.path(), TestClock::new())).unwrap();
    (dir, store.blobs())
}

fn key() -> BlobKey {
    BlobKey::original(ImageId::random())
}

fn is_empty(dir: &Path) -> bool {
    dir.read_dir().unwrap().next().is_none()
}

#[tokio::test]
async fn a_stream_that_fails_leaves_nothing() {
    let (dir, blobs) = store();
    for pieces in [0, 1, 5] {
        let full = || PortError::new(PortErrorKind::Full, "test", "body");
        let body = stream::iter((0..pieces).map(|_| Ok(Bytes::from(vec![7; MIB]))))
            .chain(stream::once(async move { Err(full()) }));
        let error = blobs.put(key(), body.boxed()).await.unwrap_err();
        assert_eq!((error.kind(), error.adapter()), (PortErrorKind::Full, "test"));
        assert!(is_empty(&dir.path().join("tmp")) && is_empty(&dir.path().join("blobs")));
    }
}

#[tokio::test]
async fn a_put_that_is_dropped_leaves_nothing() {
    let (dir, blobs) = store();
    let (asked, more_is_asked_for) = oneshot::channel();
    let pieces = stream::once(async { Ok(Bytes::from(vec![7; MIB])) });
    let never = stream::once(async move {
        asked.send(()).unwrap();
        futures::future::pending().await
    });
    let mut put = blobs.put(key(), pieces.chain(never).boxed());
    tokio::select! {
        _ = &mut put => panic!("the stream never ends"),
        asked = more_is_asked_for => asked.unwrap(),
    }
    assert!(!is_empty(&dir.path().join("tmp")));
    drop(put);
    assert!(is_empty(&dir.path().join("tmp")) && is_empty(&dir.path().join("blobs")));
}

#[tokio::test]
async fn a_large_blob_comes_back_in_pieces_also_when_it_is_replaced_meanwhile() {
    let (_dir, blobs) = store();
    let bytes: Vec<u8> = (0..3 * MIB + 17).map(|at| (at % 251) as u8).collect();
    let key = key();
    blobs.put_bytes(key.clone(), bytes.clone().into()).await.unwrap();
    let opened = blobs.get(key.clone(), Some(5..u64::MAX)).await.unwrap().unwrap();
    assert_eq!(opened.size, bytes.len() as u64);
    blobs.put_bytes(key.clone(), Bytes::from_static(b"new")).await.unwrap();
    let read: Vec<Bytes> = opened.body.try_collect().await.unwrap();
    assert!(read.len() > 1 && read.iter().all(|piece| piece.len() <= 256 << 10));
    assert!(read.concat() == bytes[5..]);
    assert_eq!(blobs.get_bytes(key, 10).await.unwrap(), Some(Bytes::from_static(b"new")));
}

#[tokio::test]
async fn a_copy_leaves_no_temporary_file_even_onto_itself() {
    let (dir, blobs) = store();
    let (from, to) = (key(), key());
    blobs.put_bytes(from.clone(), Bytes::from_static(b"bytes")).await.unwrap();
    for to in [&to, &to, &from] {
        assert!(blobs.copy(from.clone(), to.clone()).await.unwrap());
        assert_eq!(blobs.get_bytes(to.clone(), 10).await.unwrap(), Some(Bytes::from_static(b"bytes")));
        assert!(is_empty(&dir.path().join("tmp")));
    }
}

#[tokio::test]
async fn deleting_the_last_blob_removes_its_folders() {
    let (dir, blobs) = store();
    let key = key();
    blobs.put_bytes(key.clone(), Bytes::new()).await.unwrap();
    blobs.delete(key).await.unwrap();
    assert!(is_empty(&dir.path().join("blobs")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_come_and_go_in_one_folder_at_once() {
    let (dir, blobs) = store();
    let image = ImageId::random();
    let tasks = (0..8).map(|_| {
        let (blobs, key) = (Arc::clone(&blobs), BlobKey::version(image, JobId::random()));
        tokio::spawn(async move {
            for _ in 0..50 {
                blobs.put_bytes(key.clone(), Bytes::from_static(b"bytes")).await.unwrap();
                assert_eq!(
                    blobs.get_bytes(key.clone(), 10).await.unwrap(),
                    Some(Bytes::from_static(b"bytes"))
                );
                blobs.delete(key.clone()).await.unwrap();
            }
        })
    });
    for task in futures::future::join_all(tasks).await {
        task.unwrap();
    }
    assert!(is_empty(&dir.path().join("blobs")));
}

#[tokio::test]
async fn a_walk_brings_more_keys_than_one_step() {
    let (_dir, blobs) = store();
    let image = ImageId::random();
    let mut keys: Vec<_> = (0..1200).map(|_| BlobKey::preview(image, JobId::random())).collect();
    let first = keys[0].clone();
    blobs.put_bytes(first.clone(), Bytes::new()).await.unwrap();
    for key in &keys[1..] {
        blobs.copy(first.clone(), key.clone()).await.unwrap();
    }
    let mut listed: Vec<_> = blobs.list(BlobPrefix::all()).await.unwrap().try_collect().await.unwrap();
    keys.sort();
    listed.sort();
    assert!(listed == keys);
    for prefix in BlobPrefix::of_image(ImageId::random()) {
        assert!(blobs.list(prefix).await.unwrap().next().now_or_never().flatten().is_none());
    }
}

#[tokio::test]
async fn opening_reads_nothing_until_it_is_asked_to() {
    let (_dir, blobs) = store();
    let mut opening = blobs.get(key(), None);
    // The first poll hands the work to a thread; the runtime's own thread does not wait for a disk.
    assert!(poll!(&mut opening).is_pending());
    assert!(opening.await.unwrap().is_none());
}
