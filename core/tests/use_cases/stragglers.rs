//! Attempts that go on when their job is no longer theirs, and what they leave behind.

use std::time::Duration;

use pixmill::ports::{Cancellation, Jobs, PortErrorKind};
use pixmill::{Claim, ClaimTerms, JobStatus, Outcome, Processing, STRAGGLER_GRACE, UserId};
use pixmill_testkit::{Calls, Fault};

use crate::kit::{DONE, Kit, until};

#[tokio::test]
async fn a_worker_that_lost_its_job_changes_nothing() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, true).await;
    // The first worker stalls before it records its version; a second one takes over meanwhile.
    kit.faults.inject("images.add_version", Calls::First(1), Fault::Delay(Duration::from_secs(90)));
    kit.faults.inject("jobs.renew", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    let stalled = kit.work_until("images.add_version").await;
    kit.advance(Duration::from_secs(60));
    kit.services.sweeper.sweep().await.unwrap();
    assert_eq!(kit.work().await, DONE);
    let done = kit.job(image.owner, job).await;

    kit.advance(Duration::from_secs(60));
    assert_eq!(stalled.await.unwrap().unwrap(), Processing::Skipped);
    assert_eq!(kit.job(image.owner, job).await, done);
    assert_eq!(kit.blobs().await.len(), 2);
}

#[tokio::test]
async fn a_worker_that_stores_a_result_after_its_image_is_gone_leaves_nothing() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    let late = STRAGGLER_GRACE * 2;
    kit.faults.inject("blobs.put", Calls::First(1), Fault::Delay(late));
    kit.faults.inject("jobs.renew", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    let stalled = kit.work_until("blobs.put").await;
    kit.advance(kit.settings.lease * 2);
    kit.services.sweeper.sweep().await.unwrap();
    assert_eq!(kit.work().await, DONE);
    assert!(kit.services.library.delete(image.owner, image.id).await.unwrap());
    kit.advance(STRAGGLER_GRACE);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().images, 1);
    assert_eq!(kit.job(image.owner, job).await.status(), JobStatus::Completed);

    kit.advance(late);
    assert_eq!(stalled.await.unwrap().unwrap(), Processing::Skipped);
    assert_eq!(kit.blobs().await, []);
}

#[tokio::test]
async fn a_job_cancelled_while_it_runs_leaves_nothing() {
    for save in [false, true] {
        let kit = Kit::new();
        let image = kit.image(UserId::random()).await;
        let job = kit.submit(&image, save).await;
        kit.faults.inject("jobs.finish", Calls::First(1), Fault::Delay(Duration::from_secs(5)));
        let running = kit.work_until("jobs.finish").await;
        let cancelled = kit.memory.jobs.cancel(image.owner, job).await.unwrap();
        assert!(matches!(cancelled, Cancellation::Cancelled(_)));
        kit.advance(Duration::from_secs(5));
        assert_eq!(running.await.unwrap().unwrap(), Processing::Skipped);

        assert_eq!(kit.job(image.owner, job).await.status(), JobStatus::Cancelled);
        assert_eq!(kit.blobs().await, [image.current.content.blob]);
        let image = kit.services.library.get(image.owner, image.id).await.unwrap().unwrap();
        assert_eq!(image.current.number, 1);
    }
}

#[tokio::test]
async fn a_version_that_is_on_its_way_when_its_job_is_cancelled_is_removed_after_that() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, true).await;
    let on_its_way = kit.settings.lease * 2;
    kit.faults.inject("images.add_version", Calls::First(1), Fault::Delay(on_its_way));
    let running = kit.work_until("images.add_version").await;
    kit.services.results.cancel(image.owner, job).await.unwrap();
    kit.advance(kit.settings.lease);
    until(|| kit.faults.calls("jobs.renew") > 0).await;
    // What is done about a lost lease is done by now.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(kit.faults.calls("images.drop_version"), 0, "removed before it was there");

    kit.advance(on_its_way);
    assert_eq!(running.await.unwrap().unwrap(), Processing::Skipped);
    assert_eq!(kit.faults.calls("images.drop_version"), 1);
    assert_eq!(kit.services.library.versions(image.owner, image.id).await.unwrap().unwrap().1.len(), 1);
    assert_eq!(kit.blobs().await, [image.current.content.blob]);
}

#[tokio::test]
async fn an_attempt_leaves_nothing_half_done_that_could_hold_what_comes_next() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let lease = kit.settings.lease;
    // A renewal is on its way when the result is stored.
    let job = kit.submit(&image, false).await;
    kit.faults.inject("blobs.put", Calls::First(1), Fault::Delay(lease / 2));
    kit.faults.inject("jobs.renew", Calls::All, Fault::Delay(lease * 9));
    kit.faults.inject("jobs.finish", Calls::First(1), Fault::Delay(lease));
    let ending = kit.work_until("blobs.put").await;
    kit.advance(lease / 3);
    until(|| kit.faults.under_way("jobs.renew") == 1).await;
    kit.advance(lease / 2);
    until(|| kit.faults.under_way("jobs.finish") == 1).await;
    assert_eq!(kit.faults.under_way("jobs.renew"), 0, "nobody asks after it any more");
    kit.advance(lease);
    assert_eq!(ending.await.unwrap().unwrap(), DONE);
    assert_eq!(kit.job(image.owner, job).await.status(), JobStatus::Completed);

    // The result is still being stored when the job turns out to be cancelled.
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    kit.faults.inject("blobs.put", Calls::First(1), Fault::Delay(lease * 9));
    kit.faults.inject("blobs.delete", Calls::First(1), Fault::Delay(lease));
    let ending = kit.work_until("blobs.put").await;
    kit.services.results.cancel(image.owner, job).await.unwrap();
    kit.advance(lease / 3);
    until(|| kit.faults.under_way("blobs.delete") == 1).await;
    assert_eq!(kit.faults.under_way("blobs.put"), 0, "nobody wants it any more");
    kit.advance(lease);
    assert_eq!(ending.await.unwrap().unwrap(), Processing::Skipped);
}

#[tokio::test]
async fn an_outcome_reported_under_an_old_token_is_refused() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    let terms = ClaimTerms { lease: kit.settings.lease, max_attempts: 5 };
    let Claim::Claimed(_, old) = kit.memory.jobs.claim(job, terms).await.unwrap() else {
        panic!("not claimed")
    };
    kit.advance(kit.settings.lease);
    let Claim::Claimed(..) = kit.memory.jobs.claim(job, terms).await.unwrap() else { panic!("not claimed") };
    assert!(!kit.memory.jobs.finish(job, old, Outcome::Retry { after: Duration::ZERO }).await.unwrap());
}
