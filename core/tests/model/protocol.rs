//! The steps of the protocol, each as far as it goes without being interrupted: those of publishers and of the
//! sweeper, in the order of `submit.rs` and `sweep.rs` in the core, and what may disturb them.

use crate::explore::{Model, Step};
use crate::real::{FINAL, RealJob, Stage};
use crate::setting::{
    ATTEMPTS, Faults, Flaw, Losses, NOTHING_LEFT, ONE_AT_A_TIME, ONE_EFFECT, RESULT, Setting,
};
use crate::world::{Cleaning, Publisher, Sweeper, Worker, World};

/// One job under one set of circumstances.
pub(crate) struct Protocol<const W: usize> {
    pub(crate) real: RealJob,
    pub(crate) setting: Setting,
}

/// What is after a step, or the rule that it breaks.
pub(crate) type Next<const W: usize> = Result<World<W>, &'static str>;

impl<const W: usize> Protocol<W> {
    pub(crate) fn new(setting: Setting) -> Self {
        let limited = setting.flaw != Some(Flaw::NoLimit);
        let max_attempts = if limited { setting.max_attempts.into() } else { u32::MAX };
        Self { real: RealJob::new(setting.save, max_attempts), setting }
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.setting.flaw == Some(flaw)
    }

    fn publish(&self, world: &World<W>, publisher: Publisher) -> (World<W>, Publisher) {
        let mut next = *world;
        if (publisher == Publisher::About) == self.has(Flaw::NotedFirst) {
            next.job.unpublished = false;
        } else {
            next.hints.push(0);
        }
        (next, if publisher == Publisher::About { Publisher::Half } else { Publisher::Done })
    }

    fn api_steps(&self, world: &World<W>, steps: &mut Steps<W>) {
        if world.api != Publisher::Done {
            let (next, api) = self.publish(world, world.api);
            steps.natural("the API publishes the job", Ok(World { api, ..next }));
            if self.setting.faults.crashes {
                steps.fault("the API vanishes", Ok(World { api: Publisher::Done, ..*world }));
            }
        }
    }

    fn sweeper_steps(&self, world: &World<W>, steps: &mut Steps<W>) {
        let next = match world.sweeper {
            Sweeper::Idle if world.swept => return,
            Sweeper::Idle => {
                let publishes = !self.has(Flaw::NoSweep);
                let marks = publishes && !self.has(Flaw::NoOutbox);
                let leases = publishes && !self.has(Flaw::AckAtClaimUnswept);
                let sweeper = if world.is_due_unpublished(marks, leases) {
                    Sweeper::Publishing(Publisher::About)
                } else if world.is_due_removal() && !self.has(Flaw::NoRemoval) {
                    Sweeper::Removing(Cleaning::Version)
                } else {
                    return;
                };
                World { sweeper, swept: true, ..*world }
            }
            Sweeper::Publishing(publisher) => {
                let (next, publisher) = self.publish(world, publisher);
                let done = publisher == Publisher::Done;
                World { sweeper: if done { Sweeper::Idle } else { Sweeper::Publishing(publisher) }, ..next }
            }
            Sweeper::Removing(Cleaning::Look | Cleaning::Version) => {
                World { versions: 0, sweeper: Sweeper::Removing(Cleaning::Blob), ..*world }
            }
            Sweeper::Removing(Cleaning::Blob) => {
                World { blob: false, sweeper: Sweeper::Removing(Cleaning::Note), ..*world }
            }
            Sweeper::Removing(Cleaning::Note) => World { removed: true, sweeper: Sweeper::Idle, ..*world },
        };
        steps.natural("the sweeper goes on", Ok(next));
        if self.setting.faults.crashes && world.sweeper != Sweeper::Idle {
            steps.fault("the sweeper vanishes", Ok(World { sweeper: Sweeper::Idle, ..*world }));
        }
    }

