//! The children that wait for work, and who takes the place of those that are gone.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pixmill::EngineError;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::ChildConfig;
use super::exchange::Exchange;
use super::process::ChildProcess;

pub(super) struct Pool {
    config: ChildConfig,
    runtime: Handle,
    children: Mutex<Children>,
    /// How many children are lent to jobs.
    lent: watch::Sender<usize>,
}

struct Children {
    idle: Vec<ChildProcess>,
    closed: bool,
}

impl Pool {
    /// A pool without children, in the current tokio runtime.
    pub(super) fn new(config: ChildConfig) -> Self {
        let children = Mutex::new(Children { idle: Vec::new(), closed: false });
        Self { config, runtime: Handle::current(), children, lent: watch::Sender::new(0) }
    }

    pub(super) fn config(&self) -> &ChildConfig {
        &self.config
    }

    /// Starts children until all slots have one, if the configuration asks for it.
    pub(super) fn prestart(&self) -> io::Result<()> {
        loop {
            let mut children = self.children();
            if !self.is_short(&children) {
                return Ok(());
            }
            children.idle.push(ChildProcess::start(&self.config)?);
        }
    }

    /// Whether a child is to be started ahead of the jobs.
    fn is_short(&self, children: &Children) -> bool {
        let live = children.idle.len() + *self.lent.borrow();
        self.config.prestart && !children.closed && live < self.config.slots.get()
    }

    /// A child that is alive, started if none waits. The caller holds a slot.
    pub(super) fn take(pool: &Arc<Self>) -> io::Result<Lent> {
        let waiting = {
            let mut children = pool.children();
            // The last one in is the first one out: its memory is warm.
            let waiting = std::iter::from_fn(|| children.idle.pop()).find_map(|mut child| {
                let alive = child.is_alive();
                if !alive {
                    tracing::warn!("an idle child process had died");
                }
                alive.then_some(child)
            });
            pool.lent.send_modify(|lent| *lent += 1);
            waiting
        };
        let mut lent = Lent { child: waiting, pool: Arc::clone(pool) };
        if lent.child.is_none() {
            lent.child = Some(ChildProcess::start(&pool.config)?);
        }
        Ok(lent)
    }

    /// Kills the idle, and waits until those at work are gone too. Nobody takes a child after that.
    pub(super) async fn close(&self) {
        let idle = {
            let mut children = self.children();
            children.closed = true;
            std::mem::take(&mut children.idle)
        };
        for child in idle {
            child.kill().await;
        }
        let mut lent = self.lent.subscribe();
        // The sender lives as long as this pool, so this ends with the count.
        let _ = lent.wait_for(|lent| *lent == 0).await;
    }

    fn children(&self) -> MutexGuard<'_, Children> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A child lent to one job. Dropped, it kills the child, because nobody knows what the child is doing, and sees to
/// it that another takes its place.
pub(super) struct Lent {
    child: Option<ChildProcess>,
    pool: Arc<Pool>,
}

impl Lent {
    pub(super) async fn exchange<T: Exchange>(
        &mut self,
        task: &T,
    ) -> io::Result<Result<T::Done, EngineError>> {
        match &mut self.child {
            Some(child) => child.exchange(task).await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Returns the child after an answer, unless it has done its share of jobs.
    pub(super) fn give_back<T>(mut self, answer: &Result<T, EngineError>) {
        let Some(child) = self.child.take() else { return };
        // What it said during this job is not to be taken for the last words of a later one.
        let stderr = child.take_stderr();
        if let Err(EngineError::Bug(message)) = answer {
            tracing::error!(message, stderr, "the engine failed in a child process");
        }
        let mut children = self.pool.children();
        if !children.closed && child.jobs() < self.pool.config.jobs_per_child.get() {
            children.idle.push(child);
        }
    }

    /// Says how the child died.
    pub(super) async fn bury(mut self, broken: &io::Error) -> String {
        match self.child.take() {
            Some(child) => child.bury(broken).await,
            None => broken.to_string(),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // The child dies before it stops being counted.
        drop(self.child.take());
        self.pool.lent.send_modify(|lent| *lent -= 1);
        if self.pool.is_short(&self.pool.children()) {
            let pool = Arc::downgrade(&self.pool);
            self.pool.runtime.spawn(async move {
                if let Some(Err(error)) = pool.upgrade().map(|pool| pool.prestart()) {
                    tracing::warn!(%error, "no child process can be started; the next job tries again");
                }
            });
        }
    }
}
