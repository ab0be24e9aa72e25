//! Trials of storing jobs and finding them again.

use std::time::Duration;

use pixmill::ports::{Page, PageRequest};
use pixmill::{Batch, JobState, JobStatus, Timestamp};

use super::*;

pub(super) mod accept {
    use super::*;
    pub(in crate::trials::jobs) use crate::trials::jobs::batch::accept::{
        of_several_whoever_finds_one_finds_all,
        of_those_of_a_batch_that_are_not_held_the_first_is_enqueued_or_unpublished_and_the_others_are_follows,
    };

    pub(in crate::trials::jobs) async fn an_accepted_job_is_found_with_all_fields_as_given(
        jobs: Subject<dyn Jobs>,
    ) {
        let now = jobs.time().now();
        let plain = fixtures::job(UserId::random(), now);
        let mut full = fixtures::job(UserId::random(), now);
        full.overlay = Some(fixtures::content(full.output_key(), b"overlay"));
        full.save = true;
        full.source_version = 7;
        full.batch = Some(Batch { first: JobId::random(), size: 3 });
        full.transformation.watermark_text = Some("Grüße, \"Anna\" 🦀".into());
        full.transformation.watermark_opacity = Some(0.1);
        full.transformation.rotation = Some(-12.345_678_901_234_567);
        full.state = JobState::Queued { not_before: now + Duration::from_millis(1) };
        for mut job in [plain, full] {
            job.unpublished = jobs.accept(vec![job.clone()], SHARE).await.unwrap() == [Accepted::Unpublished];
            job.updated_at = stored(&jobs, job.id).await.updated_at;
            assert_eq!(jobs.get(job.owner, job.id).await.unwrap().as_ref(), Some(&job));
            assert_eq!(jobs.load(job.id).await.unwrap(), Some(job));
        }
    }

    pub(in crate::trials::jobs) async fn updated_at_is_the_stores_own_time_whatever_was_given(
        jobs: Subject<dyn Jobs>,
    ) {
        let now = jobs.time().now();
        for given in [now + HOUR, Timestamp::from_millis(now.millis() - HOUR.as_millis() as u64)] {
            let job = fixtures::job(UserId::random(), given);
            jobs.accept(vec![job.clone()], SHARE).await.unwrap();
            let kept = stored(&jobs, job.id).await;
            assert_eq!(kept.created_at, given);
            let apart = kept.updated_at.since(now).max(now.since(kept.updated_at));
            assert!(apart < HOUR / 2, "{apart:?} from the store's time");
        }
    }

    pub(in crate::trials::jobs) async fn a_job_id_that_exists_already_is_left_as_it_is(
        jobs: Subject<dyn Jobs>,
    ) {
        let job = accepted(&jobs).await;
        let token = claimed(&jobs, job.id, LONG).await;
        let before = stored(&jobs, job.id).await;
        jobs.accept(vec![job.clone()], SHARE).await.unwrap();
        jobs.accept(vec![Job { source_version: 99, owner: UserId::random(), ..job.clone() }], SHARE)
            .await
            .unwrap();
        assert_eq!(stored(&jobs, job.id).await, before);
        assert!(jobs.renew(job.id, token, HOUR).await.unwrap(), "the lease was lost");
    }

    pub(in crate::trials::jobs) async fn a_job_of_a_user_with_share_open_jobs_that_are_not_held_is_held(
        jobs: Subject<dyn Jobs>,
    ) {
        let (owner, other) = (UserId::random(), UserId::random());
        let mut answers = Vec::new();
        let mut all = Vec::new();
        for _ in 0..4 {
            let (job, accepted) = accept_within(&jobs, owner, 2).await;
            assert_eq!(stored(&jobs, job.id).await, job);
            answers.push(accepted == Accepted::Held);
            all.push(job);
        }
        assert_eq!(answers, [false, false, true, true]);
        assert_ne!(
            accept_within(&jobs, other, 2).await.1,
            Accepted::Held,
            "another user has a line of their own"
        );
        // Running jobs count; ended ones do not.
        claimed(&jobs, all[0].id, LONG).await;
        assert_eq!(accept_within(&jobs, owner, 2).await.1, Accepted::Held);
        jobs.cancel(owner, all[1].id).await.unwrap();
        assert_ne!(accept_within(&jobs, owner, 2).await.1, Accepted::Held);
        let again = jobs.accept(vec![all[2].clone()], 99).await.unwrap();
        assert_eq!(again, [Accepted::Held], "it is there already");
    }
}

