//! Everything around one job that decides what becomes of it: the hints in the queue, workers and how far each has
//! come, whoever publishes, the sweeper, and what lies in the stores.

use crate::real::{RealJob, SWEEP, Stage, Stored};

/// The whole of it, with `W` workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World<const W: usize> {
    pub(crate) job: Stored,
    pub(crate) hints: Hints,
    pub(crate) workers: [Worker; W],
    /// Who accepted the job and hands it to the queue.
    pub(crate) api: Publisher,
    pub(crate) sweeper: Sweeper,
    /// Whether the sweeper has looked since the last tick.
    pub(crate) swept: bool,
    /// Whether the result lies at its key.
    pub(crate) blob: bool,
    /// How many versions of the image this job has added.
    pub(crate) versions: u8,
    /// Whether it is noted that the output is removed.
    pub(crate) removed: bool,
}

/// How far a worker has come, one name for each place where it may stop for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Worker {
    Idle,
    /// It has a hint in hand.
    Received,
    /// It has claimed the job, and reads and computes for so many ticks more.
    Working {
        holds: bool,
        left: i8,
    },
    /// The result lies at its key.
    Wrote {
        holds: bool,
    },
    /// It is a version of the image.
    Versioned {
        holds: bool,
    },
    /// It has lost the job and cleans up.
    Losing(Cleaning),
    /// The repository knows the outcome; the hint is still in hand.
    Settling(Settlement),
    /// The hint went back to the queue, and the repository is to be told.
    Noting,
}

/// What is done next when outputs are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Cleaning {
    /// Look whether the job still wants them.
    Look,
    Version,
    Blob,
    /// Note that they are gone.
    Note,
}

/// How a hint is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Settlement {
    Ack,
    Retry { ticks: i8, note: bool },
}

/// Who hands an open job to the queue, and then notes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Publisher {
    About,
    Half,
    Done,
}

/// What the sweeper is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sweeper {
    Idle,
    Publishing(Publisher),
    Removing(Cleaning),
}

impl Worker {
    /// Whether it may still add to the stores.
    pub(crate) fn may_write(self) -> bool {
        matches!(self, Self::Working { .. } | Self::Wrote { .. })
    }

    /// Whether it makes a result.
    pub(crate) fn is_at_it(self) -> bool {
        matches!(self, Self::Working { .. } | Self::Wrote { .. } | Self::Versioned { .. })
    }

    fn holds_mut(&mut self) -> Option<&mut bool> {
        match self {
            Self::Working { holds, .. } | Self::Wrote { holds } | Self::Versioned { holds } => Some(holds),
            _ => None,
        }
    }
}

impl<const W: usize> World<W> {
    /// The job is stored and not yet published.
    pub(crate) fn start() -> Self {
        Self {
            job: RealJob::accepted(),
            hints: Hints::default(),
            workers: [Worker::Idle; W],
            api: Publisher::About,
            sweeper: Sweeper::Idle,
            swept: false,
            blob: false,
            versions: 0,
            removed: false,
        }
    }

    /// The same for all that may come: workers have no names, a token of a job that nobody holds is a lost one,
    /// and the age counts only while the job waits to be published.
    pub(crate) fn canonical(mut self) -> Self {
        if !matches!(self.job.stage, Stage::Running(_)) {
            self.take_tokens();
        }
        if !(self.job.unpublished && matches!(self.job.stage, Stage::Queued(_))) {
            self.job.age = SWEEP;
        }
        self.workers.sort_unstable();
        self
    }

    /// Nobody's token is good any more.
    pub(crate) fn take_tokens(&mut self) {
        for holds in self.workers.iter_mut().filter_map(Worker::holds_mut) {
            *holds = false;
        }
    }

    /// One tick later.
    pub(crate) fn tick(mut self) -> Self {
        let Stored { stage, age, removal, .. } = &mut self.job;
        match stage {
            Stage::Queued(wait) => *wait = (*wait - 1).max(0),
            Stage::Running(left) => *left = (*left - 1).max(-SWEEP),
            Stage::Completed | Stage::Failed | Stage::Cancelled => {}
        }
        *age = (*age + 1).min(SWEEP);
        *removal = removal.map(|left| (left - 1).max(0));
        self.hints.tick();
        for worker in &mut self.workers {
            if let Worker::Working { left, .. } = worker {
                *left = (*left - 1).max(0);
            }
        }
        self.swept = false;
        self
    }

    /// Whether the queue may not know of the job, as `Jobs::due_unpublished` says.
    pub(crate) fn is_due_unpublished(&self, marks: bool, leases: bool) -> bool {
        match self.job.stage {
            Stage::Queued(wait) => marks && self.job.unpublished && wait <= 0 && self.job.age >= SWEEP,
            Stage::Running(left) => leases && left <= -SWEEP,
            Stage::Completed | Stage::Failed | Stage::Cancelled => false,
        }
    }

    /// Whether what the job stored is to be removed now.
    pub(crate) fn is_due_removal(&self) -> bool {
        !self.removed && self.job.removal == Some(0)
    }
}

/// The queue: how many hints wait, by the ticks that each waits at least. They are all of one job, so nothing else
/// tells them apart. One more than `MOST` takes the place of the one that would come last: it is a repetition of
/// the others, and repetitions come out of nowhere anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Hints([u8; 3]);

const MOST: u8 = 2;

impl Hints {
    pub(crate) fn is_empty(self) -> bool {
        self.0 == [0; 3]
    }

    pub(crate) fn push(&mut self, ticks: i8) {
        let last = self.0.iter().rposition(|count| *count > 0).unwrap_or(0);
        if self.0.iter().sum::<u8>() == MOST {
            self.0[last] -= 1;
            self.0[last.min(ticks as usize)] += 1;
        } else {
            self.0[ticks as usize] += 1;
        }
    }

    /// Takes one that need not wait.
    pub(crate) fn take(&mut self) -> bool {
        let due = self.0[0] > 0;
        self.0[0] -= u8::from(due);
        due
    }

    /// Takes any one.
    pub(crate) fn lose(&mut self) -> bool {
        let first = self.0.iter_mut().find(|count| **count > 0);
        first.map(|count| *count -= 1).is_some()
    }

    fn tick(&mut self) {
        self.0 = [self.0[0] + self.0[1], self.0[2], 0];
    }
}
