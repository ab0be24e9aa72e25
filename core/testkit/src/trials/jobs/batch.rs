//! Trials of jobs that are asked for together.

use pixmill::{Image, JobStatus};

use super::*;

/// A batch of this size that is stored.
async fn accepted_batch(jobs: &Subject<dyn Jobs>, size: usize) -> Vec<Job> {
    let batch = fixtures::batch_on(&image(jobs), jobs.time().now(), size);
    jobs.accept(batch.clone(), SHARE).await.unwrap();
    batch
}

fn image(jobs: &Subject<dyn Jobs>) -> Image {
    fixtures::image(UserId::random(), jobs.time().now())
}

/// Claims a job for its next attempt, as a worker that looks for others then.
async fn leading(jobs: &Subject<dyn Jobs>, id: JobId, terms: ClaimTerms) -> Job {
    match jobs.claim(id, terms).await.unwrap() {
        Claim::Claimed(job, _) => *job,
        other => panic!("expected the job, got {other:?}"),
    }
}

/// Trials of several jobs that are accepted at once.
pub(super) mod accept {
    use super::*;

    pub(in crate::trials::jobs) async fn of_several_whoever_finds_one_finds_all(jobs: Subject<dyn Jobs>) {
        for place in [0, 3, 5] {
            let batch = fixtures::batch_on(&image(&jobs), jobs.time().now(), 6);
            let ids: Vec<JobId> = batch.iter().map(|job| job.id).collect();
            let reader = jobs.port();
            let reading = async {
                while reader.load(ids[place]).await.unwrap().is_none() {
                    tokio::task::yield_now().await;
                }
                for id in &ids {
                    assert!(reader.load(*id).await.unwrap().is_some(), "one is there and another is not");
                }
            };
            let accepting = async { jobs.accept(batch.clone(), SHARE).await.unwrap() };
            let ((), answers) = futures::join!(reading, accepting);
            assert_eq!(answers.len(), 6);
            for job in batch {
                let stored = stored(&jobs, job.id).await;
                assert_eq!(
                    Job { unpublished: stored.unpublished, updated_at: stored.updated_at, ..job },
                    stored
                );
            }
        }
    }

    pub(in crate::trials::jobs) async fn of_those_of_a_batch_that_are_not_held_the_first_is_enqueued_or_unpublished_and_the_others_are_follows(
        jobs: Subject<dyn Jobs>,
    ) {
        let mut batch = fixtures::batch_on(&image(&jobs), jobs.time().now(), 5);
        // What needs another second image is made on its own.
        batch[1].overlay = Some(fixtures::content(batch[0].output_key(), b"overlay"));
        let answers = jobs.accept(batch.clone(), 4).await.unwrap();
        let told = |answer| [Accepted::Enqueued, Accepted::Unpublished].contains(&answer);
        assert!(told(answers[0]) && told(answers[1]), "{answers:?}");
        assert_eq!(answers[2..], [Accepted::Follows, Accepted::Follows, Accepted::Held]);
        // Nobody may take it along: then the sweeper must hear of it.
        jobs.time().advance(jobs.time().unit()).await;
        let due = jobs.due_unpublished(Duration::ZERO, 10).await.unwrap();
        assert!(due.contains(&batch[2].id) && due.contains(&batch[3].id), "{due:?}");
        claimed(&jobs, batch[2].id, LONG).await;
    }
}

/// Trials of letting a batch go.
pub(super) mod release {
    use super::*;

    pub(in crate::trials::jobs) async fn of_those_of_a_batch_that_are_made_with_each_other_and_let_go_at_once_only_the_first_is_to_be_published(
        jobs: Subject<dyn Jobs>,
    ) {
        let batch = fixtures::batch_on(&image(&jobs), jobs.time().now(), 4);
        assert_eq!(jobs.accept(batch.clone(), 0).await.unwrap(), [Accepted::Held; 4]);
        let mut to_publish = jobs.release(None, 9, 10).await.unwrap();
        let mut waiting = Vec::new();
        for job in &batch {
            let job = stored(&jobs, job.id).await;
            assert!(!job.held);
            if job.unpublished {
                waiting.push(job.id);
            } else {
                // The queue is this store's, and has it.
                to_publish.push(job.id);
            }
        }
        assert_eq!(to_publish.len(), 1, "{to_publish:?}");
        assert!(waiting.len() >= 3, "the sweeper hears of the others: {waiting:?}");
        assert_eq!(jobs.release(None, 9, 10).await.unwrap(), [], "it goes once");
    }
}