pub(super) mod get {
    use super::*;

    pub(in crate::trials::jobs) async fn another_users_job_and_an_unknown_id_both_give_none(
        jobs: Subject<dyn Jobs>,
    ) {
        let job = accepted(&jobs).await;
        assert_eq!(jobs.get(UserId::random(), job.id).await.unwrap(), None);
        assert_eq!(jobs.get(job.owner, JobId::random()).await.unwrap(), None);
    }
}

pub(super) mod load {
    use super::*;

    pub(in crate::trials::jobs) async fn an_unknown_id_gives_none(jobs: Subject<dyn Jobs>) {
        accepted(&jobs).await;
        assert_eq!(jobs.load(JobId::random()).await.unwrap(), None);
    }
}

pub(super) mod list {
    use super::*;

    async fn page(
        jobs: &Subject<dyn Jobs>,
        owner: Option<UserId>,
        after: Option<JobId>,
        limit: usize,
    ) -> Page<Job> {
        jobs.list(owner, None, PageRequest { after, limit }).await.unwrap()
    }

    async fn accept_at(jobs: &Subject<dyn Jobs>, owner: UserId, created_at: Timestamp) -> JobId {
        let job = fixtures::job(owner, created_at);
        jobs.accept(vec![job.clone()], SHARE).await.unwrap();
        job.id
    }

