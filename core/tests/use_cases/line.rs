//! Whose job is next, who computes what several ask for, and what becomes of jobs that failed.

use std::time::Duration;

use pixmill::ports::PortErrorKind;
use pixmill::{
    Failure, FailureCode, Image, JobId, JobState, JobStatus, Processing, STRAGGLER_GRACE, Settings,
    Submission, SubmitError, Transformation, UserId,
};
use pixmill_testkit::{Calls, Fault};

use crate::kit::{DONE, Kit};

/// Asks for something that nobody else asks for.
async fn submit_another(kit: &Kit, image: &Image, width: u32) -> JobId {
    let transformation = Transformation { width: Some(width), ..Transformation::default() };
    let submission = Submission { image: image.id, version: None, transformation, save: false };
    kit.services.submissions.submit(image.owner, submission).await.unwrap()
}

#[tokio::test]
async fn a_flood_of_one_user_does_not_keep_another_waiting() {
    const SHARE: usize = 3;
    let kit = Kit::with(Settings { user_share: SHARE, ..Settings::default() });
    let (flood, other) = (kit.image(UserId::random()).await, kit.image(UserId::random()).await);
    for width in 1..=20 {
        submit_another(&kit, &flood, width).await;
    }
    let job = kit.submit(&other, false).await;
    let mut before = 0;
    while !kit.job(other.owner, job).await.status().is_final() {
        assert_eq!(kit.work().await, DONE);
        before += 1;
    }
    assert!(before <= SHARE + 1, "{before} jobs were done until the other user's was");
    // Nothing is lost: as one ends, the next goes on.
    for _ in before..21 {
        assert_eq!(kit.work().await, DONE);
    }
    assert_eq!(kit.services.quotas.usage(flood.owner).await.unwrap().open_jobs, 0);
}

#[tokio::test]
async fn a_line_that_was_cut_off_goes_on_with_the_next_sweep() {
    let kit = Kit::with(Settings { user_share: 1, ..Settings::default() });
    let image = kit.image(UserId::random()).await;
    for width in 1..=3 {
        submit_another(&kit, &image, width).await;
    }
    // The worker dies when a job has ended and the next was not let go.
    kit.faults.inject("jobs.release", Calls::First(1), Fault::Before(PortErrorKind::Unavailable));
    kit.work().await;
    assert_eq!(kit.memory.queue.waiting(), 0);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().published, 1);
    // It dies when the next was let go and not published.
    kit.faults.inject("queue.publish", Calls::First(1), Fault::Before(PortErrorKind::Unavailable));
    kit.work().await;
    assert_eq!(kit.memory.queue.waiting(), 0);
    kit.advance(kit.settings.sweep_interval);
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().published, 1);
    assert_eq!(kit.work().await, DONE);
}

#[tokio::test]
async fn cancelling_makes_room_for_the_next() {
    let kit = Kit::with(Settings { user_share: 1, ..Settings::default() });
    let image = kit.image(UserId::random()).await;
    let (first, second) = (submit_another(&kit, &image, 1).await, submit_another(&kit, &image, 2).await);
    kit.services.results.cancel(image.owner, first).await.unwrap();
    assert_eq!(kit.work().await, Processing::Skipped);
    assert_eq!(kit.work().await, DONE);
    assert_eq!(kit.job(image.owner, second).await.status(), JobStatus::Completed);
}

#[tokio::test]
async fn what_two_ask_for_at_once_is_computed_once() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let (first, second) = (kit.submit(&image, false).await, kit.submit(&image, true).await);
    kit.faults.inject("blobs.put", Calls::First(1), Fault::Delay(Duration::from_secs(2)));
    let computing = kit.work_until("blobs.put").await;
    kit.advance(Duration::from_millis(1));
    assert_eq!(kit.work().await, Processing::Retried, "the other waits for what is in the making");
    assert_eq!(kit.job(image.owner, second).await.attempts, 0, "and that is no attempt");
    kit.advance(Duration::from_secs(2));
    assert_eq!(computing.await.unwrap().unwrap(), DONE);
    assert_eq!(kit.work().await, DONE);
    assert_eq!(kit.faults.calls("processor.process"), 1);
    for job in [first, second] {
        assert_eq!(kit.job(image.owner, job).await.status(), JobStatus::Completed);
    }
}

