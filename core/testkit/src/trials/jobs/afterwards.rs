//! Trials of what becomes of jobs after their end.

use pixmill::{JobStatus, Redrive};

use super::*;

/// Claims a job, lets it fail, and removes what its attempt may have left.
async fn bury(jobs: &Subject<dyn Jobs>, job: &Job, code: FailureCode) -> Failure {
    let failure = fail(jobs, job, code).await;
    jobs.output_removed(job.id, stored(jobs, job.id).await.generation()).await.unwrap();
    failure
}

pub(super) mod redrive {
    use super::*;

    pub(in crate::trials::jobs) async fn a_dead_letter_is_queued_and_held_with_no_attempts_and_keeps_the_failure_that_it_had(
        jobs: Subject<dyn Jobs>,
    ) {
        let job = accepted(&jobs).await;
        let mut before = Vec::new();
        for generation in 0..2 {
            before.push(fail(&jobs, &job, FailureCode::Crashed).await);
            assert_eq!(jobs.redrive(job.id, generation).await.unwrap(), None, "what it left is not removed");
            jobs.output_removed(job.id, generation).await.unwrap();
            let redriven = jobs.redrive(job.id, generation).await.unwrap().expect("a dead letter");
            assert_eq!(stored(&jobs, job.id).await, redriven);
            assert_eq!((redriven.status(), redriven.attempts, redriven.held), (JobStatus::Queued, 0, true));
            assert_eq!(redriven.generation(), generation + 1);
            let kept: Vec<_> =
                redriven.redrives.iter().map(|Redrive { failure, .. }| failure.clone()).collect();
            assert_eq!(kept, before);
            assert_eq!(redriven.remove_output_at, None);
            let returned = jobs.release(None, SHARE, 10).await.unwrap();
            assert_eq!(stored(&jobs, job.id).await.unpublished, returned == [job.id]);
        }
        complete(&jobs, &job, jobs.time().unit()).await;
        jobs.time().advance(jobs.time().unit()).await;
        let due = jobs.due_output_removals(10).await.unwrap();
        assert_eq!(due.iter().map(|job| job.id).collect::<Vec<_>>(), [job.id]);
    }

    pub(in crate::trials::jobs) async fn of_many_concurrent_calls_for_one_generation_exactly_one_opens_the_job(
        jobs: Subject<dyn Jobs>,
    ) {
        let job = accepted(&jobs).await;
        bury(&jobs, &job, FailureCode::TimedOut).await;
        let opened = at_once((0..8).map(|_| {
            let jobs = jobs.port();
            async move { jobs.redrive(job.id, 0).await.unwrap().is_some() }
        }))
        .await;
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1, "{opened:?}");
        jobs.release(None, SHARE, 10).await.unwrap();
        bury(&jobs, &job, FailureCode::TimedOut).await;
        assert_eq!(jobs.redrive(job.id, 0).await.unwrap(), None, "that generation is over");
        assert!(jobs.redrive(job.id, 1).await.unwrap().is_some());
    }

    pub(in crate::trials::jobs) async fn jobs_that_would_fail_again_that_have_not_failed_or_that_are_unknown_are_left_alone(
        jobs: Subject<dyn Jobs>,
    ) {
        let (bad, done, open) = (accepted(&jobs).await, accepted(&jobs).await, accepted(&jobs).await);
        bury(&jobs, &bad, FailureCode::Undecodable).await;
        complete(&jobs, &done, HOUR).await;
        for job in [bad, done, open] {
            let before = stored(&jobs, job.id).await;
            assert_eq!(jobs.redrive(job.id, 0).await.unwrap(), None);
            assert_eq!(stored(&jobs, job.id).await, before);
        }
        assert_eq!(jobs.redrive(JobId::random(), 0).await.unwrap(), None);
    }
}

pub(super) mod expire {
    use super::*;

    pub(in crate::trials::jobs) async fn final_jobs_are_not_found_any_more_once_their_time_has_come(
        jobs: Subject<dyn Jobs>,
    ) {
        let (cancelled, saved) = (accepted(&jobs).await, accepted(&jobs).await);
        jobs.cancel(cancelled.owner, cancelled.id).await.unwrap();
        let token = claimed(&jobs, saved.id, LONG).await;
        let output = Output { content: fixtures::content(saved.output_key(), b"saved"), version: Some(2) };
        assert!(jobs.finish(saved.id, token, Outcome::Completed { output, keep: HOUR }).await.unwrap());
        jobs.time().advance(jobs.time().unit()).await;
        assert_eq!(jobs.expire(jobs.time().unit(), 1).await.unwrap(), 1, "one at the most was asked for");
        assert_eq!(jobs.expire(jobs.time().unit(), 10).await.unwrap(), 1);
        assert_eq!(jobs.expire(Duration::ZERO, 10).await.unwrap(), 0);
        for job in [cancelled, saved] {
            assert_eq!(jobs.load(job.id).await.unwrap(), None);
            assert_eq!(made(&jobs, &job, Duration::ZERO).await, None);
        }
    }

    pub(in crate::trials::jobs) async fn open_jobs_jobs_that_ended_later_and_jobs_whose_output_is_still_to_be_removed_are_left_alone(
        jobs: Subject<dyn Jobs>,
    ) {
        let (open, running, later) = (accepted(&jobs).await, accepted(&jobs).await, accepted(&jobs).await);
        let (preview, failed) = (accepted(&jobs).await, accepted(&jobs).await);
        claimed(&jobs, running.id, LONG).await;
        jobs.cancel(later.owner, later.id).await.unwrap();
        assert_eq!(jobs.expire(HOUR, 10).await.unwrap(), 0);
        complete(&jobs, &preview, HOUR).await;
        fail(&jobs, &failed, FailureCode::Crashed).await;
        jobs.time().advance(jobs.time().unit()).await;
        jobs.expire(Duration::ZERO, 10).await.unwrap();
        assert_eq!(jobs.load(later.id).await.unwrap(), None, "it had left nothing");
        for job in [&open, &running, &preview, &failed] {
            assert!(jobs.load(job.id).await.unwrap().is_some());
        }
        jobs.output_removed(preview.id, 0).await.unwrap();
        assert_eq!(jobs.expire(Duration::ZERO, 10).await.unwrap(), 1);
        assert_eq!(jobs.load(preview.id).await.unwrap(), None);
    }
}
