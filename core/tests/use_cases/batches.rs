//! Several results of one image, asked for at once and made together.

use std::time::Duration;

use futures::FutureExt;
use pixmill::ports::{Clock, Jobs, PortErrorKind, Queue};
use pixmill::{
    Claim, ClaimTerms, Content, FailureCode, Image, JobId, JobState, JobStatus, Processing, QuotaError,
    Settings, SubmitError, Transformation, UserId, UserQuota, Watermark,
};
use pixmill_testkit::{Calls, Fault};

use crate::kit::{DONE, Kit, batch, until};

const WIDTHS: [u32; 5] = [32, 16, 8, 5, 3];

/// What came of jobs that are completed.
async fn contents(kit: &Kit, image: &Image, jobs: &[JobId]) -> Vec<Content> {
    let mut contents = Vec::new();
    for id in jobs {
        match kit.job(image.owner, *id).await.state {
            JobState::Completed { output } => contents.push(output.content),
            other => panic!("{id} is {other:?}"),
        }
    }
    contents
}

async fn statuses(kit: &Kit, image: &Image, jobs: &[JobId]) -> Vec<JobStatus> {
    let mut statuses = Vec::new();
    for id in jobs {
        statuses.push(kit.job(image.owner, *id).await.status());
    }
    statuses
}

/// Sweeps and works until nothing is left to do.
async fn settle(kit: &Kit) {
    for _ in 0..4 {
        kit.advance(Duration::from_mins(2));
        // What goes wrong with it goes right the next time.
        let _ = kit.services.sweeper.sweep().await;
        // What is put off comes with the next round.
        while let Some(delivery) = kit.memory.queue.receive().now_or_never() {
            let delivery = delivery.unwrap();
            let _ = kit.services.worker.process().run(delivery).await;
        }
    }
}

/// Takes all of a batch as a worker does that vanishes then.
async fn vanish_with(kit: &Kit, first: JobId) {
    let terms = ClaimTerms { lease: kit.settings.lease, max_attempts: kit.settings.job_max_attempts };
    let Claim::Claimed(leader, _) = kit.memory.jobs.claim(first, terms).await.unwrap() else {
        panic!("not claimed")
    };
    kit.memory.jobs.claim_siblings(&leader, terms).await.unwrap();
    drop(kit.memory.queue.receive().await.unwrap());
}