#[tokio::test]
async fn a_full_service_says_so_and_has_room_again_later() {
    let kit = Kit::with(Settings { max_open_jobs: 2, ..Settings::default() });
    let image = kit.image(UserId::random()).await;
    for width in 1..=2 {
        submit_another(&kit, &image, width).await;
    }
    let transformation = Transformation { width: Some(3), ..Transformation::default() };
    let submission = Submission { image: image.id, version: None, transformation, save: false };
    let refused = kit.services.submissions.submit(image.owner, submission.clone()).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Full(full) if full.0 == 2), "{refused:?}");
    kit.work().await;
    kit.advance(Duration::from_secs(1));
    kit.services.submissions.submit(image.owner, submission).await.unwrap();
}

#[tokio::test]
async fn a_dead_letter_is_opened_anew_once_and_keeps_its_story() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    kit.faults.inject("blobs.get", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    kit.work().await;
    kit.advance(Duration::from_hours(25));
    assert_eq!(kit.work().await, Processing::Finished(JobStatus::Failed));
    kit.faults.clear();

    let letters = kit.services.dead_letters.list(10).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.id).collect::<Vec<_>>(), [job]);
    // Whatever its attempts left is removed before it is worked on again.
    assert_eq!(kit.services.dead_letters.redrive_all(&letters, 1000).await.unwrap(), 0);
    kit.advance(STRAGGLER_GRACE);
    kit.services.sweeper.sweep().await.unwrap();
    assert_eq!(kit.services.dead_letters.redrive_all(&letters, 1000).await.unwrap(), 1);
    assert_eq!(
        kit.services.dead_letters.redrive_all(&letters, 1000).await.unwrap(),
        0,
        "it was done already"
    );
    assert_eq!(kit.services.sweeper.sweep().await.unwrap().published, 1);
    assert_eq!(kit.work().await, DONE);
    let job = kit.job(image.owner, job).await;
    assert!(matches!(&job.redrives[..], [redrive] if redrive.failure.code == FailureCode::Unavailable));
    assert!(kit.services.dead_letters.list(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn jobs_that_ended_long_ago_are_forgotten_and_what_they_saved_is_not() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let (saved, preview) = (kit.submit(&image, true).await, submit_another(&kit, &image, 7).await);
    kit.work().await;
    kit.work().await;
    kit.advance(kit.settings.job_retention);
    let swept = kit.services.sweeper.sweep().await.unwrap();
    // The preview is removed first, and its job is forgotten by the same sweep.
    assert_eq!((swept.outputs, swept.jobs), (1, 2));
    for job in [saved, preview] {
        assert!(kit.services.results.job(image.owner, job).await.unwrap().is_none());
    }
    let image = kit.services.library.get(image.owner, image.id).await.unwrap().unwrap();
    assert_eq!((image.current.number, image.current.job), (2, Some(saved)));
    assert_eq!(kit.blobs().await.len(), 2);
}

#[tokio::test]
async fn what_would_fail_again_is_no_dead_letter() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    kit.faults.inject("blobs.get", Calls::All, Fault::Before(PortErrorKind::Corrupt));
    kit.work().await;
    let state = kit.job(image.owner, job).await.state;
    assert!(matches!(state, JobState::Failed { failure: Failure { code: FailureCode::Internal, .. } }));
    assert_eq!(kit.services.dead_letters.list(10).await.unwrap().len(), 1, "damage can be mended");
    kit.services.library.delete(image.owner, image.id).await.unwrap();
}
