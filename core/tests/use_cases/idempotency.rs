//! Requests that are sent again under the same key, and those that only look so.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::channel::mpsc;
use futures::stream;
use pixmill::ports::{Jobs, PageRequest, PortErrorKind};
use pixmill::{
    IdempotencyKey, Image, ImageId, JobId, OnceError, Submission, SubmitError, Transformation, UploadError,
    UserId,
};
use pixmill_testkit::{Calls, Fault, fixtures};

use crate::kit::{Kit, batch, pieces};

const DAY: Duration = Duration::from_hours(24);

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

fn half(image: &Image) -> Submission {
    let transformation = Transformation { width: Some(20), ..Transformation::default() };
    Submission { image: image.id, version: None, transformation, save: false }
}

async fn submit(kit: &Kit, image: &Image, submission: Submission) -> Result<JobId, SubmitError> {
    kit.services.submissions.submit_once(image.owner, key("first"), submission).await
}

async fn upload(kit: &Kit, owner: UserId, file: &Bytes) -> Result<ImageId, UploadError> {
    kit.services.uploads.upload_once(owner, key("first"), pieces(file)).await.map(|image| image.id)
}

async fn images(kit: &Kit, owner: UserId) -> usize {
    kit.services.library.list(owner, PageRequest { after: None, limit: 10 }).await.unwrap().items.len()
}

async fn jobs(kit: &Kit, owner: UserId) -> usize {
    kit.memory.jobs.list(Some(owner), None, PageRequest { after: None, limit: 10 }).await.unwrap().items.len()
}

#[tokio::test]
async fn a_transformation_sent_again_is_one_job() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = submit(&kit, &image, half(&image)).await.unwrap();
    kit.work().await;
    assert_eq!(submit(&kit, &image, half(&image)).await.unwrap(), job);
    assert_eq!(jobs(&kit, image.owner).await, 1);
    // The same in other words.
    let transformation = Transformation { quality: None, width: Some(20), ..Transformation::default() };
    let spelled = Submission { transformation, ..half(&image) };
    assert_eq!(submit(&kit, &image, spelled).await.unwrap(), job);

    kit.advance(DAY);
    assert_ne!(submit(&kit, &image, half(&image)).await.unwrap(), job, "keys are remembered for a day");
}

#[tokio::test]
async fn a_batch_sent_again_is_the_same_jobs() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let submit = async |widths: &[u32], save| {
        let submission = batch(&image, widths, save);
        kit.services.submissions.submit_batch_once(image.owner, key("first"), submission).await
    };
    let first = submit(&[20, 10, 5], false).await.unwrap();
    kit.work().await;
    assert_eq!(submit(&[20, 10, 5], false).await.unwrap(), first);
    assert_eq!(jobs(&kit, image.owner).await, 3);
    for (widths, save) in
        [(&[20, 10][..], false), (&[20, 5, 10], false), (&[20, 10, 5], true), (&[20], false)]
    {
        let refused = submit(widths, save).await;
        assert!(matches!(refused, Err(SubmitError::Once(OnceError::Reused))), "{widths:?}: {refused:?}");
    }
    // A single transformation is another kind of request.
    self::submit(&kit, &image, half(&image)).await.unwrap();
    assert_eq!(jobs(&kit, image.owner).await, 4);
}

