//! What processes did to jobs, noted by each of them in one file, for a checker that sees all of it afterwards. Where a fault
//! changes nothing that a client could see, it can be seen here: who held a job when, and what came before what.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process;

use pixmill::ports::{JobMessage, Settlement};
use pixmill::{Claim, Job, JobId, LeaseToken};

/// A file of [`Deed`]s, one a line. Lines are in the order of time, whichever process wrote them: each is appended by one
/// write, before what it speaks of begins or after that has come back.
#[derive(Debug)]
pub struct History {
    file: File,
}

/// Something that a process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The process.
    pub process: u32,
    /// The job.
    pub job: String,
    /// What it did.
    pub act: Act,
}

/// What a process did to a job. Leases go by their tokens, whose text means nothing but itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It claimed the job.
    Claimed {
        /// The lease.
        lease: String,
        /// Which attempt this is, the first being 1.
        attempt: u32,
    },
    /// It asked for the job and heard that there is nothing to do for it any more.
    Over,
    /// It heard that its lease is lost.
    Lost {
        /// The lease.
        lease: String,
    },
    /// It begins to store an outcome.
    Finishing {
        /// The lease.
        lease: String,
    },
    /// It heard what came of that.
    Finished {
        /// The lease.
        lease: String,
        /// Whether the lease still held, so that the outcome is stored.
        held: bool,
    },
    /// It begins to acknowledge the job's message.
    Acknowledging,
}

impl History {
    /// Goes on with the history in a file, which may be new.
    ///
    /// # Errors
    /// If the file can't be opened.
    pub fn append(path: &Path) -> io::Result<Self> {
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)? })
    }

    /// All that was done, by the text of a history.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn read(text: &str) -> Result<Vec<Deed>, String> {
        text.lines().map(|line| Deed::parse(line).ok_or_else(|| format!("{line:?} is no deed"))).collect()
    }

    pub(super) fn asked(&self, job: JobId, claim: &Claim) {
        match claim {
            Claim::Claimed(claimed, lease) => self.claimed(claimed, *lease),
            Claim::Exhausted(_) | Claim::Finished(_) | Claim::Unknown => self.note(job, Act::Over),
            Claim::NotYet { .. } => {}
        }
    }

    pub(super) fn claimed(&self, job: &Job, lease: LeaseToken) {
        self.note(job.id, Act::Claimed { lease: text(lease), attempt: job.attempts });
    }

    pub(super) fn renewed(&self, job: JobId, lease: LeaseToken, held: bool) {
        if !held {
            self.note(job, Act::Lost { lease: text(lease) });
        }
    }

    pub(super) fn finishing(&self, job: JobId, lease: LeaseToken) {
        self.note(job, Act::Finishing { lease: text(lease) });
    }

    pub(super) fn finished(&self, job: JobId, lease: LeaseToken, held: bool) {
        self.note(job, Act::Finished { lease: text(lease), held });
    }

    pub(super) fn settling(&self, payload: &[u8], settlement: Settlement) {
        if let (Ok(message), Settlement::Ack) = (JobMessage::parse(payload), settlement) {
            self.note(message.job_id, Act::Acknowledging);
        }
    }

    fn note(&self, job: JobId, act: Act) {
        let deed = Deed { process: process::id(), job: job.to_string(), act };
        // A checker that does not see all would find faults where there are none.
        (&self.file).write_all(format!("{deed}\n").as_bytes()).expect("the history can be written");
    }
}

fn text(lease: LeaseToken) -> String {
    format!("{lease:?}")
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, job, act } = self;
        write!(f, "{process} {job} ")?;
        match act {
            Act::Claimed { lease, attempt } => write!(f, "claimed {lease} {attempt}"),
            Act::Over => write!(f, "over"),
            Act::Lost { lease } => write!(f, "lost {lease}"),
            Act::Finishing { lease } => write!(f, "finishing {lease}"),
            Act::Finished { lease, held } => write!(f, "finished {lease} {held}"),
            Act::Acknowledging => write!(f, "acknowledging"),
        }
    }
}

impl Deed {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [process, job, ref act @ ..] = words[..] else { return None };
        let act = match *act {
            ["claimed", lease, attempt] => {
                Act::Claimed { lease: lease.to_owned(), attempt: attempt.parse().ok()? }
            }
            ["over"] => Act::Over,
            ["lost", lease] => Act::Lost { lease: lease.to_owned() },
            ["finishing", lease] => Act::Finishing { lease: lease.to_owned() },
            ["finished", lease, held] => Act::Finished { lease: lease.to_owned(), held: held.parse().ok()? },
            ["acknowledging"] => Act::Acknowledging,
            _ => return None,
        };
        Some(Self { process: process.parse().ok()?, job: job.to_owned(), act })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let lease = || "a".to_owned();
        let acts = [
            Act::Claimed { lease: lease(), attempt: 3 },
            Act::Over,
            Act::Lost { lease: lease() },
            Act::Finishing { lease: lease() },
            Act::Finished { lease: lease(), held: true },
            Act::Finished { lease: lease(), held: false },
            Act::Acknowledging,
        ];
        let deeds = acts.map(|act| Deed { process: 17, job: "j".to_owned(), act });
        let text = deeds.clone().map(|deed| deed.to_string()).join("\n");
        assert_eq!(History::read(&text), Ok(deeds.to_vec()));
        for line in ["", "17 j", "17 j claimed a", "x j over", "17 j finished a perhaps", "17 j over it"] {
            assert_eq!(History::read(&format!("{line}\n")), Err(format!("{line:?} is no deed")));
        }
    }
}