    fn queue_faults(&self, world: &World<W>, steps: &mut Steps<W>) {
        let Faults { repeats, losses, .. } = self.setting.faults;
        let mut next = *world;
        if repeats && !world.hints.is_empty() {
            next.hints.push(0);
            steps.fault("the queue repeats a hint", Ok(next));
        }
        let running = matches!(world.job.stage, Stage::Running(_));
        let mut next = *world;
        if (losses == Losses::Always || losses == Losses::WhileRunning && running) && next.hints.lose() {
            steps.fault("the queue loses a hint", Ok(next));
        }
    }

    fn cancel(&self, world: &World<W>, steps: &mut Steps<W>) {
        let mut next = *world;
        let changed = match self.real.cancel(&mut next.job) {
            Ok(cancelled) if cancelled == world.job.stage.is_final() => Err(FINAL),
            Ok(_) => Ok(next),
            Err(rule) => Err(rule),
        };
        steps.fault("the user cancels", changed);
    }

    /// Time goes on by itself when nothing else does, and anyway where anybody may stand still.
    fn tick(&self, world: &World<W>, steps: &mut Steps<W>) {
        let idle = !steps.0.iter().any(|step| step.undisturbed);
        let Faults { crashes, late_writes, .. } = self.setting.faults;
        let removal_near = world.job.stage.is_final() && world.job.removal.is_some_and(|left| left <= 1);
        let too_late = removal_near && world.workers.iter().any(|worker| worker.may_write());
        if idle || crashes && (late_writes || !too_late) {
            steps.push("time goes on", idle, Ok(world.tick()));
        }
    }
}

impl<const W: usize> Model for Protocol<W> {
    type State = World<W>;

    fn start(&self) -> World<W> {
        World::start().canonical()
    }

    fn steps(&self, world: &World<W>) -> Vec<Step<World<W>>> {
        let mut steps = Steps(Vec::new());
        for who in 0..W {
            self.worker_steps(world, who, &mut steps);
        }
        self.api_steps(world, &mut steps);
        self.sweeper_steps(world, &mut steps);
        self.tick(world, &mut steps);
        self.queue_faults(world, &mut steps);
        if self.setting.faults.cancels {
            self.cancel(world, &mut steps);
        }
        steps.0
    }

    fn is_at_rest(&self, world: &World<W>) -> bool {
        world.job.stage.is_final()
            && world.hints.is_empty()
            && world.workers.iter().all(|worker| *worker == Worker::Idle)
            && world.api == Publisher::Done
            && world.sweeper == Sweeper::Idle
            && (world.removed || world.job.removal.is_none())
    }

    fn fault_of(&self, world: &World<W>) -> Option<&'static str> {
        let save = self.setting.save;
        let completed = world.job.stage == Stage::Completed;
        let result = world.blob && world.versions == u8::from(save);
        let kept = completed && world.job.removal != Some(0);
        let faults = [
            (world.job.attempts > self.setting.max_attempts, ATTEMPTS),
            (world.versions > 1, ONE_EFFECT),
            (kept && !result, RESULT),
            (self.is_at_rest(world) && !kept && (world.blob || world.versions > 0), NOTHING_LEFT),
            (
                !self.setting.faults.crashes
                    && world.workers.iter().filter(|worker| worker.is_at_it()).count() > 1,
                ONE_AT_A_TIME,
            ),
        ];
        faults.into_iter().find_map(|(broken, rule)| broken.then_some(rule))
    }
}

impl<const W: usize> World<W> {
    pub(crate) fn with(mut self, who: usize, worker: Worker) -> Self {
        self.workers[who] = worker;
        self
    }
}

/// The steps that are possible somewhere.
pub(crate) struct Steps<const W: usize>(Vec<Step<World<W>>>);

impl<const W: usize> Steps<W> {
    /// What happens if nothing disturbs.
    pub(crate) fn natural(&mut self, name: &'static str, to: Next<W>) {
        self.push(name, true, to);
    }

    /// What disturbs, or need not happen.
    pub(crate) fn fault(&mut self, name: &'static str, to: Next<W>) {
        self.push(name, false, to);
    }

    pub(crate) fn push(&mut self, name: &'static str, undisturbed: bool, to: Next<W>) {
        self.0.push(Step { name, undisturbed, to: to.map(World::canonical) });
    }
}