#[tokio::test]
async fn a_batch_is_made_with_one_call() {
    for save in [false, true] {
        let kit = Kit::new();
        let image = kit.image(UserId::random()).await;
        let read = kit.faults.calls("blobs.get");
        let jobs = kit.submit_batch(&image, &WIDTHS, save).await;
        assert_eq!(kit.memory.queue.waiting(), 1, "the queue hears of the first");
        assert_eq!(kit.work().await, DONE);
        assert_eq!(kit.faults.calls("processor.process_batch"), 1);
        assert_eq!(kit.faults.calls("processor.process"), 0);
        assert_eq!(kit.faults.calls("blobs.get"), read + 1, "the source is read once");
        let made = contents(&kit, &image, &jobs).await;
        assert!(made.iter().map(|content| content.width).eq(WIDTHS), "{made:?}");
        assert_eq!(kit.memory.queue.waiting(), 0);
        let versions = kit.services.library.versions(image.owner, image.id).await.unwrap().unwrap().1;
        assert_eq!(versions.len(), if save { 6 } else { 1 });
        for id in jobs {
            assert_eq!(kit.job(image.owner, id).await.attempts, 1);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_of_each_and_nothing_is_accepted() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let mut submission = batch(&image, &[10, 0, 5, 7], false);
    submission.outputs[2].transformation.blur = Some(-1.0);
    let crop = pixmill::Crop { left: 30, top: 0, width: 20, height: 10 };
    let fields = async |submission| match kit.services.submissions.submit_batch(image.owner, submission).await
    {
        Err(SubmitError::Invalid(fields)) => fields.into_iter().map(|error| error.field).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(fields(submission).await, ["outputs[1].width", "outputs[2].blur"]);

    let mut submission = batch(&image, &[10, 5], false);
    submission.outputs[1].transformation = Transformation { crop: Some(crop), ..Transformation::default() };
    assert_eq!(fields(submission).await, ["outputs[1].crop.width"]);

    let mut submission = batch(&image, &[10, 5], false);
    let watermark = Watermark { image_id: Some(JobId::random().to_string()), ..Watermark::default() };
    submission.outputs[0].transformation.watermark = Some(watermark);
    assert_eq!(fields(submission).await, ["outputs[0].watermark.imageId"]);

    let mut submission = batch(&image, &[10, 5], false);
    submission.version = Some(7);
    assert_eq!(fields(submission).await, ["version"]);
    assert_eq!(fields(batch(&image, &[], false)).await, ["outputs"]);
    assert_eq!(fields(batch(&image, &[1; 17], false)).await, ["outputs"]);
    assert_eq!(kit.services.quotas.usage(image.owner).await.unwrap().open_jobs, 0);
}

#[tokio::test]
async fn all_of_a_batch_count_for_quotas_and_capacity() {
    let quota = UserQuota { open_jobs: Some(6), ..UserQuota::default() };
    let kit = Kit::with(Settings { quota, max_open_jobs: 6, ..Settings::default() });
    let image = kit.image(UserId::random()).await;
    kit.submit_batch(&image, &[1, 2], false).await;
    let submit = async |owner: &Image, widths: &[u32]| {
        kit.services.submissions.submit_batch(owner.owner, batch(owner, widths, false)).await
    };
    let refused = submit(&image, &WIDTHS).await;
    assert!(matches!(refused, Err(SubmitError::Quota(QuotaError::OpenJobs(6)))), "{refused:?}");
    let other = kit.image(UserId::random()).await;
    let refused = submit(&other, &WIDTHS).await;
    assert!(matches!(refused, Err(SubmitError::Full(_))), "{refused:?}");
    submit(&other, &WIDTHS[1..]).await.unwrap();
    let refused = submit(&other, &WIDTHS[..1]).await;
    assert!(matches!(refused, Err(SubmitError::Full(_))), "{refused:?}");
}

#[tokio::test]
async fn what_a_worker_left_is_made_one_by_one_and_comes_out_the_same() {
    let together = Kit::new();
    let image = together.image(UserId::random()).await;
    let jobs = together.submit_batch(&image, &WIDTHS, false).await;
    together.work().await;
    let expected = contents(&together, &image, &jobs).await;

    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let jobs = kit.submit_batch(&image, &WIDTHS, false).await;
    vanish_with(&kit, jobs[0]).await;
    assert_eq!(statuses(&kit, &image, &jobs).await, [JobStatus::Running; 5]);
    settle(&kit).await;
    let found = contents(&kit, &image, &jobs).await;
    let hashes =
        |contents: &[Content]| contents.iter().map(|content| content.hash.clone()).collect::<Vec<_>>();
    assert_eq!(hashes(&found), hashes(&expected));
    assert_eq!(kit.faults.calls("processor.process_batch"), 5, "each alone");
    for id in jobs {
        assert_eq!(kit.job(image.owner, id).await.attempts, 2);
    }
}

#[tokio::test]
async fn a_worker_that_lost_its_batch_changes_nothing() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let jobs = kit.submit_batch(&image, &WIDTHS, true).await;
    // The first worker stalls before it records its versions; others take over meanwhile.
    kit.faults.inject("images.add_version", Calls::First(5), Fault::Delay(Duration::from_secs(90)));
    kit.faults.inject("jobs.renew", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    let stalled = kit.work_until("images.add_version").await;
    until(|| kit.faults.calls("images.add_version") == 5).await;
    kit.advance(Duration::from_secs(60));
    kit.services.sweeper.sweep().await.unwrap();
    for _ in &jobs {
        assert_eq!(kit.work().await, DONE);
    }
    let done = contents(&kit, &image, &jobs).await;
    kit.advance(Duration::from_secs(60));
    assert_eq!(stalled.await.unwrap().unwrap(), Processing::Skipped);
    assert_eq!(contents(&kit, &image, &jobs).await, done);
    assert_eq!(kit.blobs().await.len(), 6);
}

#[tokio::test]
async fn what_happens_to_one_is_its_own() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let jobs = kit.submit_batch(&image, &WIDTHS, false).await;
    kit.faults.inject("blobs.put", Calls::Nth(2), Fault::Before(PortErrorKind::Internal));
    kit.faults.inject("blobs.put", Calls::Nth(4), Fault::Before(PortErrorKind::Unavailable));
    kit.faults.inject("jobs.finish", Calls::Nth(1), Fault::Delay(Duration::from_secs(5)));
    let running = kit.work_until("jobs.finish").await;
    kit.memory.jobs.cancel(image.owner, jobs[0]).await.unwrap();
    kit.advance(Duration::from_secs(5));
    assert_eq!(running.await.unwrap().unwrap(), Processing::Skipped, "that of the message is cancelled");

    let failed = kit.job(image.owner, jobs[1]).await;
    assert!(matches!(failed.state, JobState::Failed { failure } if failure.code == FailureCode::Internal));
    let put_off = kit.job(image.owner, jobs[3]).await;
    assert_eq!((put_off.status(), put_off.attempts, put_off.unpublished), (JobStatus::Queued, 0, false));
    let made = contents(&kit, &image, &[jobs[2], jobs[4]]).await;
    assert!(made.iter().map(|content| content.width).eq([8, 3]));
    settle(&kit).await;
    contents(&kit, &image, &jobs[2..]).await;
    assert_eq!(kit.job(image.owner, jobs[3]).await.attempts, 1);
    kit.advance(Duration::from_mins(20));
    settle(&kit).await;
    assert_eq!(kit.blobs().await.len(), 4, "nothing is left of those without a result");
}

#[tokio::test]
async fn a_lost_reply_of_any_step_leaves_one_effect_of_each() {
    for operation in [
        "jobs.claim",
        "jobs.claim_siblings",
        "processor.process_batch",
        "blobs.put",
        "images.add_version",
        "jobs.finish",
        "queue.publish",
        "queue.settle",
    ] {
        let kit = Kit::new();
        let image = kit.image(UserId::random()).await;
        kit.faults.inject(operation, Calls::First(2), Fault::After(PortErrorKind::TimedOut));
        let jobs = kit.submit_batch(&image, &WIDTHS, true).await;
        settle(&kit).await;
        contents(&kit, &image, &jobs).await;
        let image = kit.services.library.get(image.owner, image.id).await.unwrap().unwrap();
        assert_eq!((image.current.number, kit.blobs().await.len()), (6, 6), "{operation}");
    }
}

#[tokio::test]
async fn others_are_taken_along_only_as_far_as_the_owners_share_goes() {
    let kit = Kit::with(Settings { user_share: 3, ..Settings::default() });
    let image = kit.image(UserId::random()).await;
    let jobs = kit.submit_batch(&image, &WIDTHS, false).await;
    assert_eq!(kit.work().await, DONE);
    let done = statuses(&kit, &image, &jobs).await;
    assert_eq!(done.iter().filter(|status| **status == JobStatus::Completed).count(), 3);
    assert_eq!(kit.memory.queue.waiting(), 1, "the rest is let go, and goes together too");
    assert_eq!(kit.work().await, DONE);
    contents(&kit, &image, &jobs).await;
    assert_eq!(kit.faults.calls("processor.process_batch"), 2);
}

#[tokio::test]
async fn what_needs_another_second_image_is_made_on_its_own() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let mark = kit.image(image.owner).await;
    let mut submission = batch(&image, &WIDTHS, false);
    for place in [1, 4] {
        let watermark = Watermark { image_id: Some(mark.id.to_string()), ..Watermark::default() };
        submission.outputs[place].transformation.watermark = Some(watermark);
    }
    let jobs = kit.services.submissions.submit_batch(image.owner, submission).await.unwrap();
    assert_eq!(kit.memory.queue.waiting(), 2);
    assert_eq!((kit.work().await, kit.work().await), (DONE, DONE));
    contents(&kit, &image, &jobs).await;
    assert_eq!(kit.faults.calls("processor.process_batch"), 2);
}

#[tokio::test]
async fn the_same_batch_is_made_once_and_one_alone_is_another_thing() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let first = kit.submit_batch(&image, &[32, 20], false).await;
    kit.work().await;
    // What is made together may differ a little from what is made alone.
    kit.submit(&image, false).await;
    kit.work().await;
    assert_eq!(kit.faults.calls("processor.process"), 1);
    let again = kit.submit_batch(&image, &[20, 32], true).await;
    kit.work().await;
    assert_eq!(kit.faults.calls("processor.process_batch"), 1, "in whatever order");
    let (first, again) = (contents(&kit, &image, &first).await, contents(&kit, &image, &again).await);
    assert_eq!((&first[0].hash, &first[1].hash), (&again[1].hash, &again[0].hash));
}

