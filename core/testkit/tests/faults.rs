//! Faults strike where they are planned, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use pixmill::ports::{
    BatchWork, BlobStore, BlobStoreExt, CreateUser, JobMessage, Jobs, PortErrorKind, ProcessError, Processed,
    Processor, Queue, Retry, Settlement, ToDescribe, Users, Work,
};
use pixmill::{Description, EngineError, JobId, UserId};
use pixmill_memory::{MemoryBlobStore, MemoryJobs, MemoryQueue, MemoryUsers};
use pixmill_testkit::{Calls, Fault, FaultPlan, Faulty, TestClock, fixtures};

fn users(clock: &Arc<TestClock>) -> (Arc<MemoryUsers>, Faulty<dyn Users>, Arc<FaultPlan>) {
    let (inner, plan) = (Arc::new(MemoryUsers::new(clock.clone())), FaultPlan::new(clock.clone()));
    (inner.clone(), Faulty::new(inner as Arc<dyn Users>, plan.clone()), plan)
}

#[tokio::test]
async fn a_fault_before_the_effect_leaves_no_effect() {
    let clock = TestClock::new();
    let (inner, faulty, plan) = users(&clock);
    plan.inject("users.create", Calls::Nth(2), Fault::Before(PortErrorKind::Unavailable));
    let created_at = TestClock::START;
    let [first, second] = ["anna", "bert"].map(|name| fixtures::user(name, created_at));
    assert_eq!(faulty.create(first).await.unwrap(), CreateUser::Created);
    let error = faulty.create(second.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (PortErrorKind::Unavailable, "users.create"));
    assert_ne!(error.retry(), Retry::Never);
    assert_eq!(inner.get(second.id).await.unwrap(), None);
    assert_eq!(faulty.create(second).await.unwrap(), CreateUser::Created);
    assert_eq!(plan.calls("users.create"), 3);
}

#[tokio::test]
async fn a_lost_reply_hides_an_effect_that_happened() {
    let clock = TestClock::new();
    let (inner, faulty, plan) = users(&clock);
    plan.inject("users.create", Calls::First(1), Fault::After(PortErrorKind::TimedOut));
    let user = fixtures::user("anna", TestClock::START);
    assert_eq!(faulty.create(user.clone()).await.unwrap_err().kind(), PortErrorKind::TimedOut);
    assert!(inner.get(user.id).await.unwrap().is_some());
    assert_eq!(faulty.create(user).await.unwrap(), CreateUser::Taken);
}

#[tokio::test]
async fn a_message_is_repeated() {
    let clock = TestClock::new();
    let (queue, plan) = (Arc::new(MemoryQueue::new(clock.clone())), FaultPlan::new(clock));
    let faulty = Faulty::new(queue.clone() as Arc<dyn Queue>, plan.clone());
    plan.inject("queue.publish", Calls::Nth(1), Fault::Repeat(2));
    faulty.publish(JobMessage::new(JobId::random())).await.unwrap();
    assert_eq!(queue.waiting(), 3);
}

#[tokio::test]
async fn a_delay_lasts_until_the_clock_has_moved() {
    let clock = TestClock::new();
    let (_, faulty, plan) = users(&clock);
    plan.inject("users.get", Calls::All, Fault::Delay(Duration::from_secs(5)));
    let mut call = faulty.get(UserId::random());
    assert!(futures::poll!(&mut call).is_pending());
    clock.advance(Duration::from_millis(4999));
    assert!(futures::poll!(&mut call).is_pending());
    clock.advance(Duration::from_millis(1));
    assert_eq!(call.await.unwrap(), None);
}

#[tokio::test]
async fn faults_of_one_operation_do_not_meet_another_and_can_be_taken_back() {
    let clock = TestClock::new();
    let (_, faulty, plan) = users(&clock);
    plan.inject("users.get", Calls::From(2), Fault::Before(PortErrorKind::Internal));
    let get = || faulty.get(UserId::random());
    assert!(get().await.is_ok());
    assert!(faulty.find(fixtures::user("anna", TestClock::START).username).await.is_ok());
    assert!(get().await.is_err());
    assert!(get().await.is_err());
    plan.clear();
    assert!(get().await.is_ok());
    assert_eq!(plan.calls("users.get"), 1);
}

#[test]
#[should_panic(expected = "no operation")]
fn a_fault_for_an_operation_that_does_not_exist_is_refused() {
    FaultPlan::new(TestClock::new()).inject(
        "users.creat",
        Calls::All,
        Fault::Before(PortErrorKind::Internal),
    );
}

