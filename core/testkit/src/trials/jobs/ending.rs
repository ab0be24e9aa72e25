//! Trials of the ends that a job can come to.

use pixmill::ports::{Cancellation, PageRequest};
use pixmill::{JobState, JobStatus};

use super::*;

pub(super) mod finish {
    use super::*;

    pub(in crate::trials::jobs) async fn a_token_that_lost_the_job_changes_nothing(jobs: Subject<dyn Jobs>) {
        let job = accepted(&jobs).await;
        let old = claimed(&jobs, job.id, short(&jobs)).await;
        jobs.time().advance(jobs.time().unit()).await;
        let new = claimed(&jobs, job.id, LONG).await;
        let before = stored(&jobs, job.id).await;
        let failure = Failure::new(FailureCode::Internal, "a trial");
        for outcome in [completed(&job, HOUR), Outcome::Failed(failure), Outcome::Retry { after: HOUR }] {
            assert!(!jobs.finish(job.id, old, outcome).await.unwrap());
            assert_eq!(stored(&jobs, job.id).await, before);
        }
        assert!(jobs.finish(job.id, new, completed(&job, HOUR)).await.unwrap());
        assert!(!jobs.finish(JobId::random(), new, completed(&job, HOUR)).await.unwrap());
    }

    pub(in crate::trials::jobs) async fn a_finished_job_keeps_its_outcome_the_second_of_two_calls_answers_false(
        jobs: Subject<dyn Jobs>,
    ) {
        let job = accepted(&jobs).await;
        let token = claimed(&jobs, job.id, LONG).await;
        let answers = at_once((0..8).map(|_| {
            let (jobs, outcome) = (jobs.port(), completed(&job, HOUR));
            async move { jobs.finish(job.id, token, outcome).await.unwrap() }
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| **answer).count(), 1, "{answers:?}");
        let before = stored(&jobs, job.id).await;
        let failure = Failure::new(FailureCode::Internal, "a trial");
        assert!(!jobs.finish(job.id, token, Outcome::Failed(failure)).await.unwrap());
        assert_eq!(stored(&jobs, job.id).await, before);
        assert_eq!((before.status(), before.revision), (JobStatus::Completed, 2));
    }

    pub(in crate::trials::jobs) async fn after_postponed_it_is_too_and_the_attempt_does_not_count(
        jobs: Subject<dyn Jobs>,
    ) {
        let job = accepted(&jobs).await;
        jobs.published(job.id).await.unwrap();
        let token = claimed(&jobs, job.id, LONG).await;
        let postponed = Outcome::Postponed { after: Duration::ZERO };
        assert!(jobs.finish(job.id, token, postponed).await.unwrap());
        let queued = stored(&jobs, job.id).await;
        assert_eq!((queued.status(), queued.attempts, queued.unpublished), (JobStatus::Queued, 0, true));
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), [job.id]);
    }

    pub(in crate::trials::jobs) async fn after_retry_the_job_is_queued_and_due_to_be_published(
        jobs: Subject<dyn Jobs>,
    ) {
        let (job, unit) = (accepted(&jobs).await, jobs.time().unit());
        jobs.published(job.id).await.unwrap();
        let token = claimed(&jobs, job.id, LONG).await;
        assert!(jobs.finish(job.id, token, Outcome::Retry { after: unit }).await.unwrap());
        let queued = stored(&jobs, job.id).await;
        assert_eq!((queued.status(), queued.attempts, queued.unpublished), (JobStatus::Queued, 1, true));
        if jobs.time().exact().is_some() {
            assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), [], "it is not due yet");
        }
        jobs.time().advance(unit).await;
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), [job.id]);
        jobs.published(job.id).await.unwrap();
        assert_eq!(jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(), []);
        claimed(&jobs, job.id, LONG).await;
    }

    pub(in crate::trials::jobs) async fn every_outcome_is_kept_with_all_its_fields(jobs: Subject<dyn Jobs>) {
        let (preview, saved, failed) = (accepted(&jobs).await, accepted(&jobs).await, accepted(&jobs).await);
        let content = fixtures::content(saved.output_key(), b"saved");
        let output = Output { content, version: Some(u32::MAX >> 1) };
        let failure = Failure::new(FailureCode::LimitExceeded, "zu groß: \"100\" Pixel\n");

        complete(&jobs, &preview, HOUR).await;
        let token = claimed(&jobs, saved.id, LONG).await;
        let outcome = Outcome::Completed { output: output.clone(), keep: HOUR };
        assert!(jobs.finish(saved.id, token, outcome).await.unwrap());
        let token = claimed(&jobs, failed.id, LONG).await;
        assert!(jobs.finish(failed.id, token, Outcome::Failed(failure.clone())).await.unwrap());

        let Outcome::Completed { output: expected, .. } = completed(&preview, HOUR) else { unreachable!() };
        let preview = stored(&jobs, preview.id).await;
        assert_eq!(preview.state, JobState::Completed { output: expected });
        assert_eq!(preview.remove_output_at, Some(preview.updated_at + HOUR));
        let saved = stored(&jobs, saved.id).await;
        assert_eq!((saved.state, saved.remove_output_at), (JobState::Completed { output }, None));
        let failed = stored(&jobs, failed.id).await;
        assert_eq!(failed.state, JobState::Failed { failure });
        assert_eq!(failed.remove_output_at, Some(failed.updated_at + pixmill::STRAGGLER_GRACE));
    }
}