#[tokio::test]
async fn a_batch_that_was_accepted_without_an_answer_is_not_accepted_again() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let submit = async |widths: &[u32]| {
        let submission = batch(&image, widths, false);
        kit.services.submissions.submit_batch_once(image.owner, key("first"), submission).await
    };
    // The reply is lost, and then the note of what was made.
    kit.faults.inject("jobs.accept", Calls::First(1), Fault::After(PortErrorKind::TimedOut));
    kit.faults.inject("jobs.get", Calls::First(1), Fault::Before(PortErrorKind::Unavailable));
    assert!(matches!(submit(&[20, 10, 5]).await, Err(SubmitError::Port(_))));
    let early = submit(&[20, 10, 5]).await;
    assert!(matches!(early, Err(SubmitError::Once(OnceError::InFlight))), "{early:?}");
    kit.advance(Duration::from_mins(1));
    let other = submit(&[20, 10, 6]).await;
    assert!(matches!(other, Err(SubmitError::Once(OnceError::Reused))), "{other:?}");
    kit.advance(Duration::from_mins(1));
    let found = submit(&[20, 10, 5]).await.unwrap();
    assert_eq!((found.len(), jobs(&kit, image.owner).await), (3, 3));
    for id in found {
        assert!(kit.memory.jobs.load(id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_key_is_for_one_transformation() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let other = kit.image(image.owner).await;
    submit(&kit, &image, half(&image)).await.unwrap();
    let taller = Transformation { height: Some(20), ..Transformation::default() };
    for different in [
        Submission { image: other.id, ..half(&image) },
        Submission { version: Some(1), ..half(&image) },
        Submission { transformation: taller, ..half(&image) },
        Submission { save: true, ..half(&image) },
    ] {
        let refused = submit(&kit, &image, different.clone()).await;
        assert!(matches!(refused, Err(SubmitError::Once(OnceError::Reused))), "{different:?}: {refused:?}");
    }
    assert_eq!(jobs(&kit, image.owner).await, 1);
    // Everybody has keys of their own.
    let stranger = kit.image(UserId::random()).await;
    submit(&kit, &stranger, half(&stranger)).await.unwrap();
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let nothing = Submission { transformation: Transformation::default(), ..half(&image) };
    assert!(matches!(submit(&kit, &image, nothing).await, Err(SubmitError::Invalid(_))));
    submit(&kit, &image, half(&image)).await.unwrap();
    let owner = UserId::random();
    let text = Bytes::from_static(b"hello, this is a text");
    assert!(matches!(upload(&kit, owner, &text).await, Err(UploadError::Image(_))));
    upload(&kit, owner, &fixtures::png(40, 30)).await.unwrap();
}

#[tokio::test]
async fn a_write_that_was_not_answered_in_time_keeps_its_turn() {
    let kit = Kit::new();
    let (owner, file) = (UserId::random(), fixtures::png(40, 30));
    let image = kit.image(UserId::random()).await;
    let late = |write| kit.faults.inject(write, Calls::First(1), Fault::Before(PortErrorKind::TimedOut));
    // It may be stored a moment later, and then another one must not be there already.
    late("jobs.accept");
    assert!(matches!(submit(&kit, &image, half(&image)).await, Err(SubmitError::Port(_))));
    let again = submit(&kit, &image, half(&image)).await;
    assert!(matches!(again, Err(SubmitError::Once(OnceError::InFlight))), "{again:?}");
    kit.advance(Duration::from_mins(1));
    submit(&kit, &image, half(&image)).await.unwrap();
    assert_eq!(jobs(&kit, image.owner).await, 1);

    late("images.insert");
    assert!(matches!(upload(&kit, owner, &file).await, Err(UploadError::Port(_))));
    let again = upload(&kit, owner, &file).await;
    assert!(matches!(again, Err(UploadError::Once(OnceError::InFlight))), "{again:?}");
    kit.advance(kit.settings.upload_ttl);
    upload(&kit, owner, &file).await.unwrap();
    assert_eq!(images(&kit, owner).await, 1);

    // What was not read in time leaves the key free.
    late("images.get");
    let other = kit.services.submissions.submit_once(image.owner, key("second"), half(&image));
    assert!(matches!(other.await, Err(SubmitError::Port(_))));
    let other = kit.services.submissions.submit_once(image.owner, key("second"), half(&image));
    other.await.unwrap();
}

#[tokio::test]
async fn a_job_that_is_accepted_much_later_is_no_second_one() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    // Whoever sent it is stopped on the way to the database, for longer than the turn lasts.
    kit.faults.inject("jobs.accept", Calls::First(1), Fault::Delay(Duration::from_mins(3)));
    let (submissions, asked) = (kit.services.submissions.clone(), half(&image));
    let late =
        tokio::spawn(async move { submissions.submit_once(image.owner, key("once"), asked).await.unwrap() });
    while kit.faults.calls("jobs.accept") == 0 {
        tokio::task::yield_now().await;
    }
    kit.advance(Duration::from_mins(2));
    let again = kit.services.submissions.submit_once(image.owner, key("once"), half(&image)).await.unwrap();
    kit.advance(Duration::from_mins(2));
    assert_eq!(late.await.unwrap(), again);
    assert_eq!(jobs(&kit, image.owner).await, 1);
}

#[tokio::test]
async fn a_job_that_was_accepted_without_a_word_is_found_again() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    for lost in ["once_keys.done", "jobs.accept"] {
        kit.faults.inject(lost, Calls::First(1), Fault::After(PortErrorKind::Unavailable));
        // So that nobody can tell whether the job is there.
        kit.faults.inject("jobs.get", Calls::First(1), Fault::Before(PortErrorKind::Unavailable));
        let mut answers = Vec::new();
        let name = key(lost);
        for minute in 0..3 {
            let once = kit.services.submissions.submit_once(image.owner, name.clone(), half(&image)).await;
            match once {
                Ok(job) => answers.push(job),
                Err(SubmitError::Once(OnceError::InFlight)) => assert_eq!(minute, 1, "{lost}"),
                Err(error) => assert_eq!((minute, lost), (0, "jobs.accept"), "{error}"),
            }
            kit.advance(Duration::from_secs(if minute == 0 { 59 } else { 1 }));
        }
        kit.faults.clear();
        answers.dedup();
        assert_eq!(answers.len(), 1, "{lost}: {answers:?}");
    }
    assert_eq!(jobs(&kit, image.owner).await, 2, "one for each key");
}

