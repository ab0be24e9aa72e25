//! Trials of the queue. That a message does not come again is told by other messages that come after it.

use std::time::Instant;

use pixmill::JobId;
use pixmill::ports::{Delivery, JobMessage, Queue, Settlement};

use super::{HOUR, at_once, trials};
use crate::subject::Subject;

trials! { "queue", dyn Queue;
    settle {
        an_acknowledged_message_is_not_delivered_again,
        a_message_to_retry_is_delivered_again_and_not_before_its_time,
        a_rejected_message_is_not_delivered_again,
    }
    publish {
        a_published_message_is_delivered_to_one_receiver_at_a_time,
        a_message_published_twice_is_delivered_at_least_once_and_at_most_twice,
    }
    receive {
        messages_that_wait_are_delivered_in_about_the_order_of_their_publication,
        a_delivery_that_is_dropped_unsettled_is_delivered_again,
        dropping_the_future_loses_no_message,
    }
}

fn message() -> JobMessage {
    JobMessage::new(JobId::random())
}

fn read(delivery: &dyn Delivery) -> JobMessage {
    JobMessage::parse(delivery.payload()).expect("what was published is what is received")
}

async fn publish(queue: &Subject<dyn Queue>) -> JobMessage {
    let message = message();
    queue.publish(message).await.unwrap();
    message
}

async fn receive(queue: &Subject<dyn Queue>, expected: JobMessage) -> Box<dyn Delivery> {
    let delivery = queue.receive().await.unwrap();
    assert_eq!(read(&*delivery), expected);
    delivery
}

/// Fails if the queue still holds a message: it would come before, or soon after, one that is published now.
async fn assert_empty(queue: &Subject<dyn Queue>) {
    for _ in 0..3 {
        let sent = publish(queue).await;
        receive(queue, sent).await.settle(Settlement::Ack).await.unwrap();
    }
}

mod settle {
    use super::*;

    pub(super) async fn an_acknowledged_message_is_not_delivered_again(queue: Subject<dyn Queue>) {
        let sent = publish(&queue).await;
        receive(&queue, sent).await.settle(Settlement::Ack).await.unwrap();
        queue.time().advance(queue.time().unit()).await;
        assert_empty(&queue).await;
    }

    pub(super) async fn a_message_to_retry_is_delivered_again_and_not_before_its_time(
        queue: Subject<dyn Queue>,
    ) {
        let late = publish(&queue).await;
        receive(&queue, late).await.settle(Settlement::Retry { after: HOUR }).await.unwrap();
        assert_empty(&queue).await;

        let (time, unit, soon) = (queue.time(), queue.time().unit(), publish(&queue).await);
        let start = Instant::now();
        receive(&queue, soon).await.settle(Settlement::Retry { after: unit }).await.unwrap();
        match time.exact() {
            // Whoever waits already must wake when the time has come.
            Some(clock) => {
                let port = queue.port();
                let waiting = tokio::spawn(async move { port.receive().await.unwrap() });
                clock.until_sleeping(1).await;
                clock.advance(unit - std::time::Duration::from_millis(1));
                let other = publish(&queue).await;
                let delivery = waiting.await.expect("receive does not panic");
                assert_eq!(read(&*delivery), other, "delivered before its time");
                delivery.settle(Settlement::Ack).await.unwrap();
                let port = queue.port();
                let waiting = tokio::spawn(async move { port.receive().await.unwrap() });
                clock.until_sleeping(1).await;
                clock.advance(std::time::Duration::from_millis(1));
                let delivery = waiting.await.expect("receive does not panic");
                assert_eq!(read(&*delivery), soon);
                delivery.settle(Settlement::Ack).await.unwrap();
            }
            None => {
                receive(&queue, soon).await.settle(Settlement::Ack).await.unwrap();
                assert!(start.elapsed() >= unit, "delivered before its time");
            }
        }
    }

    pub(super) async fn a_rejected_message_is_not_delivered_again(queue: Subject<dyn Queue>) {
        let sent = publish(&queue).await;
        receive(&queue, sent).await.settle(Settlement::Reject).await.unwrap();
        queue.time().advance(queue.time().unit()).await;
        assert_empty(&queue).await;
    }
}

mod publish {
    use super::*;

    pub(super) async fn a_published_message_is_delivered_to_one_receiver_at_a_time(
        queue: Subject<dyn Queue>,
    ) {
        let mut sent = Vec::new();
        for _ in 0..8 {
            sent.push(publish(&queue).await);
        }
        let deliveries = at_once((0..8).map(|_| {
            let queue = queue.port();
            async move { queue.receive().await.unwrap() }
        }))
        .await;
        let mut received: Vec<_> = deliveries.iter().map(|delivery| read(&**delivery)).collect();
        sent.sort_by_key(|message| message.job_id);
        received.sort_by_key(|message| message.job_id);
        assert_eq!(received, sent);
        // They are all held, so nobody else gets one.
        assert_empty(&queue).await;
    }

    pub(super) async fn a_message_published_twice_is_delivered_at_least_once_and_at_most_twice(
        queue: Subject<dyn Queue>,
    ) {
        let twice = publish(&queue).await;
        queue.publish(twice).await.unwrap();
        let last = publish(&queue).await;
        let mut count = 0;
        loop {
            let delivery = queue.receive().await.unwrap();
            let received = read(&*delivery);
            delivery.settle(Settlement::Ack).await.unwrap();
            if received == last {
                break;
            }
            assert_eq!(received, twice);
            count += 1;
        }
        assert!((1..=2).contains(&count), "delivered {count} times");
        assert_empty(&queue).await;
    }
}

mod receive {
    use super::*;

    pub(super) async fn messages_that_wait_are_delivered_in_about_the_order_of_their_publication(
        queue: Subject<dyn Queue>,
    ) {
        const COUNT: usize = 20;
        let mut sent = Vec::new();
        for _ in 0..COUNT {
            sent.push(publish(&queue).await);
        }
        for place in 0..COUNT {
            let delivery = queue.receive().await.unwrap();
            let received = read(&*delivery);
            delivery.settle(Settlement::Ack).await.unwrap();
            let expected = sent.iter().position(|message| *message == received).expect("one of those sent");
            assert!(place.abs_diff(expected) < COUNT / 2, "message {expected} came in place {place}");
        }
    }

    pub(super) async fn a_delivery_that_is_dropped_unsettled_is_delivered_again(queue: Subject<dyn Queue>) {
        let sent = publish(&queue).await;
        for _ in 0..3 {
            drop(receive(&queue, sent).await);
        }
        receive(&queue, sent).await.settle(Settlement::Ack).await.unwrap();
        assert_empty(&queue).await;
    }

    pub(super) async fn dropping_the_future_loses_no_message(queue: Subject<dyn Queue>) {
        for _ in 0..50 {
            let port = queue.port();
            let receiver = tokio::spawn(async move { port.receive().await.map(drop) });
            let sent = publish(&queue).await;
            receiver.abort();
            // Ended or dropped: either way the message must be there again.
            let _ = receiver.await;
            receive(&queue, sent).await.settle(Settlement::Ack).await.unwrap();
        }
        assert_empty(&queue).await;
    }
}
