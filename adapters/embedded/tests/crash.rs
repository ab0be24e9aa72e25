//! A process that is killed in the middle of everything, while another one backs its store up.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use pixmill::ports::{BlobStore, BlobStoreExt, Clock, Images, JobMessage, Jobs, Queue};
use pixmill::{BlobKey, BlobPrefix, Claim, ClaimTerms, Image, ImageId, JobId, UserId};
use pixmill_embedded::{Config, EmbeddedStore, OpenError, backup};
use pixmill_testkit::{TestClock, fixtures};

const DIR: &str = "PIXMILL_CRASH_TEST_DIR";
const TERMS: ClaimTerms = ClaimTerms { lease: Duration::from_hours(1), max_attempts: 3 };
const OWNER: UserId = UserId::from_bytes([9; 12]);
const RESERVED: ImageId = ImageId::from_bytes([1; 12]);

fn open(dir: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(Config::new(dir, TestClock::new()))
}

#[tokio::test]
async fn a_killed_process_leaves_nothing_in_the_way() {
    let (dir, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(victim.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap().contains("busy")), "the victim ended early");

    let refused = open(dir.path()).err();
    assert!(matches!(refused, Some(OpenError::Locked { pid: Some(pid), .. }) if pid == victim.id()));
    let report = backup(dir.path(), target.path()).unwrap();
    assert_eq!((report.blobs, report.missing.len()), (1, 0));
    victim.kill().unwrap();
    victim.wait().unwrap();

    for dir in [dir.path(), target.path()] {
        check(&open(dir).unwrap(), dir).await;
    }
}

/// What has to hold once somebody else has the folder.
async fn check(store: &EmbeddedStore, dir: &Path) {
    assert!(dir.join("tmp").read_dir().unwrap().next().is_none(), "temporary files");
    let images =
        store.images().list(OWNER, pixmill::ports::PageRequest { after: None, limit: 10 }).await.unwrap();
    let [image] = images.items.as_slice() else { panic!("expected the one image, got {images:?}") };
    let key = BlobKey::original(image.id);
    assert_eq!(store.blobs().get_bytes(key, 100).await.unwrap(), Some(Bytes::from_static(b"original")));
    assert_eq!(store.blobs().list(BlobPrefix::all()).await.unwrap().count().await, 1);
    assert_eq!(store.images().due_removals(10).await.unwrap(), [RESERVED]);

    let mut claimed = Vec::new();
    let mut deliveries = Vec::new();
    while let Some(delivery) = store.queue().receive().now_or_never() {
        deliveries.push(delivery.unwrap());
    }
    for delivery in &deliveries {
        let job = JobMessage::parse(delivery.payload()).unwrap().job_id;
        let Claim::Claimed(job, _) = store.jobs().claim(job, TERMS).await.unwrap() else {
            panic!("not claimed")
        };
        claimed.push(job.attempts);
    }
    claimed.sort_unstable();
    assert_eq!(claimed, [1, 1, 2], "all jobs are delivered, and the lost attempt counts");
}

/// The process that is killed. It prints a word when it is in the middle of everything, and waits for its end.
#[tokio::test]
#[ignore = "it is run, and killed, by the test above"]
async fn victim() {
    let dir = std::env::var_os(DIR).expect("the test above sets it");
    let clock = TestClock::new();
    let store = EmbeddedStore::open(Config::new(dir, Arc::<TestClock>::clone(&clock))).unwrap();
    let image = Image { owner: OWNER, ..fixtures::image(OWNER, clock.now()) };
    store.images().reserve(image.id, Duration::from_hours(1)).await.unwrap();
    store.blobs().put_bytes(BlobKey::original(image.id), Bytes::from_static(b"original")).await.unwrap();
    assert!(store.images().insert(image.clone()).await.unwrap());
    store.images().reserve(RESERVED, Duration::from_hours(1)).await.unwrap();
    for _ in 0..3 {
        store.jobs().accept(vec![fixtures::job_on(&image, clock.now())], usize::MAX).await.unwrap();
    }
    let delivery = store.queue().receive().await.unwrap();
    let job: JobId = JobMessage::parse(delivery.payload()).unwrap().job_id;
    assert!(matches!(store.jobs().claim(job, TERMS).await.unwrap(), Claim::Claimed(..)));
    let half = stream::once(async { Ok(Bytes::from(vec![7; 1 << 20])) });
    let end = stream::once(async {
        let mut output = std::io::stdout();
        output.write_all(b"busy\n").and_then(|()| output.flush()).unwrap();
        futures::future::pending().await
    });
    store.blobs().put(BlobKey::preview(image.id, job), half.chain(end).boxed()).await.unwrap();
}
