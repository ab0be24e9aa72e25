//! The transitions of a job, one rule a test.

use pixmill_engine::Format;

use super::*;
use crate::content::ContentHash;

const TERMS: ClaimTerms = ClaimTerms { lease: Duration::from_secs(30), max_attempts: 2 };
const START: Timestamp = Timestamp::from_millis(1_000_000);

fn content() -> Content {
    Content {
        blob: BlobKey::original(ImageId::from_bytes([1; 12])),
        hash: ContentHash::of(b"bytes"),
        bytes: 5,
        format: Format::Png,
        width: 2,
        height: 1,
        alpha: false,
    }
}

fn queued() -> Job {
    let (owner, transformation) = (UserId::random(), Transformation::default());
    Job {
        id: JobId::random(),
        owner,
        image: ImageId::from_bytes([1; 12]),
        source_version: 1,
        source: content(),
        overlay: None,
        derivation: Derivation::new(owner, &content().hash, None, &transformation),
        transformation,
        batch: None,
        save: false,
        created_at: START,
        updated_at: START,
        revision: 0,
        attempts: 0,
        state: JobState::Queued { not_before: START },
        unpublished: true,
        published_at: None,
        held: false,
        redrives: Vec::new(),
        remove_output_at: None,
    }
}

fn claim(job: &mut Job, now: Timestamp) -> LeaseToken {
    match job.claim(now, TERMS) {
        Claim::Claimed(_, token) => token,
        other => panic!("expected a claim, got {other:?}"),
    }
}

fn completed() -> Outcome {
    Outcome::Completed { output: Output { content: content(), version: None }, keep: Duration::from_secs(60) }
}

#[test]
fn a_claim_starts_the_job_and_takes_it_off_the_outbox() {
    let mut job = queued();
    claim(&mut job, START);
    assert_eq!((job.status(), job.attempts, job.unpublished), (JobStatus::Running, 1, false));
}

#[test]
fn a_held_job_is_not_given_away() {
    let mut job = queued();
    claim(&mut job, START);
    let later = START + Duration::from_secs(10);
    assert_eq!(job.claim(later, TERMS), Claim::NotYet { after: Duration::from_secs(20) });
}

#[test]
fn an_expired_lease_gives_a_new_token_and_fences_the_old_one() {
    let mut job = queued();
    let old = claim(&mut job, START);
    let later = START + Duration::from_secs(31);
    let new = claim(&mut job, later);
    assert!(!job.renew(later, old, TERMS.lease));
    assert!(!job.finish(later, old, completed()));
    assert!(job.finish(later, new, completed()));
}

#[test]
fn renewal_keeps_the_job() {
    let mut job = queued();
    let token = claim(&mut job, START);
    assert!(job.renew(START + Duration::from_secs(29), token, TERMS.lease));
    assert!(matches!(job.claim(START + Duration::from_secs(31), TERMS), Claim::NotYet { .. }));
}

#[test]
fn attempts_never_exceed_the_maximum() {
    let mut job = queued();
    claim(&mut job, START);
    claim(&mut job, START + Duration::from_mins(1));
    assert!(matches!(job.claim(START + Duration::from_mins(2), TERMS), Claim::Exhausted(_)));
    assert_eq!((job.status(), job.attempts), (JobStatus::Failed, 2));
}

#[test]
fn a_retry_waits_and_goes_back_to_the_outbox() {
    let mut job = queued();
    let token = claim(&mut job, START);
    assert!(job.finish(START, token, Outcome::Retry { after: Duration::from_secs(5) }));
    assert!(job.unpublished);
    assert_eq!(job.claim(START, TERMS), Claim::NotYet { after: Duration::from_secs(5) });
    claim(&mut job, START + Duration::from_secs(5));
}

#[test]
fn a_postponed_attempt_does_not_count() {
    let mut job = queued();
    let token = claim(&mut job, START);
    assert!(job.finish(START, token, Outcome::Postponed { after: Duration::from_secs(5) }));
    assert_eq!((job.attempts, job.unpublished), (0, true));
    assert_eq!(job.claim(START, TERMS), Claim::NotYet { after: Duration::from_secs(5) });
}

#[test]
fn a_final_state_stays() {
    let mut job = queued();
    let token = claim(&mut job, START);
    assert!(job.cancel(START));
    assert!(!job.finish(START, token, completed()));
    assert!(!job.cancel(START));
    assert_eq!(job.claim(START + Duration::from_hours(1), TERMS), Claim::Finished(JobStatus::Cancelled));
}

#[test]
fn an_unsaved_result_expires_and_a_saved_one_does_not() {
    let mut job = queued();
    let token = claim(&mut job, START);
    job.finish(START, token, completed());
    assert!(job.output(START + Duration::from_secs(59)).is_some());
    assert!(job.output(START + Duration::from_secs(60)).is_none());

    let mut job = queued();
    let token = claim(&mut job, START);
    let output = Output { content: content(), version: Some(2) };
    job.finish(START, token, Outcome::Completed { output, keep: Duration::from_secs(60) });
    assert!(job.output(START + Duration::from_hours(1000)).is_some());
}

