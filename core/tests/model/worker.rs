//! The steps of a worker, in the order of `process.rs` in the core.

use crate::protocol::{Next, Protocol, Steps};
use crate::real::{Answer, End, Stage};
use crate::setting::{Flaw, STALE};
use crate::world::{Cleaning, Settlement, Worker, World};

impl<const W: usize> Protocol<W> {
    /// What one worker may do, and what may happen to it.
    pub(crate) fn worker_steps(&self, world: &World<W>, who: usize, steps: &mut Steps<W>) {
        let to = |worker| world.with(who, worker);
        match world.workers[who] {
            Worker::Idle => {
                let mut next = to(Worker::Received);
                if next.hints.take() {
                    steps.natural("a worker receives a hint", Ok(next));
                }
            }
            Worker::Received => self.claim(world, who, steps),
            Worker::Working { holds, left } => {
                self.renew(world, who, holds, steps);
                if left == 0 {
                    self.work_steps(world, who, holds, steps);
                }
            }
            Worker::Wrote { holds } => {
                self.renew(world, who, holds, steps);
                let mut next = to(Worker::Versioned { holds });
                if self.setting.save {
                    next.versions = if self.has(Flaw::VersionEachTime) { next.versions + 1 } else { 1 };
                    steps.natural("a worker adds the version", Ok(next));
                } else {
                    steps.natural(
                        "a worker completes the job",
                        self.finish(world, who, holds, End::Completed),
                    );
                }
                self.outage(world, who, holds, steps);
            }
            Worker::Versioned { holds } => {
                self.renew(world, who, holds, steps);
                steps.natural("a worker completes the job", self.finish(world, who, holds, End::Completed));
                self.outage(world, who, holds, steps);
            }
            Worker::Losing(cleaning) => {
                steps.natural("a worker cleans up", Ok(world.discard(who, cleaning)));
            }
            Worker::Settling(Settlement::Ack) => {
                steps.natural("a worker acknowledges", Ok(to(Worker::Idle)));
            }
            Worker::Settling(Settlement::Retry { ticks, note }) => {
                let mut next = to(if note { Worker::Noting } else { Worker::Idle });
                next.hints.push(ticks);
                steps.natural("a worker puts its hint off", Ok(next));
            }
            Worker::Noting => {
                let mut next = to(Worker::Idle);
                next.job.unpublished = false;
                steps.natural("a worker notes that the queue knows", Ok(next));
            }
        }
        if self.setting.faults.crashes && world.workers[who] != Worker::Idle {
            let mut next = to(Worker::Idle);
            if self.is_in_hand(world.workers[who]) {
                next.hints.push(0);
            }
            steps.fault("a worker vanishes", Ok(next));
        }
    }

    fn claim(&self, world: &World<W>, who: usize, steps: &mut Steps<W>) {
        let mut next = *world;
        if let (true, Stage::Running(left)) = (self.has(Flaw::NoExpiry), &mut next.job.stage) {
            *left = (*left).max(1);
        }
        let answer = match self.real.claim(&mut next.job) {
            Ok(answer) => answer,
            Err(rule) => return steps.natural("a worker claims", Err(rule)),
        };
        match answer {
            Answer::Yours => {
                next.take_tokens();
                for left in 0..=self.setting.work {
                    let next = next.with(who, Worker::Working { holds: true, left });
                    steps.natural("a worker claims the job", Ok(next));
                }
            }
            Answer::NotYet { .. } if self.has(Flaw::AckAtReceipt) => {
                steps.natural("a worker does not get the job", Ok(next.with(who, Worker::Idle)));
            }
            Answer::NotYet { ticks } => {
                let settling = Worker::Settling(Settlement::Retry { ticks, note: false });
                steps.natural("a worker does not get the job", Ok(next.with(who, settling)));
            }
            Answer::Exhausted | Answer::Finished => {
                let settling = Worker::Settling(Settlement::Ack);
                steps.natural("a worker finds the job at its end", Ok(next.with(who, settling)));
            }
        }
    }

