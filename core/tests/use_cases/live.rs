//! Following jobs as they change.

use std::time::Duration;

use futures::{FutureExt, StreamExt, stream::BoxStream};
use pixmill::ports::{Cancellation, Jobs, PortErrorKind};
use pixmill::{HEARTBEAT, JobId, JobStatus, Update, UserId};
use pixmill_testkit::{Calls, Fault};

use crate::kit::Kit;

/// The jobs that are told of without a wait.
fn at_once(updates: &mut BoxStream<'static, Update>) -> Vec<(JobId, JobStatus)> {
    let mut seen = Vec::new();
    while let Some(Some(Update::Job(job))) = updates.next().now_or_never() {
        seen.push((job.id, job.status()));
    }
    seen
}

#[tokio::test]
async fn a_followed_job_is_told_of_until_it_is_final() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    let mut updates = kit.services.live.job(image.owner, job).await.unwrap().unwrap();
    assert_eq!(at_once(&mut updates), [(job, JobStatus::Queued)]);
    assert_eq!(kit.faults.calls("jobs.get"), 1);
    kit.work().await;
    assert_eq!(at_once(&mut updates), [(job, JobStatus::Completed)]);
    // Of its two changes the first was told of only when both had happened.
    assert_eq!(kit.faults.calls("jobs.get"), 2);
    assert_eq!(updates.next().await, None);
    // Whoever comes late learns the end all the same.
    let late = kit.services.live.job(image.owner, job).await.unwrap().unwrap();
    assert_eq!(late.count().await, 1);
}

#[tokio::test]
async fn nobody_follows_the_jobs_of_others() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let stranger = UserId::random();
    let mut all = kit.services.live.jobs(stranger, vec![]).await.unwrap();
    let job = kit.submit(&image, false).await;
    assert!(kit.services.live.job(stranger, job).await.unwrap().is_none());
    let mut named = kit.services.live.jobs(stranger, vec![job]).await.unwrap();
    kit.work().await;
    assert_eq!(at_once(&mut all), []);
    assert_eq!(at_once(&mut named), []);
}

#[tokio::test]
async fn all_jobs_are_followed_those_that_are_open_and_those_that_come() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let missed = kit.submit(&image, false).await;
    kit.work().await;
    let open = kit.submit(&image, true).await;
    let mut updates = kit.services.live.jobs(image.owner, vec![missed]).await.unwrap();
    assert_eq!(at_once(&mut updates), [(missed, JobStatus::Completed), (open, JobStatus::Queued)]);
    let later = kit.submit(&image, false).await;
    assert_eq!(at_once(&mut updates), [(later, JobStatus::Queued)]);
    let cancelled = kit.services.results.cancel(image.owner, later).await.unwrap();
    assert!(matches!(cancelled, Cancellation::Cancelled(_)));
    assert_eq!(at_once(&mut updates), [(later, JobStatus::Cancelled)]);
}

#[tokio::test]
async fn a_change_without_an_event_is_told_of_at_the_heartbeat() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    let mut updates = kit.services.live.jobs(image.owner, vec![]).await.unwrap();
    assert_eq!(at_once(&mut updates), [(job, JobStatus::Queued)]);
    // The repository changes behind the back of the events.
    kit.memory.jobs.cancel(image.owner, job).await.unwrap();
    assert_eq!(at_once(&mut updates), []);
    let almost = HEARTBEAT.checked_sub(Duration::from_secs(1)).unwrap();
    kit.advance(almost);
    assert_eq!(updates.next().now_or_never(), None);
    kit.advance(Duration::from_secs(1));
    assert_eq!(updates.next().await, Some(Update::Quiet));
    assert_eq!(at_once(&mut updates), [(job, JobStatus::Cancelled)]);
}

#[tokio::test]
async fn a_job_that_can_not_be_read_is_told_of_later() {
    let kit = Kit::new();
    let image = kit.image(UserId::random()).await;
    let job = kit.submit(&image, false).await;
    kit.faults.inject("jobs.get", Calls::First(2), Fault::Before(PortErrorKind::Unavailable));
    let mut updates = kit.services.live.jobs(image.owner, vec![]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(at_once(&mut updates), []);
        kit.advance(HEARTBEAT);
        assert_eq!(updates.next().await, Some(Update::Quiet));
    }
    assert_eq!(at_once(&mut updates), [(job, JobStatus::Queued)]);
}
