//! Each broken promise to operators and other users turns the checker red, and what is impossible must fail as it does.

use std::time::Duration;

use super::super::record::{Asked, FinalJob, Record, Redriving, State, Turn};
use super::Promise;
use super::tests::{asked, breaks, ended, seen};

/// Lets a job fail as it must, at its first attempt, for the reason that its picture gives.
fn impossible(record: &mut Record) {
    record.transforms.push(Asked { fails: Some("undecodable"), ..asked("impossible", "i1", 23, false) });
    record.jobs.push(ended("impossible", State::Failed, Some("undecodable")));
}

#[test]
fn what_can_not_be_done_fails_at_once_and_says_why() {
    type Change = fn(&mut FinalJob);
    breaks(&[], "it does", impossible);
    let changes: [(&str, Change); 4] = [
        ("another reason", |job| job.failure = Some("limit_exceeded".into())),
        ("a reason that may pass", |job| job.failure = Some("internal".into())),
        ("two attempts", |job| job.seen.attempts = 2),
        ("no attempt", |job| job.seen.attempts = 0),
    ];
    for (what, change) in changes {
        breaks(&[Promise::AnEnd], what, |record| {
            impossible(record);
            change(&mut record.jobs[3]);
        });
    }
    breaks(&[Promise::AnEnd], "it is done", |record| {
        record.transforms[1].fails = Some("undecodable");
    });
    breaks(&[Promise::AnEnd], "something else fails so", |record| {
        impossible(record);
        record.transforms[3].fails = None;
    });
}

/// Lets a job fail for a reason that passes, and an operator open it anew.
fn opened_anew(record: &mut Record) {
    record.redriven.insert("unsaved".into());
    record.generations = [("saved".into(), 0), ("unsaved".into(), 1)].into();
    record.sightings.push(seen("unsaved", State::Failed, 1, 21));
    record.sightings.push(seen("unsaved", State::Queued, 0, 22));
    record.blobs.remove("previews/i1/unsaved");
    record.blobs.insert("previews/i1/unsavedg1".into());
    record.redrivings.push(Redriving { opened: 21, per_second: 10, took: Duration::from_secs(2) });
}

#[test]
fn jobs_are_opened_anew_once_and_not_too_many_at_once() {
    breaks(&[], "they are", opened_anew);
    breaks(&[Promise::NothingLeft], "and what was there before is left", |record| {
        opened_anew(record);
        record.blobs.insert("previews/i1/unsaved".into());
    });
    breaks(&[Promise::NoWayBack], "nobody asked for it", |record| {
        opened_anew(record);
        record.redriven.clear();
        record.generations.clear();
    });
    breaks(&[Promise::NoWayBack], "from another end than a failure", |record| {
        opened_anew(record);
        record.sightings.push(seen("unsaved", State::Completed, 1, 23));
        record.sightings.push(seen("unsaved", State::Queued, 0, 24));
    });
    for times in [0, 2] {
        breaks(&[Promise::OneEffect], "not at all, or twice", |record| {
            opened_anew(record);
            record.generations.insert("unsaved".into(), times);
        });
    }
    breaks(&[Promise::OneEffect], "another one", |record| {
        opened_anew(record);
        record.generations.insert("saved".into(), 1);
    });
    breaks(&[Promise::BoundedPace], "too many at once", |record| {
        opened_anew(record);
        record.redrivings[0].opened += 1;
    });
}

#[test]
fn a_turn_that_comes_too_late_is_found() {
    breaks(&[], "as late as it may be", |record| record.turns.push(Turn { before: 8, most: 8 }));
    breaks(&[Promise::FairTurns], "later", |record| record.turns.push(Turn { before: 9, most: 8 }));
}

#[test]
fn messages_that_are_not_put_aside_are_found() {
    breaks(&[Promise::PutAside], "one is not", |record| record.unreadable.1 -= 1);
    breaks(&[Promise::PutAside], "one is that can be read", |record| record.unreadable.1 += 1);
}

#[test]
fn memory_that_grows_is_found() {
    breaks(&[], "it comes and goes", |record| {
        record.memory = [60, 190, 75].map(|mebibytes| vec![mebibytes << 20, 40 << 20]).to_vec();
    });
    breaks(&[Promise::FlatMemory], "one process grows", |record| {
        record.memory = [60, 70, 160].map(|mebibytes| vec![40 << 20, mebibytes << 20]).to_vec();
    });
}

#[test]
fn what_a_stranger_sees_is_found() {
    breaks(&[Promise::NothingSeen], "a job", |record| record.intrusions.push("a job was seen".into()));
}
