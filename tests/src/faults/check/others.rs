//! What operators and other users rely on: jobs opened anew, once and not too many at once; turns; and messages that nobody
//! can read.

use super::super::record::{Record, Redriving, Turn};
use super::{Promise, Violations};

/// By how many bytes a process may grow while it does what it always does. The embedded store's five connections fill a cache
/// of 16 MiB each with what they read; over 50,000 jobs more than that is found if each leaves half a kilobyte.
const GROWTH: u64 = 96 << 20;

pub(super) fn check(record: &Record, found: &mut Violations) {
    for (job, times) in &record.generations {
        let asked = u64::from(record.redriven.contains(job));
        found.unless(*times == asked, Promise::OneEffect, || {
            format!("job {job} was opened anew {times} times, and that was to have {asked} effects")
        });
    }
    for Redriving { opened, per_second, took } in &record.redrivings {
        // The first needs no wait.
        let most = took.as_secs_f64() * f64::from(*per_second) + 1.0;
        found.unless(*opened as f64 <= most, Promise::BoundedPace, || {
            format!(
                "{opened} jobs were opened anew within {took:?}, and {per_second} in a second are allowed"
            )
        });
    }
    for Turn { before, most } in &record.turns {
        found.unless(before <= most, Promise::FairTurns, || {
            format!("{before} jobs of somebody else were done before a job began, and {most} may be")
        });
    }
    if let [first, .., last] = &record.memory[..] {
        for (before, after) in first.iter().zip(last) {
            found.unless(*after <= before + GROWTH, Promise::FlatMemory, || {
                format!("a process with {before} bytes of memory had {after} later on")
            });
        }
    }
    let (came, aside) = record.unreadable;
    found.unless(came == aside, Promise::PutAside, || {
        format!("{came} messages came that nobody can read, and {aside} were put aside")
    });
}
