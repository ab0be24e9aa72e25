//! A job from submission to its end, undisturbed and disturbed.

use std::time::Duration;

use futures::FutureExt;
use pixmill::ports::{BlobStoreExt, Clock, Jobs, PortErrorKind, Queue};
use pixmill::{
    CancelToken, Claim, ClaimTerms, FailureCode, Format, JobState, JobStatus, Limits, Processing, Submission,
    SubmitError, Transformation, TransformedImage, UserId, Watermark, engine,
};
use pixmill_testkit::{Calls, Fault};

use crate::kit::{DONE, Kit};

#[tokio::test]
async fn a_job_gives_the_picture_that_was_asked_for() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    assert_eq!(
        kit.services.results.transformed(image.owner, job).await.unwrap(),
        Some(TransformedImage::Pending)
    );
    assert_eq!(kit.work().await, DONE);

    let Some(TransformedImage::Ready(content)) =
        kit.services.results.transformed(image.owner, job).await.unwrap()
    else {
        panic!("no result");
    };
    assert_eq!((content.format, content.width, content.height), (Format::Png, 20, 15));
    let bytes = kit.memory.blobs.get_bytes(content.blob, 1 << 20).await.unwrap().unwrap();
    assert_eq!(pixmill::ContentHash::of(&bytes), content.hash);
    let job = kit.job(image.owner, job).await;
    assert_eq!(kit.services.results.saved_url(&job).await.unwrap(), None);
}

#[tokio::test]
async fn a_saved_result_is_the_current_version_and_the_original_stays() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, true).await;
    assert_eq!(kit.work().await, DONE);

    let job = kit.job(image.owner, job).await;
    let url = kit.services.results.saved_url(&job).await.unwrap().unwrap();
    assert!(url.starts_with(&format!("{}/files/{}/2?", kit.settings.public_url, image.id)), "{url}");
    let now = kit.services.library.get(image.owner, image.id).await.unwrap().unwrap();
    assert_eq!((now.current.number, now.current.parent, now.current.job), (2, Some(1), Some(job.id)));
    assert!(kit.blobs().await.contains(&image.current.content.blob));
}

#[tokio::test]
async fn saved_results_are_described_and_passing_ones_are_not() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let passing = kit.submit(&image, false).await;
    kit.work().await;
    assert_eq!(kit.faults.calls("processor.describe"), 1, "that of the upload");
    // The same work is not done again, and what it gave is described now.
    let saved = kit.submit(&image, true).await;
    kit.work().await;
    assert_eq!(kit.faults.calls("processor.process"), 1, "{passing} did the work of {saved}");
    let content = &kit.job(image.owner, saved).await.output(kit.clock.now()).unwrap().content.clone();
    let file = kit.memory.blobs.get_bytes(content.blob.clone(), content.bytes).await.unwrap().unwrap();
    let expected = engine::describe(&file, &Limits::default(), &CancelToken::new()).unwrap();
    let current = kit.services.library.get(image.owner, image.id).await.unwrap().unwrap().current;
    assert_eq!((current.job, current.description), (Some(saved), Some(expected)));
}

#[tokio::test]
async fn nobody_sees_or_uses_what_belongs_to_others() {
    let kit = Kit::new();
    let (image, stranger) = (kit.image(UserId::random()).await, UserId::random());
    let job = kit.submit(&image, false).await;
    assert!(kit.services.results.job(stranger, job).await.unwrap().is_none());
    assert!(kit.services.results.transformed(stranger, job).await.unwrap().is_none());
    assert!(kit.services.library.get(stranger, image.id).await.unwrap().is_none());
    assert!(!kit.services.library.delete(stranger, image.id).await.unwrap());

    let transformation = Transformation { flip: true, ..Transformation::default() };
    let submission = Submission { image: image.id, version: None, transformation, save: false };
    let refused = kit.services.submissions.submit(stranger, submission).await.unwrap_err();
    assert!(matches!(refused, SubmitError::UnknownImage), "{refused:?}");

    let mine = kit.image(stranger).await;
    let watermark = Watermark { image_id: Some(image.id.to_string()), ..Watermark::default() };
    let transformation = Transformation { watermark: Some(watermark), ..Transformation::default() };
    let submission = Submission { image: mine.id, version: None, transformation, save: false };
    let refused = kit.services.submissions.submit(stranger, submission).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Invalid(fields) if fields[0].field == "watermark.imageId"));
}