#[tokio::test]
async fn what_was_made_without_a_word_is_answered_where_it_can_be_seen() {
    let kit = Kit::new();
    let (image, file) = (kit.image(UserId::random()).await, fixtures::png(30, 40));
    for lost in ["jobs.accept", "images.insert"] {
        kit.faults.inject(lost, Calls::First(1), Fault::After(PortErrorKind::Unavailable));
    }
    let job = submit(&kit, &image, half(&image)).await.unwrap();
    let uploaded = upload(&kit, image.owner, &file).await.unwrap();
    assert_eq!(submit(&kit, &image, half(&image)).await.unwrap(), job);
    assert_eq!(upload(&kit, image.owner, &file).await.unwrap(), uploaded);
    assert_eq!((jobs(&kit, image.owner).await, images(&kit, image.owner).await), (1, 2));
}

#[tokio::test]
async fn a_request_that_could_not_be_served_leaves_its_key_free() {
    let kit = Kit::new();
    let (image, file) = (kit.image(UserId::random()).await, fixtures::png(30, 40));
    for away in ["jobs.accept", "images.insert"] {
        kit.faults.inject(away, Calls::First(1), Fault::Before(PortErrorKind::Unavailable));
    }
    assert!(matches!(submit(&kit, &image, half(&image)).await, Err(SubmitError::Port(_))));
    assert!(matches!(upload(&kit, image.owner, &file).await, Err(UploadError::Port(_))));
    submit(&kit, &image, half(&image)).await.unwrap();
    upload(&kit, image.owner, &file).await.unwrap();
    assert_eq!((jobs(&kit, image.owner).await, images(&kit, image.owner).await), (1, 2));
}

#[tokio::test]
async fn a_file_sent_again_is_one_image() {
    let kit = Kit::new();
    let (owner, file) = (UserId::random(), fixtures::png(40, 30));
    let image = upload(&kit, owner, &file).await.unwrap();
    assert_eq!(upload(&kit, owner, &file).await.unwrap(), image);
    assert_eq!((images(&kit, owner).await, kit.blobs().await.len()), (1, 1));
    let other = upload(&kit, owner, &fixtures::png(30, 40)).await;
    assert!(matches!(other, Err(UploadError::Once(OnceError::Reused))), "{other:?}");
    upload(&kit, UserId::random(), &file).await.unwrap();

    assert!(kit.services.library.delete(owner, image).await.unwrap());
    let deleted = upload(&kit, owner, &file).await;
    assert!(matches!(deleted, Err(UploadError::Deleted)), "{deleted:?}");
    kit.advance(DAY);
    assert!(kit.services.sweeper.sweep().await.unwrap().keys >= 1);
    assert_ne!(upload(&kit, owner, &file).await.unwrap(), image);
}

#[tokio::test]
async fn a_file_on_its_way_holds_its_key() {
    let kit = Kit::new();
    let (owner, file) = (UserId::random(), fixtures::png(40, 30));
    let (mut sender, body) = mpsc::channel(1);
    let slow = kit.services.uploads.upload_once(owner, key("first"), Box::pin(body));
    let mut slow = Box::pin(slow);
    sender.try_send(Ok(file.slice(..20))).unwrap();
    assert!(slow.as_mut().now_or_never().is_none());
    let early = upload(&kit, owner, &file).await;
    assert!(matches!(early, Err(UploadError::Once(OnceError::InFlight))), "{early:?}");
    // The same key means another thing for a transformation.
    let image = kit.image(owner).await;
    submit(&kit, &image, half(&image)).await.unwrap();
    sender.try_send(Ok(file.slice(20..))).unwrap();
    drop(sender);
    let first = slow.await.unwrap().id;
    assert_eq!(upload(&kit, owner, &file).await.unwrap(), first);
}

