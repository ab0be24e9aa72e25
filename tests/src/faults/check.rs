//! Whether a run kept the promises. Pure: a record goes in, what is wrong comes out.

mod effects;
mod ends;
mod left;
mod order;
mod others;

use std::fmt;

use super::record::Record;

/// What is promised whatever goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Promise {
    /// I1: what was accepted is there.
    NothingLost,
    /// I1: each job comes to an end, and to one that it was given a reason for.
    AnEnd,
    /// I2: a completed job's result is there, is a picture, and is the one that is recorded.
    TheResult,
    /// I3: no blob, no temporary file and no charge belongs to nothing.
    NothingLeft,
    /// I4: one effect for each job and for each idempotency key.
    OneEffect,
    /// I5: no job is tried more often than allowed.
    BoundedAttempts,
    /// I6: no job goes back from where it was.
    NoWayBack,
    /// Whatever is away, an answer is right or says that something is away.
    HonestAnswers,
    /// Nobody's one job waits for all the jobs of somebody else.
    FairTurns,
    /// What no worker can read is put aside, where an operator finds it.
    PutAside,
    /// An operator's command takes no more at once than it was told to.
    BoundedPace,
    /// Whoever lost a job changes nothing of it.
    OneHolder,
    /// A message is acknowledged when all is done for it, and not before.
    AcknowledgedLast,
    /// What is somebody's is there for nobody else.
    NothingSeen,
    /// Who works for long needs no more memory for that.
    FlatMemory,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub promise: Promise,
    /// How it was broken.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.promise {
            Promise::NothingLost | Promise::AnEnd => "I1",
            Promise::TheResult => "I2",
            Promise::NothingLeft => "I3",
            Promise::OneEffect => "I4",
            Promise::BoundedAttempts => "I5",
            Promise::NoWayBack => "I6",
            Promise::HonestAnswers => "answers",
            Promise::FairTurns => "turns",
            Promise::PutAside => "put aside",
            Promise::BoundedPace => "pace",
            Promise::OneHolder => "lease",
            Promise::AcknowledgedLast => "acknowledgement",
            Promise::NothingSeen => "ownership",
            Promise::FlatMemory => "memory",
        };
        write!(f, "{name}: {}", self.what)
    }
}

/// Every promise that this run broke.
pub fn check(record: &Record) -> Vec<Violation> {
    let mut found = Violations(Vec::new());
    ends::check(record, &mut found);
    effects::check(record, &mut found);
    left::check(record, &mut found);
    others::check(record, &mut found);
    order::check(record, &mut found);
    for (promise, words) in
        [(Promise::HonestAnswers, &record.odd_answers), (Promise::NothingSeen, &record.intrusions)]
    {
        for words in words {
            found.unless(false, promise, || words.clone());
        }
    }
    found.0
}

/// What is wrong with the blobs and files alone.
pub(super) fn leftovers(record: &Record) -> Vec<Violation> {
    let mut found = Violations(Vec::new());
    left::files(record, &mut found);
    found.0
}

/// What was found so far.
struct Violations(Vec<Violation>);

impl Violations {
    fn unless(&mut self, kept: bool, promise: Promise, what: impl FnOnce() -> String) {
        if !kept {
            self.0.push(Violation { promise, what: what() });
        }
    }
}

#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod others_tests;
#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
