//! The queue beyond its contract: publication during a delivery, wake-ups, rejected messages.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use pixmill::JobId;
use pixmill::ports::{JobMessage, Queue, Settlement};
use pixmill_embedded::{Config, EmbeddedStore, SqliteQueue};
use pixmill_testkit::TestClock;

struct Fixture {
    queue: Arc<SqliteQueue>,
    clock: Arc<TestClock>,
    dir: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let store = EmbeddedStore::open(Config::new(dir.path(), Arc::<TestClock>::clone(&clock))).unwrap();
    Fixture { queue: store.queue(), clock, dir }
}

async fn publish(queue: &SqliteQueue) -> JobId {
    let job = JobId::random();
    queue.publish(JobMessage::new(job)).await.unwrap();
    job
}

async fn receive_and_settle(queue: &SqliteQueue, settlement: Settlement) -> JobId {
    let delivery = queue.receive().await.unwrap();
    let job = JobMessage::parse(delivery.payload()).unwrap().job_id;
    delivery.settle(settlement).await.unwrap();
    job
}

#[tokio::test]
async fn a_message_published_during_a_delivery_is_delivered_after_it() {
    let Fixture { queue, dir: _dir, .. } = fixture();
    let job = publish(&queue).await;
    for settlement in
        [Settlement::Ack, Settlement::Retry { after: Duration::from_hours(1) }, Settlement::Reject]
    {
        let delivery = queue.receive().await.unwrap();
        queue.publish(JobMessage::new(job)).await.unwrap();
        assert!(queue.receive().now_or_never().is_none(), "the job is in a worker's hands");
        delivery.settle(settlement).await.unwrap();
    }
    assert_eq!(receive_and_settle(&queue, Settlement::Ack).await, job);
    assert!(queue.receive().now_or_never().is_none());
}

#[tokio::test]
async fn a_message_that_waits_is_kept_once() {
    let Fixture { queue, dir: _dir, .. } = fixture();
    let job = publish(&queue).await;
    queue.publish(JobMessage::new(job)).await.unwrap();
    assert_eq!(receive_and_settle(&queue, Settlement::Ack).await, job);
    assert!(queue.receive().now_or_never().is_none());
}

#[tokio::test]
async fn a_settlement_that_nobody_waits_for_loses_no_message() {
    let Fixture { queue, dir: _dir, .. } = fixture();
    let job = publish(&queue).await;
    // Never polled: nothing was settled.
    drop(queue.receive().await.unwrap().settle(Settlement::Ack));
    // Polled once: the operation is under way, and is carried out.
    let delivery = queue.receive().now_or_never().expect("it is given back at once").unwrap();
    let settling = delivery.settle(Settlement::Retry { after: Duration::ZERO });
    let _ = settling.now_or_never();
    assert_eq!(receive_and_settle(&queue, Settlement::Ack).await, job);
}

#[tokio::test]
async fn a_receiver_that_gives_up_passes_its_wake_up_on() {
    let Fixture { queue, clock, dir: _dir } = fixture();
    let waiting = |queue: &Arc<SqliteQueue>| {
        let queue = Arc::clone(queue);
        Box::pin(async move { receive_and_settle(&queue, Settlement::Ack).await })
    };
    let (mut first, mut second) = (waiting(&queue), waiting(&queue));
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    let job = publish(&queue).await;
    drop(first);
    assert_eq!(second.await, job);

    // The same with a message that comes later: both know of it.
    let job = publish(&queue).await;
    let delivery = queue.receive().await.unwrap();
    let (mut first, second) = (waiting(&queue), tokio::spawn(waiting(&queue)));
    assert!(futures::poll!(&mut first).is_pending());
    delivery.settle(Settlement::Retry { after: Duration::from_mins(1) }).await.unwrap();
    assert!(futures::poll!(&mut first).is_pending());
    clock.until_sleeping(2).await;
    drop(first);
    clock.advance(Duration::from_mins(1));
    assert_eq!(second.await.unwrap(), job);
}

#[tokio::test]
async fn a_rejected_message_is_kept_for_an_operator_as_it_was() {
    let Fixture { queue, dir, .. } = fixture();
    let message = JobMessage { schema: 7, job_id: JobId::random() };
    queue.publish(message).await.unwrap();
    let delivery = queue.receive().await.unwrap();
    assert_eq!(delivery.payload(), message.to_bytes());
    delivery.settle(Settlement::Reject).await.unwrap();
    let connection = rusqlite::Connection::open(dir.path().join("pixmill.db")).unwrap();
    let rejected: Vec<u8> =
        connection.query_row("SELECT payload FROM rejected", [], |row| row.get(0)).unwrap();
    assert_eq!(rejected, message.to_bytes());
}
