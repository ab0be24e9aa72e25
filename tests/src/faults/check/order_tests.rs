//! Histories of one job, and what a checker of their order says of them.

use pixmill_testkit::{Deed, History};

use super::super::record::Record;
use super::{Promise, check};

/// The promises that are broken by what is done to a job; words instead of lines.
fn broken(deeds: &[&str]) -> Vec<Promise> {
    let lines: Vec<_> = deeds.iter().map(|deed| deed.replacen(' ', " j ", 1)).collect();
    let history: Vec<Deed> = History::read(&lines.join("\n")).expect("these are deeds");
    let record = Record { max_attempts: 2, history, ..Record::default() };
    check(&record).into_iter().map(|violation| violation.promise).collect()
}

#[test]
fn the_way_of_a_job_breaks_nothing() {
    assert_eq!(
        broken(&[
            "1 claimed a 1",
            "1 finishing a",
            "1 finished a true",
            "1 acknowledging",
            "2 over",
            "2 acknowledging"
        ]),
        []
    );
    // One was too late, and another lost the lease while it was at work.
    assert_eq!(
        broken(&[
            "1 claimed a 1",
            "2 claimed b 2",
            "1 finishing a",
            "1 finished a false",
            "1 acknowledging",
            "2 lost b",
            "2 acknowledging"
        ]),
        []
    );
    // It began while it held the job.
    assert_eq!(broken(&["1 claimed a 1", "1 finishing a", "2 claimed b 2", "1 finished a true"]), []);
    // Two messages of one job in one process.
    assert_eq!(
        broken(&[
            "1 claimed a 1",
            "1 claimed b 2",
            "1 finishing a",
            "1 finished a false",
            "1 acknowledging",
            "1 finishing b",
            "1 finished b true",
            "1 acknowledging"
        ]),
        []
    );
}

#[test]
fn an_outcome_under_a_lost_lease_is_found() {
    let broken = broken(&["1 claimed a 1", "2 claimed b 2", "1 finishing a", "1 finished a true"]);
    assert_eq!(broken, [Promise::OneHolder]);
}

#[test]
fn an_attempt_too_many_is_found() {
    assert_eq!(broken(&["1 claimed a 1", "1 claimed b 2", "1 claimed c 3"]), [Promise::BoundedAttempts]);
}

#[test]
fn a_message_acknowledged_too_early_is_found() {
    let early = ["1 claimed a 1", "1 acknowledging", "1 finishing a", "1 finished a true"];
    assert_eq!(broken(&early), [Promise::AcknowledgedLast]);
    let by_another = ["1 claimed a 1", "2 acknowledging", "1 finishing a", "1 finished a true"];
    assert_eq!(broken(&by_another), [Promise::AcknowledgedLast]);
}
