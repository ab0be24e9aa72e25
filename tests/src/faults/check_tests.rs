//! Each broken promise turns the checker red, and a good run does not.

use std::collections::{BTreeMap, BTreeSet};

use super::super::record::{
    Asked, Fetched, FinalImage, FinalJob, FinalVersion, Made, Record, Sighting, State, Usage,
};
use super::{Promise, check};

pub(super) fn seen(job: &str, state: State, attempts: u64, second: u32) -> Sighting {
    Sighting { job: job.into(), state, attempts, updated_at: format!("2026-01-01T00:00:{second:02}.000Z") }
}

fn file(width: u64) -> Fetched {
    let hash = "ab".to_owned();
    Fetched { recorded_hash: hash.clone(), hash, bytes: 9, width: Some(width) }
}

fn completed(id: &str, version: Option<u64>, width: u64) -> FinalJob {
    let made = Made { version, width, bytes: 9, file: Some(file(width)) };
    FinalJob { seen: seen(id, State::Completed, 1, 30), image: "i1".into(), failure: None, made: Some(made) }
}

pub(super) fn ended(id: &str, state: State, failure: Option<&str>) -> FinalJob {
    let seen = seen(id, state, 1, 30);
    FinalJob { seen, image: "i1".into(), failure: failure.map(str::to_owned), made: None }
}

pub(super) fn asked(answer: &str, image: &str, width: u64, save: bool) -> Asked {
    let (keyed, sent, answers, image) = (true, 3, vec![answer.into()], image.into());
    Asked { keyed, sent, answers, image, width, quality: 80, save, fails: None }
}

/// A run in which all went well: one job saved, one unsaved, one cancelled, one deleted image.
fn good() -> Record {
    let version = |number, job: Option<&str>| FinalVersion { number, job: job.map(str::to_owned), bytes: 9 };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
    Record {
        max_attempts: 3,
        one_clock: true,
        uploads: vec![asked("i1", "", 0, false), asked("i2", "", 0, false)],
        transforms: vec![
            asked("saved", "i1", 20, true),
            asked("unsaved", "i1", 21, false),
            asked("cancelled", "i1", 22, false),
        ],
        cancelled: texts(&["cancelled"]),
        surely_cancelled: texts(&["cancelled"]),
        deleted: texts(&["i2"]),
        surely_deleted: texts(&["i2"]),
        sightings: vec![
            seen("saved", State::Queued, 0, 10),
            seen("saved", State::Running, 1, 11),
            // An attempt that a system's outage cut short does not count.
            seen("saved", State::Queued, 0, 12),
            seen("saved", State::Completed, 1, 30),
            seen("unsaved", State::Running, 1, 20),
        ],
        jobs: vec![
            completed("saved", Some(2), 20),
            completed("unsaved", None, 21),
            ended("cancelled", State::Cancelled, None),
        ],
        images: vec![FinalImage {
            id: "i1".into(),
            versions: vec![version(1, None), version(2, Some("saved"))],
        }],
        blobs: texts(&["images/i1/original", "images/i1/saved", "previews/i1/unsaved"]),
        redriven: BTreeSet::new(),
        generations: BTreeMap::new(),
        redrivings: Vec::new(),
        turns: Vec::new(),
        unreadable: (2, 2),
        memory: vec![vec![60 << 20], vec![70 << 20]],
        odd_answers: Vec::new(),
        intrusions: Vec::new(),
        history: Vec::new(),
        temporary_files: Vec::new(),
        usage: Usage { bytes: 18, images: 1, open_jobs: 0 },
    }
}

/// Checks that a run that would have been good breaks exactly these promises after `change`.
pub(super) fn breaks(promises: &[Promise], what: &str, change: impl FnOnce(&mut Record)) {
    let mut record = good();
    change(&mut record);
    let found: BTreeSet<Promise> = check(&record).iter().map(|violation| violation.promise).collect();
    assert_eq!(found, promises.iter().copied().collect(), "{what}: {:#?}", check(&record));
}

#[test]
fn a_good_run_is_good() {
    breaks(&[], "nothing", |_| {});
    breaks(&[], "a job that was accepted without an answer", |record| {
        record.transforms.push(Asked { keyed: true, sent: 1, image: "i1".into(), ..Asked::default() });
        record.jobs.push(completed("unheard", None, 50));
        record.blobs.insert("previews/i1/unheard".into());
    });
    breaks(&[], "a job whose every attempt was killed", |record| {
        record.jobs[2] = ended("cancelled", State::Failed, Some("crashed"));
        record.jobs[2].seen.attempts = 3;
        record.surely_cancelled.clear();
    });
}

#[test]
fn what_is_lost_is_found() {
    breaks(&[Promise::NothingLost], "an accepted job", |record| {
        record.transforms.push(asked("lost", "i1", 30, false));
    });
    breaks(&[Promise::NothingLost], "a job that was seen", |record| {
        record.sightings.push(seen("lost", State::Running, 1, 5));
    });
    breaks(&[Promise::NothingLost], "a confirmed image", |record| {
        record.uploads.push(asked("i3", "", 0, false));
    });
    breaks(&[Promise::NothingLost], "a blob", |record| {
        record.blobs.remove("images/i1/original");
    });
}

