//! Trials of what is due: publishing, finding stored results, and removing them.

use pixmill::QUEUE_PATIENCE;

use super::*;

async fn due_removals(jobs: &Subject<dyn Jobs>) -> Vec<JobId> {
    jobs.due_output_removals(10).await.unwrap().iter().map(|job| job.id).collect()
}

pub(super) mod published {
    use super::*;

    pub(in crate::trials::jobs) async fn the_job_no_longer_appears_in_due_unpublished(
        jobs: Subject<dyn Jobs>,
    ) {
        let (published, other) = (accepted(&jobs).await, accepted(&jobs).await);
        jobs.time().advance(jobs.time().unit()).await;
        jobs.published(published.id).await.unwrap();
        let expected = if other.unpublished { vec![other.id] } else { vec![] };
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), expected);
        assert!(!stored(&jobs, published.id).await.unpublished);
        jobs.published(JobId::random()).await.unwrap();
    }
}

pub(super) mod due_unpublished {
    use super::*;

    pub(in crate::trials::jobs) async fn a_job_that_was_published_just_now_and_waits_and_one_with_a_live_lease_are_not_listed(
        jobs: Subject<dyn Jobs>,
    ) {
        let (waits, held) = (accepted(&jobs).await, accepted(&jobs).await);
        claimed(&jobs, held.id, LONG).await;
        jobs.time().advance(jobs.time().unit()).await;
        jobs.published(waits.id).await.unwrap();
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), []);
    }

    pub(in crate::trials::jobs) async fn a_job_that_was_published_and_waits_for_queue_patience_is_listed_until_it_is_published_again(
        jobs: Subject<dyn Jobs>,
    ) {
        let (waits, done) = (accepted(&jobs).await, accepted(&jobs).await);
        // A store that is the queue itself loses nothing. Nobody waits for so long in earnest.
        let time = jobs.time();
        let Some(clock) = time.exact().filter(|_| waits.unpublished) else { return };
        for job in [&waits, &done] {
            jobs.published(job.id).await.unwrap();
        }
        complete(&jobs, &done, HOUR).await;
        clock.advance(QUEUE_PATIENCE - Duration::from_millis(1));
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), []);
        clock.advance(Duration::from_millis(1));
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), [waits.id]);
        assert_eq!(jobs.due_unpublished(HOUR, 10).await.unwrap(), [], "not for an hour yet");
        jobs.published(waits.id).await.unwrap();
        clock.advance(QUEUE_PATIENCE - Duration::from_millis(1));
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), []);
    }

    pub(in crate::trials::jobs) async fn jobs_that_nobody_may_know_of_are_listed(jobs: Subject<dyn Jobs>) {
        let (unpublished, abandoned) = (accepted(&jobs).await, accepted(&jobs).await);
        let unit = jobs.time().unit();
        claimed(&jobs, abandoned.id, short(&jobs)).await;
        jobs.time().advance(unit).await;
        let mut expected = vec![abandoned.id];
        expected.extend(unpublished.unpublished.then_some(unpublished.id));
        expected.sort();
        let mut due = jobs.due_unpublished(Duration::ZERO, 10).await.unwrap();
        due.sort();
        assert_eq!(due, expected);
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 1).await.unwrap().len(), 1);
        assert_eq!(jobs.due_unpublished(HOUR, 10).await.unwrap(), [], "not for an hour yet");
        jobs.time().advance(unit).await;
        assert!(jobs.due_unpublished(unit, 10).await.unwrap().contains(&abandoned.id));
    }
}

/// The job that has made the same, if its result is kept for so long.
pub(super) async fn made(jobs: &Subject<dyn Jobs>, job: &Job, for_at_least: Duration) -> Option<Job> {
    match jobs.precedent(job, for_at_least).await.unwrap() {
        Some(Precedent::Made(earlier)) => Some(*earlier),
        Some(Precedent::InTheMaking) | None => None,
    }
}

pub(super) mod precedent {
    use super::*;
    pub(in crate::trials::jobs) use crate::trials::jobs::line::precedent::{
        a_result_that_is_kept_comes_before_one_that_is_in_the_making,
        jobs_that_wait_that_have_ended_whose_lease_has_expired_or_that_make_something_else_are_no_precedent,
        of_the_running_jobs_of_one_derivation_the_one_that_was_claimed_first_is_alone_and_to_all_others_it_is_in_the_making,
    };

