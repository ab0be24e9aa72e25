//! Trials of claiming jobs and keeping them.

use pixmill::JobStatus;

use super::*;

pub(super) mod claim {
    use super::*;

    pub(in crate::trials::jobs) async fn of_many_concurrent_calls_exactly_one_gets_the_job(
        jobs: Subject<dyn Jobs>,
    ) {
        let job = accepted(&jobs).await;
        let claims = at_once((0..16).map(|_| {
            let jobs = jobs.port();
            async move { jobs.claim(job.id, LONG).await.unwrap() }
        }))
        .await;
        let got = claims.iter().filter(|claim| matches!(claim, Claim::Claimed(..))).count();
        let not_yet = claims.iter().filter(|claim| matches!(claim, Claim::NotYet { .. })).count();
        assert_eq!((got, not_yet), (1, 15), "{claims:?}");
        let job = stored(&jobs, job.id).await;
        assert_eq!((job.status(), job.attempts), (JobStatus::Running, 1));
    }

    pub(in crate::trials::jobs) async fn a_held_job_is_given_to_nobody_else_until_the_lease_expires_and_then_with_another_token(
        jobs: Subject<dyn Jobs>,
    ) {
        let (held, expires) = (accepted(&jobs).await, accepted(&jobs).await);
        claimed(&jobs, held.id, LONG).await;
        match jobs.claim(held.id, LONG).await.unwrap() {
            Claim::NotYet { after } => assert!(after <= LONG.lease && after > LONG.lease / 2, "{after:?}"),
            other => panic!("expected that it is held, got {other:?}"),
        }
        let first = claimed(&jobs, expires.id, short(&jobs)).await;
        if let Some(clock) = jobs.time().exact() {
            clock.advance(jobs.time().unit() - Duration::from_millis(1));
            let claim = jobs.claim(expires.id, LONG).await.unwrap();
            assert_eq!(claim, Claim::NotYet { after: Duration::from_millis(1) });
        }
        jobs.time().advance(jobs.time().unit()).await;
        let second = claimed(&jobs, expires.id, LONG).await;
        assert_ne!(first, second);
        assert_eq!(stored(&jobs, expires.id).await.attempts, 2);
    }

    pub(in crate::trials::jobs) async fn a_job_that_waits_between_attempts_is_not_given_before_its_time(
        jobs: Subject<dyn Jobs>,
    ) {
        let (late, soon, unit) = (accepted(&jobs).await, accepted(&jobs).await, jobs.time().unit());
        for (job, after) in [(&late, HOUR), (&soon, unit)] {
            let token = claimed(&jobs, job.id, LONG).await;
            assert!(jobs.finish(job.id, token, Outcome::Retry { after }).await.unwrap());
        }
        jobs.time().advance(unit).await;
        claimed(&jobs, soon.id, LONG).await;
        match jobs.claim(late.id, LONG).await.unwrap() {
            Claim::NotYet { after } => assert!(after <= HOUR && after > HOUR / 2, "{after:?}"),
            other => panic!("expected that it waits, got {other:?}"),
        }
    }

    pub(in crate::trials::jobs) async fn the_attempt_after_the_last_is_exhausted_and_the_job_has_failed(
        jobs: Subject<dyn Jobs>,
    ) {
        let (job, terms) = (accepted(&jobs).await, ClaimTerms { max_attempts: 2, ..short(&jobs) });
        for _ in 0..terms.max_attempts {
            claimed(&jobs, job.id, terms).await;
            jobs.time().advance(terms.lease).await;
        }
        let exhausted = match jobs.claim(job.id, terms).await.unwrap() {
            Claim::Exhausted(exhausted) => *exhausted,
            other => panic!("expected that the attempts are used up, got {other:?}"),
        };
        assert_eq!((exhausted.status(), exhausted.attempts), (JobStatus::Failed, 2));
        assert_eq!(stored(&jobs, job.id).await, exhausted);
        assert_eq!(jobs.claim(job.id, terms).await.unwrap(), Claim::Finished(JobStatus::Failed));
    }

    pub(in crate::trials::jobs) async fn final_jobs_are_finished_unknown_ones_unknown(
        jobs: Subject<dyn Jobs>,
    ) {
        let (done, failed, cancelled) = (accepted(&jobs).await, accepted(&jobs).await, accepted(&jobs).await);
        complete(&jobs, &done, HOUR).await;
        let token = claimed(&jobs, failed.id, LONG).await;
        let failure = Failure::new(FailureCode::Undecodable, "a trial");
        assert!(jobs.finish(failed.id, token, Outcome::Failed(failure)).await.unwrap());
        jobs.cancel(cancelled.owner, cancelled.id).await.unwrap();
        for (job, status) in
            [(done, JobStatus::Completed), (failed, JobStatus::Failed), (cancelled, JobStatus::Cancelled)]
        {
            let before = stored(&jobs, job.id).await;
            assert_eq!(jobs.claim(job.id, LONG).await.unwrap(), Claim::Finished(status));
            assert_eq!(stored(&jobs, job.id).await, before);
        }
        assert_eq!(jobs.claim(JobId::random(), LONG).await.unwrap(), Claim::Unknown);
    }
}

pub(super) mod renew {
    use super::*;

    pub(in crate::trials::jobs) async fn a_renewed_lease_lasts_ttl_from_now(jobs: Subject<dyn Jobs>) {
        let (longer, shorter, unit) = (accepted(&jobs).await, accepted(&jobs).await, jobs.time().unit());
        let token = claimed(&jobs, longer.id, short(&jobs)).await;
        assert!(jobs.renew(longer.id, token, HOUR).await.unwrap());
        let token = claimed(&jobs, shorter.id, LONG).await;
        assert!(jobs.renew(shorter.id, token, unit).await.unwrap());
        jobs.time().advance(unit).await;
        match jobs.claim(longer.id, LONG).await.unwrap() {
            Claim::NotYet { after } => assert!(after <= HOUR - unit && after > HOUR / 2, "{after:?}"),
            other => panic!("expected that it is held, got {other:?}"),
        }
        claimed(&jobs, shorter.id, LONG).await;
    }

    pub(in crate::trials::jobs) async fn a_token_that_lost_the_job_renews_nothing(jobs: Subject<dyn Jobs>) {
        let job = accepted(&jobs).await;
        let old = claimed(&jobs, job.id, short(&jobs)).await;
        jobs.time().advance(jobs.time().unit()).await;
        let new = claimed(&jobs, job.id, LONG).await;
        let before = stored(&jobs, job.id).await;
        assert!(!jobs.renew(job.id, old, 2 * HOUR).await.unwrap());
        assert_eq!(stored(&jobs, job.id).await, before);
        assert!(jobs.renew(job.id, new, HOUR).await.unwrap());
        assert!(jobs.finish(job.id, new, completed(&job, HOUR)).await.unwrap());
        assert!(!jobs.renew(job.id, new, HOUR).await.unwrap(), "a finished job has no lease");
        assert!(!jobs.renew(JobId::random(), new, HOUR).await.unwrap());
    }
}