#[test]
fn what_does_not_end_well_is_found() {
    for state in [State::Queued, State::Running] {
        breaks(&[Promise::AnEnd, Promise::NoWayBack], "a job without an end", |record| {
            record.jobs[2].seen.state = state;
            record.usage.open_jobs = 1;
        });
    }
    breaks(&[Promise::AnEnd], "a cancellation that nobody asked for", |record| {
        record.cancelled.clear();
    });
    for (failure, attempts) in [("internal", 1), ("crashed", 2), ("source_missing", 1), ("unavailable", 3)] {
        breaks(&[Promise::AnEnd], failure, |record| {
            record.surely_cancelled.clear();
            record.jobs[2] = ended("cancelled", State::Failed, Some(failure));
            record.jobs[2].seen.attempts = attempts;
        });
    }
}

#[test]
fn wrong_results_are_found() {
    fn made(record: &mut Record) -> &mut Made {
        record.jobs[1].made.as_mut().unwrap()
    }
    fn fetched(record: &mut Record) -> &mut Fetched {
        made(record).file.as_mut().unwrap()
    }
    type Change = fn(&mut Record);
    let changes: [(&str, Change); 6] = [
        ("it is gone", |record| made(record).file = None),
        ("other bytes", |record| fetched(record).hash = "cd".into()),
        ("fewer bytes", |record| fetched(record).bytes = 8),
        ("no picture", |record| fetched(record).width = None),
        ("another picture", |record| record.transforms[1].width = 40),
        ("not saved", |record| record.transforms[1].save = true),
    ];
    for (what, change) in changes {
        breaks(&[Promise::TheResult], what, change);
    }
    breaks(&[Promise::TheResult], "a version that is gone", |record| {
        record.images[0].versions.pop();
        record.blobs.remove("images/i1/saved");
        record.usage.bytes = 9;
    });
}

#[test]
fn what_is_left_is_found() {
    breaks(&[Promise::NothingLeft], "a blob", |record| {
        record.blobs.insert("images/i2/original".into());
    });
    breaks(&[Promise::NothingLeft], "a blob that an attempt left at a job that ended without it", |record| {
        record.blobs.insert("previews/i1/cancelled".into());
    });
    breaks(&[Promise::NothingLost, Promise::OneEffect], "a version of such a job", |record| {
        record.images[0].versions.push(FinalVersion { number: 3, job: Some("cancelled".into()), bytes: 9 });
        record.usage.bytes += 9;
    });
    breaks(&[Promise::NothingLeft], "a temporary file", |record| record.temporary_files.push("x".into()));
    breaks(&[Promise::NothingLeft], "a charge", |record| record.usage.bytes += 1);
    breaks(&[Promise::NothingLeft], "an open job that is none", |record| record.usage.open_jobs = 1);
    breaks(&[Promise::NothingLeft], "a deleted image", |record| {
        record.surely_deleted.insert("i1".into());
    });
}

#[test]
fn a_second_effect_is_found() {
    breaks(&[Promise::OneEffect], "two answers under one key", |record| {
        record.transforms[0].answers.push("unsaved".into());
        record.transforms.remove(1);
        record.transforms.push(Asked { sent: 1, image: "i1".into(), ..Asked::default() });
    });
    breaks(&[Promise::OneEffect], "one answer to two requests", |record| {
        record.transforms.push(asked("unsaved", "i1", 21, false));
    });
    breaks(&[Promise::OneEffect], "more jobs than requests", |record| {
        record.jobs.push(completed("doubled", None, 21));
        record.blobs.insert("previews/i1/doubled".into());
    });
    breaks(&[Promise::OneEffect], "more images than uploads", |record| {
        record.uploads.pop();
        let original = FinalVersion { number: 1, job: None, bytes: 9 };
        record.images.push(FinalImage { id: "i3".into(), versions: vec![original] });
        record.blobs.insert("images/i3/original".into());
        record.usage = Usage { bytes: 27, images: 2, open_jobs: 0 };
    });
    breaks(&[Promise::OneEffect], "two versions of one job", |record| {
        let again = FinalVersion { number: 3, job: Some("saved".into()), bytes: 9 };
        record.images[0].versions.push(again);
        record.usage.bytes = 27;
    });
}

#[test]
fn too_many_attempts_are_found() {
    breaks(&[Promise::BoundedAttempts], "in the end", |record| record.jobs[1].seen.attempts = 4);
    breaks(&[Promise::BoundedAttempts], "meanwhile", |record| record.sightings[4].attempts = 4);
}

#[test]
fn a_way_back_is_found() {
    breaks(&[Promise::NoWayBack], "from an end to another", |record| {
        record.sightings.push(seen("unsaved", State::Cancelled, 1, 29));
    });
    breaks(&[Promise::NoWayBack], "from an end to work", |record| {
        record.sightings.push(seen("saved", State::Running, 2, 30));
    });
    breaks(&[Promise::NoWayBack], "in time", |record| {
        record.sightings.push(seen("unsaved", State::Running, 1, 19));
    });
    breaks(&[Promise::AnEnd, Promise::NoWayBack], "from cancelled", |record| {
        record.jobs[2] = ended("cancelled", State::Failed, Some("internal"));
    });
}

#[test]
fn an_answer_that_nothing_explains_is_found() {
    breaks(&[Promise::HonestAnswers], "500", |record| record.odd_answers.push("500".into()));
}
