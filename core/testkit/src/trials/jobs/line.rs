//! Trials of the line of each user, and of identical work.

use super::*;

/// Accepts a job of this user that may be held, and says how it was stored.
pub(super) async fn accept_within(jobs: &Subject<dyn Jobs>, owner: UserId, share: usize) -> (Job, Accepted) {
    let mut job = fixtures::job(owner, jobs.time().now());
    let accepted = jobs.accept(vec![job.clone()], share).await.unwrap().remove(0);
    job.unpublished = accepted != Accepted::Enqueued;
    job.held = accepted == Accepted::Held;
    job.updated_at = stored(jobs, job.id).await.updated_at;
    (job, accepted)
}

/// Whether jobs are held.
async fn held(jobs: &Subject<dyn Jobs>, all: &[Job]) -> Vec<bool> {
    let mut held = Vec::new();
    for job in all {
        held.push(stored(jobs, job.id).await.held);
    }
    held
}

pub(super) mod release {
    use super::*;
    pub(in crate::trials::jobs) use crate::trials::jobs::batch::release::of_those_of_a_batch_that_are_made_with_each_other_and_let_go_at_once_only_the_first_is_to_be_published;

    pub(in crate::trials::jobs) async fn the_oldest_held_jobs_of_a_user_with_at_most_half_of_share_before_the_workers_are_let_go(
        jobs: Subject<dyn Jobs>,
    ) {
        let (owner, other) = (UserId::random(), UserId::random());
        let mut all = Vec::new();
        for number in 0..5 {
            let mut job = fixtures::job(owner, jobs.time().now() + Duration::from_millis(number));
            job.held = jobs.accept(vec![job.clone()], 2).await.unwrap() == [Accepted::Held];
            all.push(job);
        }
        let others = [accept_within(&jobs, other, 0).await.0, accept_within(&jobs, other, 0).await.0];
        assert_eq!(jobs.release(Some(owner), 2, 10).await.unwrap(), [], "there is no room");
        jobs.cancel(owner, all[0].id).await.unwrap();
        jobs.release(Some(owner), 2, 10).await.unwrap();
        assert_eq!(held(&jobs, &all).await, [false, false, false, true, true]);
        jobs.cancel(owner, all[1].id).await.unwrap();
        jobs.cancel(owner, all[2].id).await.unwrap();
        jobs.release(Some(owner), 2, 1).await.unwrap();
        assert_eq!(
            held(&jobs, &all).await,
            [false, false, false, false, true],
            "one at the most was asked for"
        );
        assert_eq!(held(&jobs, &others).await, [true, true], "their owner was not named");
        jobs.release(None, 1, 10).await.unwrap();
        assert_eq!(held(&jobs, &all).await, [false, false, false, false, true]);
        assert_eq!(held(&jobs, &others).await.iter().filter(|held| **held).count(), 1);
        let busy = accept_within(&jobs, other, 0).await.0;
        jobs.release(Some(other), 1, 10).await.unwrap();
        assert!(stored(&jobs, busy.id).await.held, "more than half of the share is there");
        jobs.release(None, 9, 10).await.unwrap();
        assert_eq!(held(&jobs, &all).await, [false; 5]);
        assert_eq!(held(&jobs, &others).await, [false; 2]);
    }

    pub(in crate::trials::jobs) async fn of_many_concurrent_calls_no_more_are_let_go_than_a_share(
        jobs: Subject<dyn Jobs>,
    ) {
        const SHARE: usize = 8;
        let owner = UserId::random();
        let mut all = Vec::new();
        for _ in 0..3 * SHARE {
            all.push(accept_within(&jobs, owner, 0).await.0);
        }
        let calls = (0..SHARE).map(|_| {
            let port = jobs.port();
            async move { port.release(Some(owner), SHARE, 100).await.unwrap() }
        });
        at_once(calls).await;
        assert_eq!(held(&jobs, &all).await.iter().filter(|held| !**held).count(), SHARE);
    }

