//! What the sweeper finishes and removes.

use std::time::Duration;

use futures::FutureExt;
use pixmill::ports::{BlobStore, Images, PortErrorKind};
use pixmill::{
    BlobKey, Content, Image, Job, JobStatus, NewVersion, Processing, STRAGGLER_GRACE, Swept,
    TransformedImage, UserId,
};
use pixmill_testkit::{Calls, Fault};

use crate::kit::{DONE, Kit, until};

#[tokio::test]
async fn a_job_that_could_not_be_published_is_published_later() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    kit.faults.inject("queue.publish", Calls::First(1), Fault::Before(PortErrorKind::Unavailable));
    let job = kit.submit(&image, false).await;
    assert_eq!(kit.memory.queue.waiting(), 0);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().published, 0, "its publisher may still be at it");

    kit.advance(kit.settings.sweep_interval);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().published, 1);
    assert_eq!(kit.work().await, DONE);
    assert_eq!(kit.job(image.owner, job).await.status(), JobStatus::Completed);
}

#[tokio::test]
async fn an_unsaved_result_is_removed_when_its_time_is_over() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    kit.work().await;
    assert_eq!(kit.blobs().await.len(), 2);
    kit.advance(kit.settings.result_ttl);
    let expired = kit.services.results.transformed(image.owner, job).await.unwrap();
    assert_eq!(expired, Some(TransformedImage::Expired));

    assert_eq!(kit.services.sweeper.sweep().await.unwrap().outputs, 1);
    assert_eq!(kit.blobs().await, [image.current.content.blob]);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap(), Swept::default());
}

#[tokio::test]
async fn what_a_failed_job_left_is_removed() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    kit.submit(&image, true).await;
    kit.faults.inject("images.add_version", Calls::All, Fault::After(PortErrorKind::Internal));
    assert_eq!(kit.work().await, Processing::Finished(JobStatus::Failed));
    assert_eq!(kit.blobs().await.len(), 2);

    kit.advance(STRAGGLER_GRACE);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().outputs, 1);
    assert_eq!(kit.blobs().await, std::slice::from_ref(&image.current.content.blob));
    let image = kit.services.library.get(image.owner, image.id).await.unwrap().unwrap();
    assert_eq!(image.current.number, 1);
}

/// Lets the next attempt end in a way that may pass, and waits until what it left is due for removal.
async fn buried(kit: &Kit) {
    kit.faults.inject("blobs.get", Calls::First(1), Fault::Before(PortErrorKind::Internal));
    assert_eq!(kit.work().await, Processing::Finished(JobStatus::Failed));
    kit.advance(STRAGGLER_GRACE);
}

/// Opens the only dead letter anew, and says what it was.
async fn opened_anew(kit: &Kit) -> Job {
    let mut letters = kit.services.dead_letters.list(10).await.unwrap();
    assert_eq!(kit.services.dead_letters.redrive_all(&letters, 1).await.unwrap(), 1);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().published, 1);
    letters.remove(0)
}

/// Opens the only dead letter anew and works it off.
async fn redriven(kit: &Kit) {
    opened_anew(kit).await;
    assert_eq!(kit.work().await, DONE);
}

/// What there is of an image of which one version was saved.
async fn saved(kit: &Kit, image: &Image) -> Vec<BlobKey> {
    let (image, versions) = kit.services.library.versions(image.owner, image.id).await.unwrap().unwrap();
    assert_eq!((versions.len(), image.current.number), (2, versions[1].number));
    let mut blobs: Vec<_> = versions.into_iter().map(|version| version.content.blob).collect();
    blobs.sort();
    blobs
}

#[tokio::test]
async fn a_sweeper_that_stands_still_takes_nothing_away_that_was_made_anew() {
    for operation in ["images.drop_version", "blobs.delete"] {
        let kit = Kit::new();
        let image = kit.image(UserId::random()).await;
        kit.submit(&image, true).await;
        buried(&kit).await;
        let (sweeper, late) = (kit.services.sweeper.clone(), Duration::from_hours(1));
        kit.faults.inject(operation, Calls::First(1), Fault::Delay(late));
        let before = kit.faults.calls(operation);
        let stalled = tokio::spawn(async move { sweeper.sweep().await });
        until(|| kit.faults.calls(operation) > before).await;
        assert_eq!(kit.services.sweeper.sweep().await.unwrap().outputs, 1);
        redriven(&kit).await;
        kit.advance(late);
        stalled.await.unwrap().unwrap();
        assert_eq!(kit.blobs().await, saved(&kit, &image).await, "{operation}");
    }
}