#[tokio::test]
async fn an_output_that_is_there_twice_is_made_and_copied() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let jobs = kit.submit_batch(&image, &[20, 20, 10], false).await;
    kit.work().await;
    kit.advance(Duration::from_secs(1));
    assert_eq!(kit.work().await, DONE);
    let made = contents(&kit, &image, &jobs).await;
    assert_eq!(made[0].hash, made[1].hash);
    assert_eq!((kit.faults.calls("processor.process_batch"), kit.faults.calls("blobs.copy")), (1, 1));
    assert!(jobs.iter().all(|id| made.iter().any(|content| content.blob.as_str().contains(&id.to_string()))));
}

#[tokio::test]
async fn those_whose_first_is_cancelled_are_not_forgotten() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let jobs = kit.submit_batch(&image, &WIDTHS, false).await;
    for first in &jobs[..2] {
        kit.services.results.cancel(image.owner, *first).await.unwrap();
        assert_eq!(kit.work().await, Processing::Skipped);
    }
    assert_eq!(kit.work().await, DONE, "no sweep is needed");
    contents(&kit, &image, &jobs[2..]).await;
    assert_eq!(kit.faults.calls("processor.process_batch"), 1);
    for first in &jobs[..2] {
        assert_eq!(kit.job(image.owner, *first).await.status(), JobStatus::Cancelled);
    }
    assert_eq!(kit.memory.queue.waiting(), 0);
}

#[tokio::test]
async fn a_service_without_second_attempts_makes_each_alone() {
    let kit = Kit::with(Settings { job_max_attempts: 1, ..Settings::default() });
    let image = kit.image(UserId::random()).await;
    let jobs = kit.submit_batch(&image, &WIDTHS, false).await;
    settle(&kit).await;
    contents(&kit, &image, &jobs).await;
    assert_eq!(kit.faults.calls("processor.process_batch"), 5);
    assert!(kit.clock.now() > image.created_at);
}
