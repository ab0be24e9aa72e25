//! Trials of the repository of jobs.

mod afterwards;
mod batch;
mod ending;
mod lease;
mod line;
mod reading;
mod sweep;

use std::time::Duration;

use pixmill::ports::{Accepted, Jobs, Precedent};
use pixmill::{Claim, ClaimTerms, Failure, FailureCode, Job, JobId, LeaseToken, Outcome, Output, UserId};

use self::afterwards::{expire, redrive};
use self::batch::claim_siblings;
use self::ending::{cancel, cancel_all, finish, forget};
use self::lease::{claim, renew};
use self::line::{accept_within, release};
use self::reading::{accept, count_open, get, list, load};
use self::sweep::{due_output_removals, due_unpublished, made, output_removed, precedent, published};
use super::{HOUR, at_once, trials};
use crate::fixtures;
use crate::subject::Subject;

trials! { "jobs", dyn Jobs;
    accept {
        an_accepted_job_is_found_with_all_fields_as_given,
        updated_at_is_the_stores_own_time_whatever_was_given,
        a_job_id_that_exists_already_is_left_as_it_is,
        a_job_of_a_user_with_share_open_jobs_that_are_not_held_is_held,
        of_several_whoever_finds_one_finds_all,
        of_those_of_a_batch_that_are_not_held_the_first_is_enqueued_or_unpublished_and_the_others_are_follows,
    }
    release {
        the_oldest_held_jobs_of_a_user_with_at_most_half_of_share_before_the_workers_are_let_go,
        of_many_concurrent_calls_no_more_are_let_go_than_a_share,
        a_job_that_was_let_go_is_not_held_any_more_and_is_listed_by_due_unpublished_if_it_was_returned,
        a_held_job_is_not_listed_by_due_unpublished_and_ends_like_any_other,
        of_those_of_a_batch_that_are_made_with_each_other_and_let_go_at_once_only_the_first_is_to_be_published,
    }
    published { the_job_no_longer_appears_in_due_unpublished }
    get { another_users_job_and_an_unknown_id_both_give_none }
    load { an_unknown_id_gives_none }
    list {
        pages_follow_each_other_without_a_gap_or_a_repetition_also_while_jobs_are_added,
        only_the_owners_jobs_are_listed_if_one_is_named_and_all_jobs_otherwise,
        with_a_state_only_jobs_in_that_state_are_listed,
        held_jobs_stand_among_the_other_queued_ones,
    }
    count_open {
        queued_and_running_jobs_of_the_user_count_and_no_others,
        without_a_user_those_of_all_count,
    }
    claim {
        of_many_concurrent_calls_exactly_one_gets_the_job,
        a_held_job_is_given_to_nobody_else_until_the_lease_expires_and_then_with_another_token,
        a_job_that_waits_between_attempts_is_not_given_before_its_time,
        the_attempt_after_the_last_is_exhausted_and_the_job_has_failed,
        final_jobs_are_finished_unknown_ones_unknown,
    }
    claim_siblings {
        jobs_of_the_batch_that_wait_and_were_never_tried_are_taken_each_under_a_token_of_its_own,
        jobs_that_are_held_that_were_tried_before_that_have_ended_or_that_need_another_second_image_stay,
        after_its_first_attempt_a_leader_takes_nobody_along,
    }
    renew {
        a_renewed_lease_lasts_ttl_from_now,
        a_token_that_lost_the_job_renews_nothing,
    }
    finish {
        a_token_that_lost_the_job_changes_nothing,
        a_finished_job_keeps_its_outcome_the_second_of_two_calls_answers_false,
        after_retry_the_job_is_queued_and_due_to_be_published,
        after_postponed_it_is_too_and_the_attempt_does_not_count,
        every_outcome_is_kept_with_all_its_fields,
    }
    cancel {
        a_cancelled_job_cant_be_claimed_renewed_or_finished,
        another_users_job_is_unknown_and_goes_on,
        a_final_job_stays_as_it_is,
    }
    cancel_all { final_jobs_and_jobs_on_other_images_are_left_alone }
    precedent {
        jobs_that_are_not_completed_and_results_that_expired_are_not_made,
        of_the_running_jobs_of_one_derivation_the_one_that_was_claimed_first_is_alone_and_to_all_others_it_is_in_the_making,
        a_result_that_is_kept_comes_before_one_that_is_in_the_making,
        jobs_that_wait_that_have_ended_whose_lease_has_expired_or_that_make_something_else_are_no_precedent,
    }
    due_unpublished {
        a_job_that_was_published_just_now_and_waits_and_one_with_a_live_lease_are_not_listed,
        a_job_that_was_published_and_waits_for_queue_patience_is_listed_until_it_is_published_again,
        jobs_that_nobody_may_know_of_are_listed,
    }
    due_output_removals { a_job_is_listed_once_its_time_has_come_until_output_removed }
    redrive {
        a_dead_letter_is_queued_and_held_with_no_attempts_and_keeps_the_failure_that_it_had,
        of_many_concurrent_calls_for_one_generation_exactly_one_opens_the_job,
        jobs_that_would_fail_again_that_have_not_failed_or_that_are_unknown_are_left_alone,
    }
    expire {
        final_jobs_are_not_found_any_more_once_their_time_has_come,
        open_jobs_jobs_that_ended_later_and_jobs_whose_output_is_still_to_be_removed_are_left_alone,
    }
    forget { the_users_final_jobs_are_not_found_any_more_open_jobs_and_those_of_others_are_left_alone }
    output_removed {
        the_job_is_no_longer_listed_for_removal_and_its_result_stays_expired,
        a_job_that_has_been_opened_anew_since_then_is_left_alone,
    }
}

