//! Backups of a store that is in use.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use pixmill::ports::{BlobStore, BlobStoreExt, Images, Jobs, PageRequest};
use pixmill::{
    BlobKey, BlobPrefix, Claim, ClaimTerms, Content, ContentHash, ImageId, JobId, JobState, NewVersion,
    Outcome, Output, UserId,
};
use pixmill_embedded::{BackupError, BackupProgress, Config, EmbeddedStore, backup};
use pixmill_testkit::{TestClock, fixtures};
use tokio::task::spawn_blocking;

const TERMS: ClaimTerms = ClaimTerms { lease: Duration::from_mins(1), max_attempts: 3 };
const KEEP: Duration = Duration::from_hours(1_000_000);
const OWNER: UserId = UserId::from_bytes([5; 12]);

fn open(dir: &Path) -> EmbeddedStore {
    EmbeddedStore::open(Config::new(dir, TestClock::new())).unwrap()
}

fn all<Id>() -> PageRequest<Id> {
    PageRequest { after: None, limit: usize::MAX }
}

/// Uploads an image and runs two jobs on it, one saved.
async fn upload(store: &EmbeddedStore) -> ImageId {
    let image = fixtures::image(OWNER, TestClock::START);
    store.images().reserve(image.id, Duration::from_hours(1)).await.unwrap();
    put(store, &image.current.content).await;
    assert!(store.images().insert(image.clone()).await.unwrap());
    for save in [false, true] {
        let mut job = fixtures::job_on(&image, TestClock::START);
        job.save = save;
        store.jobs().accept(vec![job.clone()], usize::MAX).await.unwrap();
        let Claim::Claimed(_, token) = store.jobs().claim(job.id, TERMS).await.unwrap() else {
            panic!("not claimed")
        };
        let content = fixtures::content(job.output_key(), job.id.as_bytes());
        put(store, &content).await;
        let version = if save { add_version(store, image.id, job.id, &content).await } else { None };
        let output = Output { content, version };
        assert!(store.jobs().finish(job.id, token, Outcome::Completed { output, keep: KEEP }).await.unwrap());
    }
    image.id
}

async fn add_version(store: &EmbeddedStore, image: ImageId, job: JobId, content: &Content) -> Option<u32> {
    let version = NewVersion { image, job, parent: 1, content: content.clone(), description: None };
    store.images().add_version(version).await.unwrap()
}

/// Stores the bytes whose hash the fixtures give: those of the last id in the key.
async fn put(store: &EmbeddedStore, content: &Content) {
    let text = content.blob.as_str();
    let id = if text.ends_with("original") { text.split('/').nth(1) } else { text.rsplit('/').next() };
    let id: ImageId = id.unwrap().parse().unwrap();
    store.blobs().put_bytes(content.blob.clone(), Bytes::copy_from_slice(id.as_bytes())).await.unwrap();
}

async fn delete(store: &EmbeddedStore, image: ImageId) {
    assert!(store.images().delete(OWNER, image, Duration::ZERO).await.unwrap());
    for prefix in BlobPrefix::of_image(image) {
        store.blobs().delete_all(prefix).await.unwrap();
    }
    store.images().purge(image).await.unwrap();
}

/// Whether the store has the blob, and with the bytes that it should have.
async fn holds(store: &EmbeddedStore, content: &Content) -> bool {
    let bytes = store.blobs().get_bytes(content.blob.clone(), 1000).await.unwrap();
    bytes.is_some_and(|bytes| ContentHash::of(&bytes) == content.hash)
}

/// Uploads images and deletes every third, until it is told to stop.
async fn work(store: EmbeddedStore, stop: Arc<AtomicBool>) {
    let mut last = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        last.push(upload(&store).await);
        if last.len() == 3 {
            delete(&store, last.remove(0)).await;
            last.clear();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_busy_store_has_every_blob_that_it_refers_to() {
    let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path());
    for _ in 0..30 {
        upload(&store).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..4).map(|_| tokio::spawn(work(store.clone(), Arc::clone(&stop)))).collect();
    let (from, to) = (dir.path().to_owned(), target.path().join("copy"));
    let report = spawn_blocking(move || backup(&from, &to)).await.unwrap().unwrap();
    stop.store(true, Ordering::Relaxed);
    for worker in join_all(workers).await {
        worker.unwrap();
    }
    assert_eq!(report.missing, []);

    let copy = open(&target.path().join("copy"));
    let images = copy.images().list(OWNER, all()).await.unwrap().items;
    assert!(images.len() >= 30);
    let mut lost = 0;
    for image in &images {
        for version in copy.images().versions(image.id).await.unwrap() {
            lost += u64::from(!holds(&copy, &version.content).await);
        }
    }
    let present: Vec<ImageId> = images.iter().map(|image| image.id).collect();
    for job in copy.jobs().list(Some(OWNER), None, all()).await.unwrap().items {
        if let JobState::Completed { output: Output { content, version: None } } = &job.state
            && present.contains(&job.image)
        {
            lost += u64::from(!holds(&copy, content).await);
        }
    }
    assert!(
        lost <= report.deleted_meanwhile,
        "{lost} blobs are gone, but only {} were deleted",
        report.deleted_meanwhile
    );
}

#[tokio::test]
async fn a_backup_is_the_store_as_it_was() {
    let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path());
    let image = upload(&store).await;
    std::fs::write(dir.path().join("secret"), "shh").unwrap();
    let mut steps = Vec::new();
    let report = store.backup(target.path(), |step| steps.push(step)).unwrap();
    assert_eq!((report.blobs, report.deleted_meanwhile, report.secret), (3, 0, true));
    assert!(report.missing.is_empty() && report.blob_bytes == 36 && report.database_bytes > 0);
    assert!(steps.ends_with(&[BackupProgress::Blobs { done: 3 }]), "{steps:?}");

    // What happens to the store from now on does not concern the copy.
    delete(&store, image).await;
    let copy = open(target.path());
    let copied = copy.images().get(OWNER, image).await.unwrap().expect("the copy has the image");
    assert!(holds(&copy, &copied.current.content).await);
    let secret = target.path().join("secret");
    assert_eq!(std::fs::read(&secret).unwrap(), b"shh");
    for private in [secret, target.path().join("pixmill.db")] {
        assert_eq!(private.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_store_that_nobody_has_open_can_be_backed_up() {
    let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let image = upload(&open(dir.path())).await;
    backup(dir.path(), target.path()).unwrap();
    assert!(open(target.path()).images().get(OWNER, image).await.unwrap().is_some());
    assert!(open(dir.path()).images().get(OWNER, image).await.unwrap().is_some());
}

#[tokio::test]
async fn a_blob_that_the_store_has_lost_is_reported() {
    let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path());
    let key = BlobKey::original(upload(&store).await);
    store.blobs().delete(key.clone()).await.unwrap();
    let report = store.backup(target.path(), |_| ()).unwrap();
    assert_eq!((report.missing, report.deleted_meanwhile), (vec![key], 0));
}

#[test]
fn a_bad_target_is_refused() {
    let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(matches!(backup(dir.path(), target.path()), Err(BackupError::NoStore(_))));
    drop(open(dir.path()));
    let inside = dir.path().join("copy");
    assert!(matches!(backup(dir.path(), &inside), Err(BackupError::Inside(_))));
    assert!(!inside.exists());
    std::fs::write(target.path().join("song.mp3"), "").unwrap();
    assert!(matches!(backup(dir.path(), target.path()), Err(BackupError::NotEmpty(_))));
}
