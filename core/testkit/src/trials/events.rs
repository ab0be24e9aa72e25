//! Trials of the carrier of events.

use futures::StreamExt;
use pixmill::ports::{Event, Events};
use pixmill::{JobId, JobStatus, UserId};

use super::trials;
use crate::subject::Subject;

trials! { "events", dyn Events;
    publish {
        everyone_who_subscribed_to_that_owner_before_sees_the_event,
        never_waits_for_a_slow_listener,
    }
    subscribe {
        other_users_events_are_not_seen,
        dropping_the_stream_ends_the_subscription,
    }
}

fn event(owner: UserId, revision: u64) -> Event {
    Event { owner, job: JobId::random(), status: JobStatus::Running, revision }
}

mod publish {
    use super::*;

    pub(super) async fn everyone_who_subscribed_to_that_owner_before_sees_the_event(
        events: Subject<dyn Events>,
    ) {
        let owner = UserId::random();
        let mut first = events.subscribe(owner).await.unwrap();
        let mut second = events.subscribe(owner).await.unwrap();
        for status in [
            JobStatus::Queued,
            JobStatus::Running,
            JobStatus::Completed,
            JobStatus::Failed,
            JobStatus::Cancelled,
        ] {
            let event = Event { status, ..event(owner, u64::from(u32::MAX) + 1) };
            events.publish(event).await.unwrap();
            assert_eq!(first.next().await, Some(event));
            assert_eq!(second.next().await, Some(event));
        }
    }

    pub(super) async fn never_waits_for_a_slow_listener(events: Subject<dyn Events>) {
        let owner = UserId::random();
        let mut asleep = events.subscribe(owner).await.unwrap();
        for revision in 0..5000 {
            events.publish(event(owner, revision)).await.unwrap();
        }
        // What it missed, it missed; but it is not cut off.
        assert!(asleep.next().await.is_some());
    }
}

mod subscribe {
    use super::*;

    pub(super) async fn other_users_events_are_not_seen(events: Subject<dyn Events>) {
        let (owner, other) = (UserId::random(), UserId::random());
        let mut mine = events.subscribe(owner).await.unwrap();
        let (theirs, own) = (event(other, 1), event(owner, 2));
        events.publish(theirs).await.unwrap();
        events.publish(own).await.unwrap();
        assert_eq!(mine.next().await, Some(own));
    }

    pub(super) async fn dropping_the_stream_ends_the_subscription(events: Subject<dyn Events>) {
        let owner = UserId::random();
        let mut stays = events.subscribe(owner).await.unwrap();
        for revision in 0..100 {
            drop(events.subscribe(owner).await.unwrap());
            let sent = event(owner, revision);
            events.publish(sent).await.unwrap();
            assert_eq!(stays.next().await, Some(sent));
        }
        drop(stays);
        let last = event(owner, 100);
        events.publish(last).await.unwrap();
        let mut again = events.subscribe(owner).await.unwrap();
        let sent = event(owner, 101);
        events.publish(sent).await.unwrap();
        // The last one before may still be on its way. Older ones were seen by all, so they are history.
        let mut heard = again.next().await;
        if heard == Some(last) {
            heard = again.next().await;
        }
        assert_eq!(heard, Some(sent), "a new subscription begins now, not where an old one ended");
    }
}