    pub(in crate::trials::jobs) async fn pages_follow_each_other_without_a_gap_or_a_repetition_also_while_jobs_are_added(
        jobs: Subject<dyn Jobs>,
    ) {
        let (owner, start) = (UserId::random(), jobs.time().now());
        let mut all = Vec::new();
        for i in 0..12 {
            // Three at a time share their millisecond, so that the id has to decide.
            let created_at = start + Duration::from_millis(i / 3);
            all.push((created_at, accept_at(&jobs, owner, created_at).await));
        }
        for whose in [Some(owner), None] {
            all.sort_by(|a, b| b.cmp(a));
            let expected = all.clone();
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let Page { items, more } = page(&jobs, whose, after, 4).await;
                after = items.last().map(|job| job.id);
                seen.extend(items.into_iter().map(|job| (job.created_at, job.id)));
                if !more {
                    break;
                }
                let later = start + Duration::from_secs(all.len() as u64);
                all.push((later, accept_at(&jobs, owner, later).await));
            }
            assert_eq!(seen, expected);
            assert!(all.len() > expected.len(), "some were added between the pages");
            assert!(page(&jobs, whose, None, all.len() - 1).await.more);
            assert!(!page(&jobs, whose, None, all.len()).await.more);
        }
    }

    pub(in crate::trials::jobs) async fn only_the_owners_jobs_are_listed_if_one_is_named_and_all_jobs_otherwise(
        jobs: Subject<dyn Jobs>,
    ) {
        let (mine, other) = (accepted(&jobs).await, accepted(&jobs).await);
        let Page { items, more } = page(&jobs, Some(mine.owner), None, 10).await;
        assert_eq!((items, more), (vec![mine.clone()], false));
        // Not even by continuing after somebody else's job.
        let after_other = page(&jobs, Some(mine.owner), Some(other.id), 10).await.items;
        assert!(after_other.iter().all(|job| job.owner == mine.owner));
        let nobody = page(&jobs, Some(UserId::random()), None, 10).await;
        assert_eq!(nobody, Page { items: vec![], more: false });
        let mut all = page(&jobs, None, None, 10).await.items;
        all.sort_by_key(|job| job.id == other.id);
        assert_eq!(all, [mine, other]);
    }

    pub(in crate::trials::jobs) async fn with_a_state_only_jobs_in_that_state_are_listed(
        jobs: Subject<dyn Jobs>,
    ) {
        let owner = UserId::random();
        let mut made = Vec::new();
        for _ in 0..10 {
            made.push(accept_for(&jobs, owner).await);
        }
        for pair in 0..5 {
            for job in &made[2 * pair..2 * pair + 2] {
                bring_to(&jobs, job, pair).await;
            }
        }
        let states = [
            JobStatus::Queued,
            JobStatus::Running,
            JobStatus::Completed,
            JobStatus::Failed,
            JobStatus::Cancelled,
        ];
        let cases = states.into_iter().enumerate();
        for ((pair, status), owner) in cases.flat_map(|case| [(case, Some(owner)), (case, None)]) {
            let first = jobs.list(owner, Some(status), PageRequest { after: None, limit: 1 }).await.unwrap();
            assert!(first.more, "there are two {status:?} jobs");
            let after = Some(first.items[0].id);
            let second = jobs.list(owner, Some(status), PageRequest { after, limit: 1 }).await.unwrap();
            assert!(!second.more, "there are but two {status:?} jobs");
            let found: Vec<_> = first.items.iter().chain(&second.items).collect();
            assert!(found.iter().all(|job| job.status() == status));
            let mut ids: Vec<_> = found.iter().map(|job| job.id).collect();
            let mut expected: Vec<_> = made[2 * pair..2 * pair + 2].iter().map(|job| job.id).collect();
            ids.sort();
            expected.sort();
            assert_eq!(ids, expected);
        }
    }

    pub(in crate::trials::jobs) async fn held_jobs_stand_among_the_other_queued_ones(
        jobs: Subject<dyn Jobs>,
    ) {
        let (owner, start) = (UserId::random(), jobs.time().now());
        let mut all = Vec::new();
        for number in 0..6 {
            let job = fixtures::job(owner, start + Duration::from_millis(number));
            // Every other one is held.
            jobs.accept(vec![job.clone()], SHARE * (number as usize % 2)).await.unwrap();
            all.insert(0, job.id);
        }
        for owner in [Some(owner), None] {
            let (mut seen, mut after) = (Vec::new(), None);
            for more in [true, false] {
                let page = PageRequest { after, limit: 4 };
                let page = jobs.list(owner, Some(JobStatus::Queued), page).await.unwrap();
                assert_eq!(page.more, more);
                after = page.items.last().map(|job| job.id);
                seen.extend(page.items.into_iter().map(|job| job.id));
            }
            assert_eq!(seen, all);
            assert_eq!(jobs.count_open(owner).await.unwrap(), 6);
        }
    }
}

/// Brings a queued job to the state of this place in the order of [`JobStatus`].
async fn bring_to(jobs: &Subject<dyn Jobs>, job: &Job, state: usize) {
    match state {
        0 => {}
        1 => drop(claimed(jobs, job.id, LONG).await),
        2 => complete(jobs, job, HOUR).await,
        3 => {
            fail(jobs, job, FailureCode::Internal).await;
        }
        _ => drop(jobs.cancel(job.owner, job.id).await.unwrap()),
    }
}

pub(super) mod count_open {
    use super::*;

    pub(in crate::trials::jobs) async fn queued_and_running_jobs_of_the_user_count_and_no_others(
        jobs: Subject<dyn Jobs>,
    ) {
        let owner = UserId::random();
        assert_eq!(jobs.count_open(Some(owner)).await.unwrap(), 0);
        for end in 0..5 {
            let job = accept_for(&jobs, owner).await;
            bring_to(&jobs, &job, end).await;
        }
        accepted(&jobs).await;
        assert_eq!(jobs.count_open(Some(owner)).await.unwrap(), 2);
    }

    pub(in crate::trials::jobs) async fn without_a_user_those_of_all_count(jobs: Subject<dyn Jobs>) {
        for end in 0..5 {
            bring_to(&jobs, &accepted(&jobs).await, end).await;
        }
        assert_eq!(jobs.count_open(None).await.unwrap(), 2);
    }
}