#[tokio::test]
async fn the_key_of_an_upload_whose_server_was_killed_is_free_soon() {
    let kit = Kit::new();
    let (owner, file) = (UserId::random(), fixtures::png(40, 30));
    let begun = kit.services.uploads.upload_once(owner, key("first"), Box::pin(stream::pending()));
    assert!(begun.now_or_never().is_none());
    let early = upload(&kit, owner, &file).await;
    assert!(matches!(early, Err(UploadError::Once(OnceError::InFlight))), "{early:?}");
    kit.advance(Duration::from_mins(4));
    upload(&kit, owner, &file).await.unwrap();
    kit.services.sweeper.sweep().await.unwrap();
    assert_eq!((images(&kit, owner).await, kit.blobs().await.len()), (1, 1));
}

#[tokio::test]
async fn a_slow_upload_keeps_its_key() {
    let kit = Kit::new();
    let (owner, file) = (UserId::random(), fixtures::png(40, 30));
    let (mut sender, body) = mpsc::channel(8);
    let mut slow = Box::pin(kit.services.uploads.upload_once(owner, key("first"), Box::pin(body)));
    sender.try_send(Ok(file.slice(..20))).unwrap();
    for _ in 0..20 {
        assert!(slow.as_mut().now_or_never().is_none());
        kit.advance(Duration::from_secs(50));
    }
    assert!(slow.as_mut().now_or_never().is_none());
    let other = upload(&kit, owner, &file).await;
    assert!(matches!(other, Err(UploadError::Once(OnceError::InFlight))), "{other:?}");
    sender.try_send(Ok(file.slice(20..))).unwrap();
    drop(sender);
    let first = slow.await.unwrap().id;
    assert_eq!(upload(&kit, owner, &file).await.unwrap(), first);
}

#[tokio::test]
async fn who_lost_the_key_of_an_upload_stores_nothing() {
    let kit = Kit::new();
    let (owner, file) = (UserId::random(), fixtures::png(40, 30));
    let (mut sender, body) = mpsc::channel(8);
    let mut slow = Box::pin(kit.services.uploads.upload_once(owner, key("first"), Box::pin(body)));
    sender.try_send(Ok(file.slice(..20))).unwrap();
    assert!(slow.as_mut().now_or_never().is_none());
    // It stands still for longer than its turn lasts.
    kit.advance(Duration::from_mins(4));
    let quick = upload(&kit, owner, &file).await.unwrap();
    sender.try_send(Ok(file.slice(20..))).unwrap();
    drop(sender);
    let late = slow.await;
    assert!(matches!(late, Err(UploadError::Interrupted(_))), "{late:?}");
    assert_eq!(upload(&kit, owner, &file).await.unwrap(), quick);
    assert_eq!((images(&kit, owner).await, kit.blobs().await.len()), (1, 1));
}

#[tokio::test]
async fn an_image_that_was_stored_without_a_word_is_found_again() {
    let kit = Kit::new();
    let (owner, file) = (UserId::random(), fixtures::png(40, 30));
    kit.faults.inject("once_keys.done", Calls::First(1), Fault::Before(PortErrorKind::Unavailable));
    let image = upload(&kit, owner, &file).await.unwrap();
    let early = upload(&kit, owner, &file).await;
    assert!(matches!(early, Err(UploadError::Once(OnceError::InFlight))), "{early:?}");
    for _ in 0..2 {
        kit.advance(kit.settings.upload_ttl);
        let other = upload(&kit, owner, &fixtures::png(30, 40)).await;
        assert!(matches!(other, Err(UploadError::Once(OnceError::Reused))), "{other:?}");
    }
    kit.advance(kit.settings.upload_ttl);
    assert_eq!(upload(&kit, owner, &file).await.unwrap(), image);
    assert_eq!((images(&kit, owner).await, kit.blobs().await.len()), (1, 1));
}