/// So many that no job is held.
const SHARE: usize = 1000;

/// A lease that does not expire during a trial.
const LONG: ClaimTerms = ClaimTerms { lease: HOUR, max_attempts: 3 };

/// A lease that expires within one unit of the port's time.
fn short(jobs: &Subject<dyn Jobs>) -> ClaimTerms {
    ClaimTerms { lease: jobs.time().unit(), ..LONG }
}

/// Accepts a new job of this user and says how it was stored.
async fn accept_for(jobs: &Subject<dyn Jobs>, owner: UserId) -> Job {
    accept_within(jobs, owner, SHARE).await.0
}

/// Accepts a new job of a user of its own.
async fn accepted(jobs: &Subject<dyn Jobs>) -> Job {
    accept_for(jobs, UserId::random()).await
}

async fn claimed(jobs: &Subject<dyn Jobs>, id: JobId, terms: ClaimTerms) -> LeaseToken {
    match jobs.claim(id, terms).await.unwrap() {
        Claim::Claimed(job, token) => {
            assert_eq!(job.id, id);
            token
        }
        other => panic!("expected the job, got {other:?}"),
    }
}

async fn stored(jobs: &Subject<dyn Jobs>, id: JobId) -> Job {
    jobs.load(id).await.unwrap().expect("the job exists")
}

/// The end of a job that saved nothing; the result is kept for `keep`.
fn completed(job: &Job, keep: Duration) -> Outcome {
    let content = fixtures::content(job.output_key(), job.id.as_bytes());
    Outcome::Completed { output: Output { content, version: None }, keep }
}

/// Claims a job and lets it fail.
async fn fail(jobs: &Subject<dyn Jobs>, job: &Job, code: FailureCode) -> Failure {
    let token = claimed(jobs, job.id, LONG).await;
    let failure = Failure::new(code, "a trial");
    assert!(jobs.finish(job.id, token, Outcome::Failed(failure.clone())).await.unwrap());
    failure
}

/// Claims and completes a job.
async fn complete(jobs: &Subject<dyn Jobs>, job: &Job, keep: Duration) {
    let token = claimed(jobs, job.id, LONG).await;
    assert!(jobs.finish(job.id, token, completed(job, keep)).await.unwrap());
}