#[test]
fn what_a_cancelled_attempt_may_have_stored_is_removed_later() {
    let mut untouched = queued();
    untouched.cancel(START);
    assert_eq!(untouched.remove_output_at, None);

    let mut running = queued();
    claim(&mut running, START);
    running.cancel(START);
    assert_eq!(running.remove_output_at, Some(START + STRAGGLER_GRACE));
    // What it may have stored is there whether it counts or not.
    let mut postponed = queued();
    let token = claim(&mut postponed, START);
    assert!(postponed.finish(START, token, Outcome::Postponed { after: Duration::from_secs(5) }));
    assert!(postponed.cancel(START));
    assert_eq!(postponed.remove_output_at, Some(START + STRAGGLER_GRACE));
}

#[test]
fn every_change_of_state_grows_the_revision() {
    let mut job = queued();
    let token = claim(&mut job, START);
    job.finish(START, token, Outcome::Retry { after: Duration::ZERO });
    let token = claim(&mut job, START);
    job.finish(START, token, completed());
    assert_eq!(job.revision, 4);
}

#[test]
fn a_derivation_depends_on_everything_that_makes_the_result() {
    let (owner, source) = (UserId::random(), ContentHash::of(b"a"));
    let plain = Transformation { width: Some(10), ..Transformation::default() };
    let base = Derivation::new(owner, &source, None, &plain);
    let others = [
        Derivation::new(UserId::random(), &source, None, &plain),
        Derivation::new(owner, &ContentHash::of(b"b"), None, &plain),
        Derivation::new(owner, &source, Some(&source), &plain),
        Derivation::new(owner, &source, None, &Transformation { width: Some(11), ..plain.clone() }),
    ];
    assert!(others.iter().all(|other| *other != base));
    assert_eq!(Derivation::new(owner, &source, None, &plain), base);
}

#[test]
fn a_job_survives_storage() {
    let mut job = queued();
    for step in 0..3 {
        let stored = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&stored).unwrap(), job, "at step {step}");
        match step {
            0 => drop(claim(&mut job, START)),
            _ => drop(job.cancel(START)),
        }
    }
}

fn failed(code: FailureCode) -> Job {
    let mut job = queued();
    let token = claim(&mut job, START);
    assert!(job.finish(START, token, Outcome::Failed(Failure::new(code, "a reason"))));
    job
}

#[test]
fn a_dead_letter_begins_again_and_remembers() {
    let mut job = failed(FailureCode::Crashed);
    let later = START + STRAGGLER_GRACE;
    assert!(!job.redrive(later, 0), "what it left may still be removed");
    assert!(job.output_removed(later, 0));
    assert!(!job.redrive(later, 1), "another generation");
    assert!(job.redrive(later, 0));
    assert!(!job.output_removed(later, 0), "that was before");
    assert_eq!((job.status(), job.attempts, job.generation()), (JobStatus::Queued, 0, 1));
    assert_eq!((job.held, job.unpublished, job.opened_at()), (true, true, later));
    assert_eq!(job.redrives[0].failure.code, FailureCode::Crashed);
    assert!(!job.redrive(later, 1), "it is open");
    claim(&mut job, later);
    assert!(!job.held);
}

#[test]
fn what_would_fail_again_does_not_begin_again() {
    for code in [FailureCode::Undecodable, FailureCode::LimitExceeded, FailureCode::SourceMissing] {
        let mut job = failed(code);
        assert!(job.output_removed(START, 0));
        assert!(!job.redrive(START, 0));
    }
    let mut done = queued();
    let token = claim(&mut done, START);
    done.finish(START, token, completed());
    assert!(!done.redrive(START, 0));
}

#[test]
fn the_first_to_run_is_ahead_until_its_lease_is_over() {
    let (mut first, mut second) = (queued(), queued());
    second.derivation = first.derivation.clone();
    assert!(!first.runs_ahead_of(&second, START), "it waits");
    claim(&mut first, START);
    let next = START + Duration::from_millis(1);
    claim(&mut second, next);
    assert!(first.runs_ahead_of(&second, next) && !second.runs_ahead_of(&first, next));
    assert!(!first.runs_ahead_of(&first, next), "not of itself");
    assert!(!first.runs_ahead_of(&second, START + TERMS.lease));
    second.derivation = queued().derivation;
    assert!(!first.runs_ahead_of(&second, next), "it makes something else");
}

#[test]
fn a_published_job_is_stale_once_the_queue_may_have_lost_it_and_later_each_time() {
    let mut job = queued();
    assert_eq!(job.stale_since(), Some(START), "nobody has published it");
    job.published(START);
    let mut due = START + QUEUE_PATIENCE;
    assert_eq!(job.stale_since(), Some(due));
    for doubled in [2, 4, 8] {
        job.published(due);
        due = START + QUEUE_PATIENCE * doubled;
        assert_eq!(job.stale_since(), Some(due));
    }
    job.held = true;
    assert_eq!(job.stale_since(), None, "the queue need not know of it");
    job.held = false;

    let token = claim(&mut job, due);
    job.published(due);
    assert_eq!(job.stale_since(), Some(due + TERMS.lease), "while it runs, its lease decides");
    assert!(job.finish(due, token, Outcome::Retry { after: QUEUE_PATIENCE * 3 }));
    job.published(due);
    assert_eq!(job.stale_since(), Some(due + QUEUE_PATIENCE * 4), "it was not to come before its time");
    let token = claim(&mut job, due + QUEUE_PATIENCE * 3);
    assert!(job.finish(due, token, completed()));
    job.published(due);
    assert_eq!(job.stale_since(), None);
}
