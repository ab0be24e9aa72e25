//! The protocol by which one job is worked on once, tried in every order of events that a few workers, a queue that
//! repeats itself, crashes between any two steps and a user who cancels can bring about. The transitions are those
//! of the real `Job`; what is around them is a model, whose steps are those of the use cases.

mod explore;
mod protocol;
mod real;
mod setting;
mod worker;
mod world;

use explore::{Broken, COMES_TO_REST, Explored, explore};
use protocol::Protocol;
use setting::{ATTEMPTS, Faults, Flaw, Losses, NOTHING_LEFT, ONE_EFFECT, RESULT, STALE, Setting};

/// What the protocol is made to bear.
const FAULTS: Faults = Faults {
    crashes: true,
    repeats: true,
    losses: Losses::WhileRunning,
    outages: false,
    cancels: true,
    late_writes: false,
};

const CALM: Faults = Faults {
    crashes: false,
    repeats: false,
    losses: Losses::Never,
    outages: false,
    cancels: false,
    late_writes: false,
};

const SAVED: Setting = Setting { save: true, max_attempts: 2, work: 0, faults: FAULTS, flaw: None };

#[track_caller]
fn holds<const WORKERS: usize>(setting: Setting) -> Explored {
    match explore(&Protocol::<WORKERS>::new(setting)) {
        Ok(explored) => explored,
        Err(Broken { rule, way }) => panic!("it does not hold that {rule}:\n{way}"),
    }
}

/// Checks that this rule does not hold, and that it is found out.
#[track_caller]
fn breaks(setting: Setting, broken: &str) {
    match explore(&Protocol::<2>::new(setting)) {
        Ok(explored) => panic!("nothing is found wrong in {explored:?}"),
        Err(Broken { rule, way }) => assert_eq!(rule, broken, "{way}"),
    }
}

fn flawed(flaw: Flaw) -> Setting {
    Setting { max_attempts: 1, flaw: Some(flaw), ..SAVED }
}

#[test]
fn a_saved_result_is_made_once_whatever_happens() {
    let explored = holds::<2>(SAVED);
    assert!(explored.states > 100_000 && explored.at_rest > 3, "hardly anything happened: {explored:?}");
}

#[test]
fn an_unsaved_result_is_made_once_and_removed_in_time() {
    holds::<2>(Setting { save: false, ..SAVED });
}

#[test]
fn three_workers_get_no_further_than_two() {
    holds::<3>(Setting { max_attempts: 1, ..SAVED });
}

#[test]
fn attempts_that_stores_put_off_leave_nothing_undone() {
    for save in [true, false] {
        let faults = Faults { outages: true, ..FAULTS };
        holds::<2>(Setting { save, max_attempts: 1, faults, ..SAVED });
    }
}

#[test]
fn work_that_outlasts_its_lease_is_done_once_while_nobody_fails() {
    let work = 2 * real::LEASE;
    let explored = holds::<3>(Setting { work, faults: CALM, ..SAVED });
    assert!(explored.at_rest > 1, "a job may also fail: {explored:?}");
}

#[test]
fn without_fencing_a_lost_worker_does_harm() {
    breaks(Setting { max_attempts: 2, ..flawed(Flaw::NoFencing) }, STALE);
}

#[test]
fn without_an_end_of_leases_a_vanished_worker_keeps_its_job() {
    breaks(flawed(Flaw::NoExpiry), COMES_TO_REST);
}

#[test]
fn without_a_limit_a_job_is_tried_too_often() {
    breaks(flawed(Flaw::NoLimit), ATTEMPTS);
}

#[test]
fn without_the_sweeper_what_was_not_published_waits_for_ever() {
    breaks(flawed(Flaw::NoOutbox), COMES_TO_REST);
    breaks(flawed(Flaw::NoSweep), COMES_TO_REST);
    breaks(flawed(Flaw::NotedFirst), COMES_TO_REST);
}

#[test]
fn acknowledged_too_early_a_job_can_be_forgotten() {
    breaks(flawed(Flaw::AckAtReceipt), COMES_TO_REST);
    breaks(flawed(Flaw::AckAtClaimUnswept), COMES_TO_REST);
    // Once a lease says who is at it, the sweeper finds the job without the hint, too: either would do.
    holds::<2>(flawed(Flaw::AckAtClaim));
}

#[test]
fn the_order_of_effects_matters() {
    breaks(flawed(Flaw::FinishFirst), RESULT);
    breaks(Setting { max_attempts: 2, ..flawed(Flaw::VersionEachTime) }, ONE_EFFECT);
    breaks(flawed(Flaw::NoRemoval), COMES_TO_REST);
}

#[test]
fn the_queue_has_to_keep_what_it_has_confirmed() {
    let faults = Faults { losses: Losses::Always, ..FAULTS };
    breaks(Setting { max_attempts: 1, faults, ..SAVED }, COMES_TO_REST);
}

#[test]
fn a_worker_that_writes_after_the_grace_can_leave_something_behind() {
    let faults = Faults { late_writes: true, ..FAULTS };
    breaks(Setting { max_attempts: 1, faults, ..SAVED }, NOTHING_LEFT);
}
