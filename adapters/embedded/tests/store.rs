//! What a store keeps from one opening to the next, and how its parts work together.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use pixmill::ports::{Accepted, Clock, Images, JobMessage, Jobs, Queue, Settlement, Users};
use pixmill::{Claim, ClaimTerms, Failure, FailureCode, ImageId, Job, JobId, Outcome, UserChange, UserId};
use pixmill_embedded::{Config, EmbeddedStore, OpenError, SqliteJobs, SqliteUsers};
use pixmill_testkit::{TestClock, fixtures};

const TERMS: ClaimTerms = ClaimTerms { lease: Duration::from_mins(1), max_attempts: 100 };

fn open(dir: &Path, clock: &Arc<TestClock>) -> EmbeddedStore {
    EmbeddedStore::open(Config::new(dir, Arc::<TestClock>::clone(clock))).unwrap()
}

fn new_job(clock: &TestClock) -> Job {
    fixtures::job(UserId::random(), clock.now())
}

/// Everything that the queue delivers now, acknowledged.
async fn drain(store: &EmbeddedStore) -> Vec<JobId> {
    let queue = store.queue();
    let mut jobs = Vec::new();
    while let Some(delivery) = queue.receive().now_or_never() {
        let delivery = delivery.unwrap();
        jobs.push(JobMessage::parse(delivery.payload()).unwrap().job_id);
        delivery.settle(Settlement::Ack).await.unwrap();
    }
    jobs
}

#[tokio::test]
async fn a_folder_has_one_store_at_a_time() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let store = open(dir.path(), &clock);
    let jobs = store.jobs();
    drop(store);
    let config = || Config::new(dir.path(), Arc::<TestClock>::clone(&clock));
    let refused = EmbeddedStore::open(config()).err();
    assert!(matches!(refused, Some(OpenError::Locked { pid: Some(pid), .. }) if pid == std::process::id()));
    drop(jobs);
    EmbeddedStore::open(config()).unwrap();
}

#[tokio::test]
async fn users_are_changed_beside_an_open_store_and_without_one() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let open_users = || SqliteUsers::open(dir.path(), clock.clone());
    let user = fixtures::user("anna", clock.now());
    open_users().unwrap().create(user.clone()).await.unwrap();

    let store = open(dir.path(), &clock);
    let beside = open_users().unwrap();
    let changed = beside.change(user.id, UserChange::Disabled(true)).await.unwrap();
    assert_eq!(changed, store.users().get(user.id).await.unwrap());
    let changed = store.users().change(user.id, UserChange::Disabled(false)).await.unwrap();
    assert_eq!(changed, beside.get(user.id).await.unwrap());
    drop((beside, store));
    assert_eq!(changed, open_users().unwrap().get(user.id).await.unwrap());
}

#[tokio::test]
async fn users_are_not_touched_beside_another_version() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let _store = open(dir.path(), &clock);
    let database = rusqlite::Connection::open(dir.path().join("pixmill.db")).unwrap();
    database.pragma_update(None, "user_version", 1000).unwrap();
    let refused = SqliteUsers::open(dir.path(), clock.clone()).err();
    assert!(matches!(refused, Some(OpenError::OtherSchema { found: 1000, .. })), "{refused:?}");
}

#[tokio::test]
async fn nobody_else_can_read_the_folder_or_the_database() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let data = dir.path().join("data");
    let _store = open(&data, &clock);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for name in ["pixmill.db", "pixmill.db-wal", "pixmill.db-shm", "lock"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_thousand_jobs_accepted_at_once_are_all_there_afterwards() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let store = open(dir.path(), &clock);
    let jobs: Vec<Job> = (0..1000).map(|_| new_job(&clock)).collect();
    let accepting = jobs.iter().map(|job| {
        let (repository, job) = (store.jobs(), job.clone());
        tokio::spawn(async move { repository.accept(vec![job], usize::MAX).await.unwrap() })
    });
    for accepted in join_all(accepting).await {
        assert_eq!(accepted.unwrap(), [Accepted::Enqueued]);
    }
    drop(store);

    let store = open(dir.path(), &clock);
    for job in &jobs {
        let stored = store.jobs().get(job.owner, job.id).await.unwrap();
        assert_eq!(stored, Some(Job { unpublished: false, ..job.clone() }));
    }
    let delivered: HashSet<JobId> = drain(&store).await.into_iter().collect();
    assert!(delivered == jobs.iter().map(|job| job.id).collect());
}

#[tokio::test]
async fn leases_reservations_and_deliveries_end_with_the_store() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let store = open(dir.path(), &clock);
    let (job, image) = (new_job(&clock), ImageId::random());
    store.jobs().accept(vec![job.clone()], usize::MAX).await.unwrap();
    store.images().reserve(image, Duration::from_hours(1)).await.unwrap();
    let delivery = store.queue().receive().await.unwrap();
    let Claim::Claimed(_, old) = store.jobs().claim(job.id, TERMS).await.unwrap() else {
        panic!("not claimed")
    };
    drop((delivery, store));

    let store = open(dir.path(), &clock);
    assert_eq!(drain(&store).await, [job.id]);
    assert_eq!(store.images().due_removals(10).await.unwrap(), [image]);
    let Claim::Claimed(claimed, _) = store.jobs().claim(job.id, TERMS).await.unwrap() else {
        panic!("not claimed")
    };
    assert_eq!(claimed.attempts, 2, "the attempt that ended with the store counts");
    assert!(!store.jobs().renew(job.id, old, TERMS.lease).await.unwrap());
}