pub(super) mod claim_siblings {
    use super::*;

    pub(in crate::trials::jobs) async fn jobs_of_the_batch_that_wait_and_were_never_tried_are_taken_each_under_a_token_of_its_own(
        jobs: Subject<dyn Jobs>,
    ) {
        let (batch, other) = (accepted_batch(&jobs, 4).await, accepted_batch(&jobs, 2).await);
        let leader = leading(&jobs, batch[1].id, LONG).await;
        let siblings = jobs.claim_siblings(&leader, LONG).await.unwrap();
        let mut ids: Vec<JobId> = siblings.iter().map(|(job, _)| job.id).collect();
        let mut expected = vec![batch[0].id, batch[2].id, batch[3].id];
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected);
        for (job, token) in &siblings {
            assert_eq!((job.status(), job.attempts), (JobStatus::Running, 1));
            assert_eq!(stored(&jobs, job.id).await, *job);
            assert!(matches!(jobs.claim(job.id, LONG).await.unwrap(), Claim::NotYet { .. }));
            let others = siblings.iter().filter(|(other, _)| other.id != job.id);
            for (other, _) in others {
                assert!(!jobs.renew(other.id, *token, HOUR).await.unwrap(), "a token of another job");
            }
            assert!(jobs.renew(job.id, *token, HOUR).await.unwrap());
        }
        let (first, token) = &siblings[0];
        assert!(jobs.finish(first.id, *token, completed(first, HOUR)).await.unwrap());
        assert_eq!(jobs.claim_siblings(&leader, LONG).await.unwrap(), [], "all are taken");
        assert_eq!(stored(&jobs, other[0].id).await.attempts, 0, "it is of another batch");
    }

    pub(in crate::trials::jobs) async fn jobs_that_are_held_that_were_tried_before_that_have_ended_or_that_need_another_second_image_stay(
        jobs: Subject<dyn Jobs>,
    ) {
        let mut batch = fixtures::batch_on(&image(&jobs), jobs.time().now(), 6);
        batch[3].overlay = Some(fixtures::content(batch[0].output_key(), b"overlay"));
        let answers = jobs.accept(batch.clone(), 5).await.unwrap();
        assert_eq!(answers[5], Accepted::Held);
        let token = claimed(&jobs, batch[1].id, LONG).await;
        let again = Outcome::Retry { after: Duration::ZERO };
        assert!(jobs.finish(batch[1].id, token, again).await.unwrap());
        jobs.cancel(batch[2].owner, batch[2].id).await.unwrap();
        let leader = leading(&jobs, batch[0].id, LONG).await;
        let stay = [batch[1].id, batch[2].id, batch[3].id, batch[5].id];
        let mut before = Vec::new();
        for id in stay {
            before.push(stored(&jobs, id).await);
        }
        let siblings = jobs.claim_siblings(&leader, LONG).await.unwrap();
        assert_eq!(siblings.iter().map(|(job, _)| job.id).collect::<Vec<_>>(), [batch[4].id]);
        for (id, before) in stay.into_iter().zip(before) {
            assert_eq!(stored(&jobs, id).await, before);
        }
    }

    pub(in crate::trials::jobs) async fn after_its_first_attempt_a_leader_takes_nobody_along(
        jobs: Subject<dyn Jobs>,
    ) {
        let batch = accepted_batch(&jobs, 3).await;
        leading(&jobs, batch[0].id, short(&jobs)).await;
        jobs.time().advance(jobs.time().unit()).await;
        let leader = leading(&jobs, batch[0].id, LONG).await;
        assert_eq!(leader.attempts, 2);
        assert_eq!(jobs.claim_siblings(&leader, LONG).await.unwrap(), []);
        // Nor does one who has a single attempt: it must not be spent on the fault of another.
        let leader = leading(&jobs, batch[1].id, LONG).await;
        let once = ClaimTerms { max_attempts: 1, ..LONG };
        assert_eq!(jobs.claim_siblings(&leader, once).await.unwrap(), []);
        assert_eq!(stored(&jobs, batch[2].id).await.attempts, 0);
    }
}