#[tokio::test]
async fn what_can_be_told_from_the_header_is_refused_at_submission() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let crop = pixmill::Crop { left: 30, top: 0, width: 20, height: 10 };
    let transformation = Transformation { crop: Some(crop), ..Transformation::default() };
    let submission = Submission { image: image.id, version: None, transformation, save: false };
    let refused = kit.services.submissions.submit(image.owner, submission.clone()).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Invalid(fields) if fields[0].field.starts_with("crop")));

    let transformation = Transformation { flop: true, ..Transformation::default() };
    let submission = Submission { version: Some(7), transformation, ..submission };
    let refused = kit.services.submissions.submit(image.owner, submission).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Invalid(fields) if fields[0].field == "version"));
}

#[tokio::test]
async fn the_same_work_is_done_once() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let (first, second) = (kit.submit(&image, false).await, kit.submit(&image, true).await);
    assert_eq!((kit.work().await, kit.work().await), (DONE, DONE));
    assert_eq!(kit.faults.calls("processor.process"), 1);

    let hash = |state: JobState| match state {
        JobState::Completed { output } => output.content.hash,
        other => panic!("{other:?}"),
    };
    let (first, second) = (kit.job(image.owner, first).await, kit.job(image.owner, second).await);
    assert_eq!(hash(first.state), hash(second.state));
}

#[tokio::test]
async fn a_damaged_image_fails_at_once_with_a_reason() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    let file = pixmill_testkit::fixtures::png(40, 30);
    kit.memory
        .blobs
        .put_bytes(image.current.content.blob.clone(), file.slice(..file.len() - 30))
        .await
        .unwrap();
    assert_eq!(kit.work().await, Processing::Finished(JobStatus::Failed));
    let job = kit.job(image.owner, job).await;
    assert_eq!(job.attempts, 1);
    assert!(matches!(job.state, JobState::Failed { failure } if failure.code == FailureCode::Undecodable));
}

#[tokio::test]
async fn a_port_that_is_away_for_a_while_costs_time_and_no_attempt() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    let more_than_allowed = u64::from(kit.settings.job_max_attempts) + 1;
    kit.faults.inject(
        "blobs.get",
        Calls::First(more_than_allowed),
        Fault::Before(PortErrorKind::Unavailable),
    );
    for _ in 0..more_than_allowed {
        assert_eq!(kit.work().await, Processing::Retried);
        kit.advance(Duration::from_mins(1));
    }
    assert_eq!(kit.work().await, DONE);
    assert_eq!(kit.job(image.owner, job).await.attempts, 1);
}

#[tokio::test]
async fn a_port_that_stays_away_fails_the_job_after_a_day() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    kit.faults.inject("blobs.get", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    assert_eq!(kit.work().await, Processing::Retried);
    kit.advance(Duration::from_hours(25));
    assert_eq!(kit.work().await, Processing::Finished(JobStatus::Failed));
    let job = kit.job(image.owner, job).await;
    assert!(matches!(job.state, JobState::Failed { failure } if failure.code == FailureCode::Unavailable));
}