    pub(in crate::trials::jobs) async fn a_job_that_was_let_go_is_not_held_any_more_and_is_listed_by_due_unpublished_if_it_was_returned(
        jobs: Subject<dyn Jobs>,
    ) {
        let (job, accepted) = accept_within(&jobs, UserId::random(), 0).await;
        assert_eq!(accepted, Accepted::Held);
        let returned = jobs.release(None, 1, 10).await.unwrap();
        let stored = stored(&jobs, job.id).await;
        assert_eq!((stored.held, stored.revision), (false, 0));
        assert_eq!(stored.unpublished, returned == [job.id]);
        jobs.time().advance(jobs.time().unit()).await;
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), returned);
        assert_eq!(jobs.release(None, 9, 10).await.unwrap(), [], "it goes once");
        claimed(&jobs, job.id, LONG).await;
    }

    pub(in crate::trials::jobs) async fn a_held_job_is_not_listed_by_due_unpublished_and_ends_like_any_other(
        jobs: Subject<dyn Jobs>,
    ) {
        let (job, _) = accept_within(&jobs, UserId::random(), 0).await;
        jobs.time().advance(jobs.time().unit()).await;
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), []);
        assert_eq!(jobs.count_open(Some(job.owner)).await.unwrap(), 1);
        jobs.cancel(job.owner, job.id).await.unwrap();
        assert!(!stored(&jobs, job.id).await.held);
        assert_eq!(jobs.release(None, 9, 10).await.unwrap(), []);
    }
}

pub(super) mod precedent {
    use super::*;

    pub(in crate::trials::jobs) async fn of_the_running_jobs_of_one_derivation_the_one_that_was_claimed_first_is_alone_and_to_all_others_it_is_in_the_making(
        jobs: Subject<dyn Jobs>,
    ) {
        let now = jobs.time().now();
        let image = fixtures::image(UserId::random(), now);
        let same: Vec<_> = (0..3).map(|_| fixtures::job_on(&image, now)).collect();
        for job in &same {
            jobs.accept(vec![job.clone()], SHARE).await.unwrap();
        }
        let mut running = Vec::new();
        for job in same.iter().rev() {
            claimed(&jobs, job.id, LONG).await;
            running.push(stored(&jobs, job.id).await);
            jobs.time().advance(jobs.time().unit()).await;
        }
        let mut precedents = Vec::new();
        for job in &running {
            precedents.push(jobs.precedent(job, Duration::ZERO).await.unwrap());
        }
        assert_eq!(precedents, [None, Some(Precedent::InTheMaking), Some(Precedent::InTheMaking)]);
    }

    pub(in crate::trials::jobs) async fn a_result_that_is_kept_comes_before_one_that_is_in_the_making(
        jobs: Subject<dyn Jobs>,
    ) {
        let now = jobs.time().now();
        let image = fixtures::image(UserId::random(), now);
        let [failed, waits, runs, done, last] = [0; 5].map(|_| fixtures::job_on(&image, now));
        for job in [&failed, &waits, &runs, &done, &last] {
            jobs.accept(vec![job.clone()], SHARE).await.unwrap();
        }
        fail(&jobs, &failed, FailureCode::Internal).await;
        for job in [&runs, &last] {
            claimed(&jobs, job.id, LONG).await;
            jobs.time().advance(jobs.time().unit()).await;
        }
        let last = stored(&jobs, last.id).await;
        assert_eq!(jobs.precedent(&last, HOUR).await.unwrap(), Some(Precedent::InTheMaking));
        complete(&jobs, &done, 2 * HOUR).await;
        let done = Precedent::Made(Box::new(stored(&jobs, done.id).await));
        assert_eq!(jobs.precedent(&last, HOUR).await.unwrap(), Some(done));
        assert_eq!(jobs.precedent(&last, 3 * HOUR).await.unwrap(), Some(Precedent::InTheMaking));
    }

    pub(in crate::trials::jobs) async fn jobs_that_wait_that_have_ended_whose_lease_has_expired_or_that_make_something_else_are_no_precedent(
        jobs: Subject<dyn Jobs>,
    ) {
        let now = jobs.time().now();
        let image = fixtures::image(UserId::random(), now);
        let [waits, ended, expired, last] = [0; 4].map(|_| fixtures::job_on(&image, now));
        for job in [&waits, &ended, &expired, &last] {
            jobs.accept(vec![job.clone()], SHARE).await.unwrap();
        }
        claimed(&jobs, accepted(&jobs).await.id, LONG).await;
        claimed(&jobs, ended.id, LONG).await;
        jobs.cancel(ended.owner, ended.id).await.unwrap();
        claimed(&jobs, expired.id, short(&jobs)).await;
        jobs.time().advance(jobs.time().unit()).await;
        claimed(&jobs, last.id, LONG).await;
        let last = stored(&jobs, last.id).await;
        assert_eq!(jobs.precedent(&last, Duration::ZERO).await.unwrap(), None);
    }
}