    fn work_steps(&self, world: &World<W>, who: usize, holds: bool, steps: &mut Steps<W>) {
        if self.has(Flaw::FinishFirst) {
            return steps
                .natural("a worker completes the job", self.finish(world, who, holds, End::Completed));
        }
        let mut next = world.with(who, Worker::Wrote { holds });
        next.blob = true;
        steps.natural("a worker stores the result", Ok(next));
        steps.natural("a worker finds bad input", self.finish(world, who, holds, End::Failed));
        let last = world.job.attempts >= self.setting.max_attempts && !self.has(Flaw::NoLimit);
        let end = if last { End::Failed } else { End::Retry };
        steps.natural("a worker's attempt fails", self.finish(world, who, holds, end));
        self.outage(world, who, holds, steps);
    }

    fn outage(&self, world: &World<W>, who: usize, holds: bool, steps: &mut Steps<W>) {
        if self.setting.faults.outages {
            let next = self.finish(world, who, holds, End::Postponed);
            steps.fault("a worker puts the job off, as a store is away", next);
        }
    }

    /// The lease is renewed in time, or else whenever the worker gets to it.
    fn renew(&self, world: &World<W>, who: usize, holds: bool, steps: &mut Steps<W>) {
        let mut next = *world;
        let renewed = match self.real.renew(&mut next.job, holds) {
            Ok(renewed) => renewed,
            Err(rule) => return steps.fault("a worker renews its lease", Err(rule)),
        };
        if !holds && (renewed || next.job != world.job) {
            steps.fault("a worker renews its lease", Err(STALE));
        } else if renewed {
            let in_time = matches!(world.job.stage, Stage::Running(left) if left <= 1);
            steps.push("a worker renews its lease", in_time, Ok(next));
        } else {
            let next = next.with(who, Worker::Losing(Cleaning::Look));
            steps.natural("a worker learns that it lost the job", Ok(next));
        }
    }

    fn finish(&self, world: &World<W>, who: usize, holds: bool, end: End) -> Next<W> {
        let mut next = *world;
        let applied = self.real.finish(&mut next.job, holds || self.has(Flaw::NoFencing), end)?;
        if !holds && (applied || next.job != world.job) {
            return Err(STALE);
        }
        let worker = match end {
            _ if !applied => Worker::Losing(Cleaning::Look),
            End::Completed | End::Failed => Worker::Settling(Settlement::Ack),
            // The hint is gone already, and the sweeper is left to bring a new one.
            End::Retry | End::Postponed if !self.is_in_hand(world.workers[who]) => Worker::Idle,
            End::Retry | End::Postponed => Worker::Settling(Settlement::Retry { ticks: 1, note: true }),
        };
        Ok(next.with(who, worker))
    }

    /// Whether a worker still has the hint that brought it here.
    fn is_in_hand(&self, worker: Worker) -> bool {
        let acknowledged = match self.setting.flaw {
            Some(Flaw::AckAtReceipt) => true,
            Some(Flaw::AckAtClaim | Flaw::AckAtClaimUnswept) => worker != Worker::Received,
            _ => false,
        };
        !matches!(worker, Worker::Idle | Worker::Noting) && !acknowledged
    }
}

impl<const W: usize> World<W> {
    /// A worker that lost the job removes what it made, unless another's result lies there.
    fn discard(&self, who: usize, cleaning: Cleaning) -> Self {
        let unwanted = matches!(self.job.stage, Stage::Failed | Stage::Cancelled);
        let mut next = *self;
        let worker = match cleaning {
            Cleaning::Look if unwanted => Worker::Losing(Cleaning::Version),
            Cleaning::Version => {
                next.versions = 0;
                Worker::Losing(Cleaning::Blob)
            }
            Cleaning::Look | Cleaning::Blob | Cleaning::Note => {
                next.blob &= cleaning != Cleaning::Blob;
                Worker::Settling(Settlement::Ack)
            }
        };
        next.with(who, worker)
    }
}