    pub(in crate::trials::jobs) async fn jobs_that_are_not_completed_and_results_that_expired_are_not_made(
        jobs: Subject<dyn Jobs>,
    ) {
        let (unit, now) = (jobs.time().unit(), jobs.time().now());
        let image = fixtures::image(UserId::random(), now);
        let [queued, running, expires, kept] = [0; 4].map(|_| fixtures::job_on(&image, now));
        let find = async |for_at_least| made(&jobs, &queued, for_at_least).await.map(|job| job.id);
        for job in [&queued, &running, &expires, &kept] {
            jobs.accept(vec![job.clone()], SHARE).await.unwrap();
        }
        claimed(&jobs, running.id, LONG).await;
        assert_eq!(find(Duration::ZERO).await, None);

        complete(&jobs, &expires, unit).await;
        if jobs.time().exact().is_some() {
            assert_eq!(find(Duration::ZERO).await, Some(expires.id));
        }
        assert_eq!(find(HOUR).await, None, "it is not kept for an hour");
        jobs.time().advance(unit).await;
        assert_eq!(find(Duration::ZERO).await, None);

        complete(&jobs, &kept, 2 * HOUR).await;
        assert_eq!(find(HOUR).await, Some(kept.id));
        assert_eq!(find(3 * HOUR).await, None);

        let saved = accepted(&jobs).await;
        let token = claimed(&jobs, saved.id, LONG).await;
        let output = Output { content: fixtures::content(saved.output_key(), b"saved"), version: Some(2) };
        assert!(jobs.finish(saved.id, token, Outcome::Completed { output, keep: unit }).await.unwrap());
        jobs.time().advance(unit).await;
        let found = made(&jobs, &saved, 1000 * HOUR).await;
        assert_eq!(found, Some(stored(&jobs, saved.id).await), "a saved result does not expire");
    }
}

pub(super) mod due_output_removals {
    use super::*;

    pub(in crate::trials::jobs) async fn a_job_is_listed_once_its_time_has_come_until_output_removed(
        jobs: Subject<dyn Jobs>,
    ) {
        let (soon, late, open) = (accepted(&jobs).await, accepted(&jobs).await, accepted(&jobs).await);
        let unit = jobs.time().unit();
        complete(&jobs, &soon, unit).await;
        complete(&jobs, &late, HOUR).await;
        claimed(&jobs, open.id, short(&jobs)).await;
        if let Some(clock) = jobs.time().exact() {
            clock.advance(unit - Duration::from_millis(1));
            assert_eq!(due_removals(&jobs).await, []);
        }
        jobs.time().advance(unit).await;
        assert_eq!(due_removals(&jobs).await, [soon.id]);
        assert_eq!(jobs.due_output_removals(10).await.unwrap(), [stored(&jobs, soon.id).await]);
        jobs.output_removed(soon.id, 0).await.unwrap();
        assert_eq!(due_removals(&jobs).await, []);
        if let Some(clock) = jobs.time().exact() {
            // What a cancelled attempt may have left behind falls due after the stragglers' grace.
            jobs.cancel(open.owner, open.id).await.unwrap();
            assert_eq!(due_removals(&jobs).await, []);
            clock.advance(pixmill::STRAGGLER_GRACE);
            assert_eq!(due_removals(&jobs).await, [open.id]);
            clock.advance(HOUR);
            assert_eq!(jobs.due_output_removals(1).await.unwrap().len(), 1, "two are due, one is asked for");
        }
    }
}

pub(super) mod output_removed {
    use super::*;

    pub(in crate::trials::jobs) async fn the_job_is_no_longer_listed_for_removal_and_its_result_stays_expired(
        jobs: Subject<dyn Jobs>,
    ) {
        let (job, unit) = (accepted(&jobs).await, jobs.time().unit());
        complete(&jobs, &job, unit).await;
        jobs.time().advance(unit).await;
        jobs.output_removed(job.id, 0).await.unwrap();
        jobs.output_removed(job.id, 0).await.unwrap();
        jobs.output_removed(JobId::random(), 0).await.unwrap();
        for _ in 0..2 {
            assert_eq!(due_removals(&jobs).await, []);
            assert_eq!(made(&jobs, &job, Duration::ZERO).await, None);
            let soon = jobs.time().now() + Duration::from_secs(2);
            assert_eq!(stored(&jobs, job.id).await.output(soon), None);
            jobs.time().advance(unit).await;
        }
    }

    pub(in crate::trials::jobs) async fn a_job_that_has_been_opened_anew_since_then_is_left_alone(
        jobs: Subject<dyn Jobs>,
    ) {
        let (job, unit) = (accepted(&jobs).await, jobs.time().unit());
        fail(&jobs, &job, FailureCode::Crashed).await;
        jobs.output_removed(job.id, 0).await.unwrap();
        jobs.redrive(job.id, 0).await.unwrap().expect("a dead letter");
        jobs.release(None, SHARE, 10).await.unwrap();
        complete(&jobs, &job, unit).await;
        let done = stored(&jobs, job.id).await;
        // Somebody who had removed what the first generation left comes late to say so.
        jobs.output_removed(job.id, 0).await.unwrap();
        assert_eq!(stored(&jobs, job.id).await, done);
        jobs.time().advance(unit).await;
        assert_eq!(due_removals(&jobs).await, [job.id], "what it stored now is still to be removed");
    }
}