pub(super) mod cancel {
    use super::*;

    pub(in crate::trials::jobs) async fn a_cancelled_job_cant_be_claimed_renewed_or_finished(
        jobs: Subject<dyn Jobs>,
    ) {
        let (queued, running) = (accepted(&jobs).await, accepted(&jobs).await);
        let token = claimed(&jobs, running.id, LONG).await;
        for job in [queued, running] {
            let cancelled = match jobs.cancel(job.owner, job.id).await.unwrap() {
                Cancellation::Cancelled(cancelled) => *cancelled,
                other => panic!("expected that it is cancelled, got {other:?}"),
            };
            assert_eq!(cancelled.status(), JobStatus::Cancelled);
            assert_eq!(jobs.claim(job.id, LONG).await.unwrap(), Claim::Finished(JobStatus::Cancelled));
            assert!(!jobs.renew(job.id, token, HOUR).await.unwrap());
            assert!(!jobs.finish(job.id, token, completed(&job, HOUR)).await.unwrap());
            assert_eq!(stored(&jobs, job.id).await, cancelled);
        }
        assert_eq!(
            jobs.due_unpublished(Duration::ZERO, 10).await.unwrap(),
            [],
            "nobody needs to hear of them"
        );
    }

    pub(in crate::trials::jobs) async fn another_users_job_is_unknown_and_goes_on(jobs: Subject<dyn Jobs>) {
        let job = accepted(&jobs).await;
        let token = claimed(&jobs, job.id, LONG).await;
        assert_eq!(jobs.cancel(UserId::random(), job.id).await.unwrap(), Cancellation::Unknown);
        assert_eq!(jobs.cancel(job.owner, JobId::random()).await.unwrap(), Cancellation::Unknown);
        assert!(jobs.finish(job.id, token, completed(&job, HOUR)).await.unwrap());
    }

    pub(in crate::trials::jobs) async fn a_final_job_stays_as_it_is(jobs: Subject<dyn Jobs>) {
        let job = accepted(&jobs).await;
        complete(&jobs, &job, HOUR).await;
        let before = stored(&jobs, job.id).await;
        let answer = jobs.cancel(job.owner, job.id).await.unwrap();
        assert_eq!(answer, Cancellation::Finished(JobStatus::Completed));
        assert_eq!(stored(&jobs, job.id).await, before);
    }
}

pub(super) mod cancel_all {
    use super::*;

    pub(in crate::trials::jobs) async fn final_jobs_and_jobs_on_other_images_are_left_alone(
        jobs: Subject<dyn Jobs>,
    ) {
        let now = jobs.time().now();
        let image = fixtures::image(UserId::random(), now);
        let on_image: Vec<_> = (0..3).map(|_| fixtures::job_on(&image, now)).collect();
        for job in &on_image {
            jobs.accept(vec![job.clone()], SHARE).await.unwrap();
        }
        let other = accepted(&jobs).await;
        let [queued, running, done] = &on_image[..] else { unreachable!("there are three") };
        claimed(&jobs, running.id, LONG).await;
        complete(&jobs, done, HOUR).await;
        let untouched = [stored(&jobs, done.id).await, stored(&jobs, other.id).await];

        let mut cancelled = jobs.cancel_all(image.id).await.unwrap();
        cancelled.sort_by_key(|job| job.id);
        let mut expected = [stored(&jobs, queued.id).await, stored(&jobs, running.id).await];
        expected.sort_by_key(|job| job.id);
        assert!(expected.iter().all(|job| job.status() == JobStatus::Cancelled));
        assert_eq!(cancelled, expected);
        assert_eq!([stored(&jobs, done.id).await, stored(&jobs, other.id).await], untouched);
        assert_eq!(jobs.cancel_all(image.id).await.unwrap(), []);
    }
}

pub(super) mod forget {
    use super::*;

    pub(in crate::trials::jobs) async fn the_users_final_jobs_are_not_found_any_more_open_jobs_and_those_of_others_are_left_alone(
        jobs: Subject<dyn Jobs>,
    ) {
        let owner = UserId::random();
        let (done, open) = (accept_for(&jobs, owner).await, accept_for(&jobs, owner).await);
        let of_another = accepted(&jobs).await;
        complete(&jobs, &done, HOUR).await;
        complete(&jobs, &of_another, HOUR).await;
        let untouched = [stored(&jobs, open.id).await, stored(&jobs, of_another.id).await];

        jobs.forget(owner).await.unwrap();
        assert_eq!(jobs.load(done.id).await.unwrap(), None);
        assert_eq!(jobs.get(owner, done.id).await.unwrap(), None);
        assert_eq!(made(&jobs, &done, Duration::ZERO).await, None);
        let listed = jobs.list(Some(owner), None, PageRequest { after: None, limit: 10 }).await.unwrap();
        assert_eq!(listed.items, [untouched[0].clone()]);
        assert_eq!([stored(&jobs, open.id).await, stored(&jobs, of_another.id).await], untouched);
        jobs.forget(owner).await.unwrap();
    }
}