#[tokio::test]
async fn a_lost_reply_of_any_step_leaves_one_effect() {
    for operation in ["jobs.claim", "blobs.put", "images.add_version", "jobs.finish", "queue.settle"] {
        let kit = Kit::new();
        let image = kit.image(UserId::random()).await;
        let job = kit.submit(&image, true).await;
        kit.faults.inject(operation, Calls::First(1), Fault::After(PortErrorKind::TimedOut));
        let delivery = kit.memory.queue.receive().await.unwrap();
        let _ = kit.services.worker.process().run(delivery).await;
        // The queue delivers again, or the sweeper notices that the lease has run out.
        for _ in 0..3 {
            kit.advance(Duration::from_mins(2));
            kit.services.sweeper.sweep().await.unwrap();
            while kit.memory.queue.waiting() > 0 {
                kit.work().await;
            }
        }
        assert_eq!(kit.job(image.owner, job).await.status(), JobStatus::Completed, "{operation}");
        let image = kit.services.library.get(image.owner, image.id).await.unwrap().unwrap();
        assert_eq!(image.current.number, 2, "{operation}");
        assert_eq!(kit.blobs().await.len(), 2, "{operation}");
    }
}

#[tokio::test]
async fn deleting_an_image_ends_its_jobs_and_removes_everything() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    kit.submit(&image, true).await;
    kit.work().await;
    kit.submit(&image, false).await;
    kit.work().await;
    let open = kit.submit(&image, false).await;

    assert!(kit.services.library.delete(image.owner, image.id).await.unwrap());
    assert_eq!(kit.job(image.owner, open).await.status(), JobStatus::Cancelled);
    assert_eq!(kit.blobs().await, []);
    assert_eq!(kit.work().await, Processing::Skipped);
    assert!(!kit.services.library.delete(image.owner, image.id).await.unwrap());
}

#[tokio::test]
async fn a_processor_that_dies_is_tried_again_and_told_of_in_the_end() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    // What a dead worker leaves: a claim that nobody ends.
    for _ in 0..kit.settings.job_max_attempts {
        let terms = ClaimTerms { lease: kit.settings.lease, max_attempts: kit.settings.job_max_attempts };
        let Claim::Claimed(..) = kit.memory.jobs.claim(job, terms).await.unwrap() else {
            panic!("not claimed")
        };
        kit.advance(kit.settings.lease);
    }
    assert_eq!(kit.work().await, Processing::Finished(JobStatus::Failed));
    let job = kit.job(image.owner, job).await;
    assert!(matches!(job.state, JobState::Failed { failure } if failure.code == FailureCode::Crashed));
}

#[tokio::test]
async fn a_message_that_nobody_can_read_is_put_aside() {
    let kit = Kit::new();
    kit.memory.queue.publish_bytes(&b"{\"schema\":99}"[..]);
    assert_eq!(kit.work().await, Processing::Rejected);
    assert_eq!(kit.memory.queue.rejected().len(), 1);
}

#[tokio::test]
async fn a_job_that_nobody_can_read_keeps_no_worker_from_others() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    kit.submit(&image, false).await;
    kit.faults.inject("jobs.claim", Calls::Nth(1), Fault::Before(PortErrorKind::Corrupt));
    assert_eq!(kit.work().await, Processing::Rejected);
    assert_eq!(kit.memory.queue.rejected().len(), 1);
    let other = kit.submit(&image, false).await;
    assert_eq!(kit.work().await, DONE);
    assert_eq!(kit.job(image.owner, other).await.status(), JobStatus::Completed);
}

#[tokio::test]
async fn an_image_that_is_deleted_during_a_submission_is_unknown() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    kit.submit(&image, true).await;
    kit.work().await;
    let second = Duration::from_secs(1);
    kit.faults.inject("images.version", Calls::First(1), Fault::Delay(second));
    let transformation = Transformation { width: Some(30), ..Transformation::default() };
    let submission = Submission { image: image.id, version: Some(1), transformation, save: false };
    let mut submitted = Box::pin(kit.services.submissions.submit(image.owner, submission));
    assert!(submitted.as_mut().now_or_never().is_none());
    assert!(kit.services.library.delete(image.owner, image.id).await.unwrap());
    kit.advance(second);
    let refused = submitted.await;
    assert!(matches!(refused, Err(SubmitError::UnknownImage)), "{refused:?}");
}
