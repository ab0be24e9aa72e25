//! That nothing accepted is lost, that each job comes to one end and stays there, and that results are what is recorded.

use std::collections::HashMap;

use super::super::record::{Asked, FinalJob, Made, Record, Sighting, State};
use super::{Promise, Violations};

pub(super) fn check(record: &Record, found: &mut Violations) {
    let jobs: HashMap<&str, &FinalJob> = record.jobs.iter().map(|job| (job.seen.job.as_str(), job)).collect();
    for request in &record.transforms {
        for id in &request.answers {
            found.unless(jobs.contains_key(id.as_str()), Promise::NothingLost, || {
                format!("job {id} was accepted and is gone")
            });
        }
        let first = request.answers.first().and_then(|id| jobs.get(id.as_str()));
        if let Some(made) = first.and_then(|job| job.made.as_ref()) {
            as_asked(request, made, found);
        }
    }
    for request in &record.uploads {
        for id in request.answers.iter().filter(|id| !record.deleted.contains(*id)) {
            let there = record.images.iter().any(|image| image.id == *id);
            found.unless(there, Promise::NothingLost, || format!("image {id} was confirmed and is gone"));
        }
    }
    let impossible = record.transforms.iter().filter_map(|request| Some((request, request.fails?)));
    let impossible: HashMap<&str, &str> = impossible
        .flat_map(|(request, fails)| request.answers.iter().map(move |id| (id.as_str(), fails)))
        .collect();
    for job in &record.jobs {
        ended(record, job, impossible.get(job.seen.job.as_str()).copied(), found);
        result(record, job, found);
    }
    never_back(record, &jobs, found);
}

/// That a job made what its request asked for.
fn as_asked(request: &Asked, made: &Made, found: &mut Violations) {
    let asked = (request.width, request.save);
    found.unless(asked == (made.width, made.version.is_some()), Promise::TheResult, || {
        format!("{asked:?} was asked for, and {made:?} made")
    });
}

/// That a job has come to an end that it was given a reason for; one that is `impossible` at once, and for that reason.
fn ended(record: &Record, job: &FinalJob, impossible: Option<&str>, found: &mut Violations) {
    let Sighting { job: id, state, attempts, .. } = &job.seen;
    let deleted = record.deleted.contains(&job.image);
    let reason = match state {
        State::Queued | State::Running => false,
        State::Completed => impossible.is_none(),
        State::Cancelled => deleted || record.cancelled.contains(id),
        // A job whose every attempt is cut short is given up; one whose image goes has nothing to work on.
        State::Failed => match job.failure.as_deref() {
            Some("crashed" | "timed_out") => *attempts == record.max_attempts,
            Some("source_missing") => deleted,
            failure => impossible.is_some() && failure == impossible && *attempts == 1,
        },
    };
    found.unless(reason, Promise::AnEnd, || {
        let failure = job.failure.as_deref().unwrap_or("no failure");
        format!("job {id} is {state:?} ({failure}) after {attempts} attempts, for no reason")
    });
    found.unless(*attempts <= record.max_attempts, Promise::BoundedAttempts, || {
        format!("job {id} was tried {attempts} times, and {} are allowed", record.max_attempts)
    });
}

fn result(record: &Record, job: &FinalJob, found: &mut Violations) {
    let id = &job.seen.job;
    let completed = job.seen.state == State::Completed;
    found.unless(completed == job.made.is_some(), Promise::TheResult, || {
        format!("job {id} is {:?}, and its result is {:?}", job.seen.state, job.made)
    });
    let Some(made) = &job.made else { return };
    match &made.file {
        None => found.unless(record.deleted.contains(&job.image), Promise::TheResult, || {
            format!("job {id} is completed, and its result is gone")
        }),
        Some(file) => {
            let right =
                file.hash == file.recorded_hash && file.bytes == made.bytes && file.width == Some(made.width);
            found.unless(right, Promise::TheResult, || format!("job {id} recorded {made:?}"));
        }
    }
}

/// That no later look at a job contradicts an earlier one, the last being the state in the end.
fn never_back(record: &Record, jobs: &HashMap<&str, &FinalJob>, found: &mut Violations) {
    let mut last: HashMap<&str, &Sighting> = HashMap::new();
    let ends = record.jobs.iter().map(|job| &job.seen);
    for seen in record.sightings.iter().chain(ends) {
        let id = seen.job.as_str();
        found
            .unless(jobs.contains_key(id), Promise::NothingLost, || format!("job {id} was seen and is gone"));
        found.unless(seen.attempts <= record.max_attempts, Promise::BoundedAttempts, || {
            format!("job {id} was at attempt {}, and {} are allowed", seen.attempts, record.max_attempts)
        });
        if let Some(before) = last.insert(id, seen) {
            // An operator may open a failed job anew; how often, its generations tell.
            let opened = before.state == State::Failed && record.redriven.contains(id);
            let stayed = !before.state.is_final() || before == seen || opened;
            // A final state is all that a client may rely on; how far it is before that may change by one.
            let later = !record.one_clock || before.updated_at <= seen.updated_at;
            found.unless(stayed && later, Promise::NoWayBack, || {
                format!("job {id} was {before:?} and then {seen:?}")
            });
        }
    }
    for id in &record.surely_cancelled {
        let state = jobs.get(id.as_str()).map(|job| job.seen.state);
        found.unless(state == Some(State::Cancelled), Promise::NoWayBack, || {
            format!("job {id} was cancelled, and is {state:?}")
        });
    }
}