#[tokio::test]
async fn what_a_straggler_left_goes_with_what_its_job_left_later() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let id = kit.submit(&image, true).await;
    buried(&kit).await;
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().outputs, 1);
    let place = opened_anew(&kit).await.output_key();
    // It dies before it can take back what it has stored.
    assert!(kit.memory.blobs.copy(image.current.content.blob.clone(), place.clone()).await.unwrap());
    let content = Content { blob: place, ..image.current.content.clone() };
    let version = NewVersion { image: image.id, job: id, parent: 1, content, description: None };
    assert_eq!(kit.memory.images.add_version(version).await.unwrap(), Some(2));
    kit.faults.clear();
    buried(&kit).await;
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().outputs, 1);
    assert_eq!(kit.blobs().await, [image.current.content.blob]);
    let image = kit.services.library.get(image.owner, image.id).await.unwrap().unwrap();
    assert_eq!(image.current.number, 1);
}

#[tokio::test]
async fn a_straggler_takes_nothing_away_that_was_made_after_its_job_was_opened_anew() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    kit.submit(&image, true).await;
    let late = STRAGGLER_GRACE * 3;
    kit.faults.inject("images.add_version", Calls::First(1), Fault::Delay(late));
    kit.faults.inject("jobs.renew", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    let stalled = kit.work_until("images.add_version").await;
    kit.advance(kit.settings.lease + kit.settings.sweep_interval);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().published, 1);
    buried(&kit).await;
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().outputs, 1);
    redriven(&kit).await;
    kit.advance(late);
    assert_eq!(stalled.await.unwrap().unwrap(), Processing::Skipped);
    assert_eq!(kit.blobs().await, saved(&kit, &image).await);
}

#[tokio::test]
async fn what_can_never_be_done_keeps_nothing_else_from_being_done() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    kit.submit(&image, false).await;
    kit.work().await;
    kit.advance(kit.settings.result_ttl);
    kit.faults.inject("jobs.release", Calls::All, Fault::Before(PortErrorKind::Corrupt));
    let wrong = kit.services.sweeper.sweep().await.unwrap_err();
    assert_eq!(wrong.kind(), PortErrorKind::Corrupt);
    assert_eq!(kit.blobs().await, [image.current.content.blob]);

    kit.faults.inject("jobs.due_unpublished", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    let before = kit.faults.calls("jobs.due_output_removals");
    kit.services.sweeper.sweep().await.unwrap_err();
    assert_eq!(kit.faults.calls("jobs.due_output_removals"), before, "a system that is away is left alone");
}

#[tokio::test]
async fn a_deletion_that_was_cut_short_is_finished() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    kit.faults.inject("blobs.list", Calls::First(1), Fault::Before(PortErrorKind::Unavailable));
    assert!(kit.services.library.delete(image.owner, image.id).await.is_err());
    assert!(kit.services.library.get(image.owner, image.id).await.unwrap().is_none());
    assert_eq!(kit.blobs().await.len(), 1);

    kit.advance(STRAGGLER_GRACE);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().images, 1);
    assert_eq!(kit.blobs().await, []);
}

#[tokio::test]
async fn the_worker_and_the_sweeper_run_until_they_are_stopped() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let jobs = [kit.submit(&image, false).await, kit.submit(&image, true).await];
    let (stop, stopped) = futures::channel::oneshot::channel::<()>();
    let worker = kit.services.worker.clone();
    let running = tokio::spawn(async move { worker.run(stopped.map(|_| ())).await });
    for job in jobs {
        while !kit.job(image.owner, job).await.status().is_final() {
            // The second one may have to wait for the first, which makes the same.
            kit.advance(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    }
    drop(stop);
    running.await.unwrap();

    let (stop, stopped) = futures::channel::oneshot::channel::<()>();
    let sweeper = kit.services.sweeper.clone();
    let running = tokio::spawn(async move { sweeper.run(stopped.map(|_| ())).await });
    kit.clock.until_sleeping(1).await;
    kit.advance(Duration::from_hours(48));
    while kit.blobs().await.len() > 2 {
        tokio::task::yield_now().await;
    }
    drop(stop);
    running.await.unwrap();
}
