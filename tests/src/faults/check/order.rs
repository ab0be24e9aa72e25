//! In which order processes did what they did: that who lost a job changes nothing of it, that a message is acknowledged last,
//! and that no attempt is one too many, whether a client saw it or not.

use std::collections::HashMap;

use pixmill_testkit::{Act, Deed};

use super::super::record::Record;
use super::{Promise, Violations};

pub(super) fn check(record: &Record, found: &mut Violations) {
    let mut by_job: HashMap<&str, Vec<&Deed>> = HashMap::new();
    for deed in &record.history {
        by_job.entry(&deed.job).or_default().push(deed);
    }
    for (job, deeds) in by_job {
        attempts(record, job, &deeds, found);
        leases(job, &deeds, found);
        acknowledgements(job, &deeds, found);
    }
}

fn attempts(record: &Record, job: &str, deeds: &[&Deed], found: &mut Violations) {
    for deed in deeds {
        if let Act::Claimed { attempt, .. } = deed.act {
            found.unless(u64::from(attempt) <= record.max_attempts, Promise::BoundedAttempts, || {
                format!("attempt {attempt} at job {job} was begun, and {} are allowed", record.max_attempts)
            });
        }
    }
}

/// That an outcome is stored under the last lease alone. A lease is surely lost if somebody had another before the storing
/// began.
fn leases(job: &str, deeds: &[&Deed], found: &mut Violations) {
    let mut newest = None;
    // What was the last lease when the storing under this one began.
    let mut begun: HashMap<&str, Option<&str>> = HashMap::new();
    for deed in deeds {
        match &deed.act {
            Act::Claimed { lease, .. } => newest = Some(lease.as_str()),
            Act::Finishing { lease } => {
                begun.insert(lease, newest);
            }
            Act::Finished { lease, held: true } => {
                let holder = begun.get(lease.as_str()).copied().flatten();
                // The answer to a claim that was killed before it could note it is not known.
                let gone = holder.is_some_and(|holder| holder != lease) && was_claimed(lease, deeds);
                found.unless(!gone, Promise::OneHolder, || {
                    format!("job {job} was ended under {lease} when {holder:?} held it")
                });
            }
            _ => {}
        }
    }
}

fn was_claimed(wanted: &str, deeds: &[&Deed]) -> bool {
    deeds.iter().any(|deed| matches!(&deed.act, Act::Claimed { lease, .. } if lease == wanted))
}

/// That no process acknowledges more messages of a job than it has an answer for: it stored an outcome or tried to, lost the
/// lease, or heard that there is nothing to do.
fn acknowledgements(job: &str, deeds: &[&Deed], found: &mut Violations) {
    let mut answered: HashMap<u32, i64> = HashMap::new();
    for deed in deeds {
        let count = answered.entry(deed.process).or_default();
        match deed.act {
            Act::Over | Act::Lost { .. } | Act::Finished { .. } => *count += 1,
            Act::Acknowledging => {
                *count -= 1;
                found.unless(*count >= 0, Promise::AcknowledgedLast, || {
                    format!(
                        "a message of job {job} was acknowledged while process {} was at it",
                        deed.process
                    )
                });
            }
            Act::Claimed { .. } | Act::Finishing { .. } => {}
        }
    }
}