#[tokio::test]
async fn a_delayed_message_keeps_its_time_when_the_store_is_opened_again() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let store = open(dir.path(), &clock);
    let job = JobId::random();
    store.queue().publish(JobMessage::new(job)).await.unwrap();
    let delivery = store.queue().receive().await.unwrap();
    delivery.settle(Settlement::Retry { after: Duration::from_mins(1) }).await.unwrap();
    drop(store);
    let store = open(dir.path(), &clock);
    assert_eq!(drain(&store).await, []);
    clock.advance(Duration::from_mins(1));
    assert_eq!(drain(&store).await, [job]);
    drop(store);
    assert_eq!(drain(&open(dir.path(), &clock)).await, [], "it was acknowledged");
}

#[tokio::test]
async fn an_open_job_that_the_queue_lost_is_delivered_when_the_store_is_opened_again() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let store = open(dir.path(), &clock);
    let (open_job, ended) = (new_job(&clock), new_job(&clock));
    for job in [&open_job, &ended] {
        store.jobs().accept(vec![job.clone()], usize::MAX).await.unwrap();
    }
    store.jobs().cancel(ended.owner, ended.id).await.unwrap();
    assert_eq!(drain(&store).await.len(), 2);
    drop(store);
    assert_eq!(drain(&open(dir.path(), &clock)).await, [open_job.id]);
}

#[tokio::test]
async fn jobs_of_another_queue_enter_this_one_when_the_store_takes_over() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let (waiting, done) = (new_job(&clock), new_job(&clock));
    let config = Config { owns_queue: false, ..Config::new(dir.path(), Arc::<TestClock>::clone(&clock)) };
    let store = EmbeddedStore::open(config).unwrap();
    for job in [&waiting, &done] {
        assert_eq!(
            store.jobs().accept(vec![job.clone()], usize::MAX).await.unwrap(),
            [Accepted::Unpublished]
        );
    }
    store.jobs().cancel(done.owner, done.id).await.unwrap();
    assert_eq!(store.jobs().due_unpublished(Duration::ZERO, 10).await.unwrap(), [waiting.id]);
    assert_eq!(drain(&store).await, []);
    drop(store);
    assert_eq!(drain(&open(dir.path(), &clock)).await, [waiting.id]);
}

/// With a cache of jobs and without one, a poll follows the commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_never_sees_an_older_state_than_the_poll_before() {
    for job_cache_max_bytes in [1 << 20, 0] {
        let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
        let config =
            Config { job_cache_max_bytes, ..Config::new(dir.path(), Arc::<TestClock>::clone(&clock)) };
        let store = EmbeddedStore::open(config).unwrap();
        let job = new_job(&clock);
        store.jobs().accept(vec![job.clone()], usize::MAX).await.unwrap();
        let (jobs, owner, id) = (store.jobs(), job.owner, job.id);
        let poller = tokio::spawn(async move {
            let mut last = 0;
            loop {
                let job = jobs.get(owner, id).await.unwrap().unwrap();
                assert!(job.revision >= last, "{} after {last}", job.revision);
                last = job.revision;
                if job.status().is_final() {
                    return last;
                }
                tokio::task::yield_now().await;
            }
        });
        let jobs = store.jobs();
        for attempt in 1..=50 {
            let Claim::Claimed(claimed, token) = jobs.claim(id, TERMS).await.unwrap() else {
                panic!("not claimed")
            };
            assert_eq!(claimed.attempts, attempt);
            assert_eq!(jobs.load(id).await.unwrap(), Some(*claimed));
            assert!(jobs.finish(id, token, Outcome::Retry { after: Duration::ZERO }).await.unwrap());
        }
        jobs.cancel(owner, id).await.unwrap();
        assert_eq!(poller.await.unwrap(), 101);
    }
}

#[tokio::test]
async fn a_backup_that_was_not_finished_is_no_data_folder() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    std::fs::write(dir.path().join("pixmill.db.unfinished"), "").unwrap();
    let opened = EmbeddedStore::open(Config::new(dir.path(), clock));
    assert!(matches!(opened.err(), Some(OpenError::UnfinishedBackup(path)) if path == dir.path()));
}

#[tokio::test]
async fn a_dead_letter_is_opened_beside_the_process_that_has_the_folder() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let store = open(dir.path(), &clock);
    let job = fixtures::job(UserId::random(), clock.now());
    store.jobs().accept(vec![job.clone()], usize::MAX).await.unwrap();
    let Claim::Claimed(_, token) = store.jobs().claim(job.id, TERMS).await.unwrap() else {
        panic!("not claimed")
    };
    let failure = Failure::new(FailureCode::Crashed, "a test");
    assert!(store.jobs().finish(job.id, token, Outcome::Failed(failure)).await.unwrap());
    store.jobs().output_removed(job.id, 0).await.unwrap();

    let beside = SqliteJobs::open(dir.path(), Arc::<TestClock>::clone(&clock)).unwrap();
    for _ in 0..2 {
        assert!(beside.redrive(job.id, 0).await.unwrap().is_some());
        assert_eq!(store.jobs().load(job.id).await.unwrap().unwrap().generation(), 0, "it is only asked for");
    }
    assert_eq!(store.jobs().release(None, 1, 10).await.unwrap(), [], "the queue has it");
    let opened = store.jobs().load(job.id).await.unwrap().unwrap();
    assert_eq!((opened.generation(), opened.held, opened.unpublished), (1, false, false));
    assert_eq!(beside.redrive(job.id, 0).await.unwrap(), None, "that is done");
    let delivery = store.queue().receive().await.unwrap();
    assert_eq!(JobMessage::parse(delivery.payload()).unwrap().job_id, job.id);
}