#[tokio::test]
async fn a_body_can_break_off() {
    let plan = FaultPlan::new(TestClock::new());
    let blobs = Faulty::new(Arc::new(MemoryBlobStore::new()), plan.clone());
    let key = fixtures::image(UserId::random(), TestClock::START).current.content.blob;
    blobs.put_bytes(key.clone(), Bytes::from_static(b"bytes")).await.unwrap();
    plan.inject("blobs.read", Calls::Nth(1), Fault::Before(PortErrorKind::Unavailable));
    let blob = blobs.get(key.clone(), None).await.unwrap().unwrap();
    let error = blob.body.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (PortErrorKind::Unavailable, "blobs.read"));
    assert_eq!(blobs.get_bytes(key, 10).await.unwrap(), Some(Bytes::from_static(b"bytes")));
}

#[tokio::test]
async fn a_settlement_can_fail_before_the_queue_hears_of_it() {
    let (clock, job) = (TestClock::new(), fixtures::job(UserId::random(), TestClock::START));
    let (inner, plan) = (Arc::new(MemoryQueue::new(clock.clone())), FaultPlan::new(clock));
    let queue = Faulty::new(inner.clone(), plan.clone());
    plan.inject("queue.settle", Calls::Nth(1), Fault::Before(PortErrorKind::Unavailable));
    plan.inject("queue.settle", Calls::Nth(2), Fault::After(PortErrorKind::Unavailable));
    queue.publish(JobMessage::new(job.id)).await.unwrap();
    queue.receive().await.unwrap().settle(Settlement::Ack).await.unwrap_err();
    assert_eq!(inner.waiting(), 1, "it was not acknowledged, so it comes again");
    queue.receive().await.unwrap().settle(Settlement::Ack).await.unwrap_err();
    assert_eq!(inner.waiting(), 0, "it was acknowledged, though the reply was lost");
}

#[tokio::test]
async fn a_delivery_whose_reply_is_lost_comes_again() {
    let clock = TestClock::new();
    let (inner, plan) = (Arc::new(MemoryQueue::new(clock.clone())), FaultPlan::new(clock));
    let queue = Faulty::new(inner.clone(), plan.clone());
    plan.inject("queue.receive", Calls::Nth(1), Fault::After(PortErrorKind::TimedOut));
    inner.publish_bytes("hello");
    queue.receive().await.unwrap_err();
    assert_eq!(queue.receive().await.unwrap().payload(), b"hello");
}

#[tokio::test]
async fn one_plan_serves_many_ports() {
    let clock = TestClock::new();
    let plan = FaultPlan::new(clock.clone());
    let users = Faulty::new(Arc::new(MemoryUsers::new(clock.clone())), plan.clone());
    let jobs = Faulty::new(Arc::new(MemoryJobs::new(clock)), plan.clone());
    plan.inject("users.get", Calls::All, Fault::Before(PortErrorKind::Unavailable)).inject(
        "jobs.load",
        Calls::All,
        Fault::Before(PortErrorKind::Corrupt),
    );
    let job = fixtures::job(UserId::random(), TestClock::START);
    assert_eq!(Users::get(&users, job.owner).await.unwrap_err().kind(), PortErrorKind::Unavailable);
    assert_eq!(jobs.load(job.id).await.unwrap_err().kind(), PortErrorKind::Corrupt);
    jobs.accept(vec![job], usize::MAX).await.unwrap();
}

/// A processor that must not be reached.
struct Unreachable;

#[async_trait::async_trait]
impl Processor for Unreachable {
    async fn process(&self, _work: Work) -> Result<Processed, ProcessError> {
        unreachable!("the fault comes before")
    }

    async fn process_batch(
        &self,
        _work: BatchWork,
    ) -> Result<Vec<Result<Processed, EngineError>>, ProcessError> {
        unreachable!("the fault comes before")
    }

    async fn describe(&self, _file: ToDescribe) -> Result<Description, ProcessError> {
        unreachable!("the fault comes before")
    }
}

#[tokio::test]
async fn a_processors_fault_is_a_ports_error() {
    let plan = FaultPlan::new(TestClock::new());
    let processor = Faulty::new(Arc::new(Unreachable), plan.clone());
    plan.inject("processor.process", Calls::All, Fault::Before(PortErrorKind::Full));
    let work = Work {
        source: fixtures::png(1, 1),
        overlay: None,
        transformation: pixmill::Transformation::default(),
        limits: pixmill::Limits::default(),
        time_limit: Duration::from_secs(1),
    };
    match processor.process(work).await {
        Err(ProcessError::Port(error)) => assert_eq!(error.kind(), PortErrorKind::Full),
        other => panic!("expected the fault, got {other:?}"),
    }
}
