//! Pixels in child processes: a codec that crashes, eats memory or never ends costs one job and nothing else.

mod child;
mod exchange;
mod pool;
mod process;
mod protocol;
mod wire;

use std::fmt;
use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{
    BatchWork, PortError, PortErrorKind, ProcessError, Processed, Processor, ToDescribe, Work,
};
use pixmill::{Description, EngineError};
use tokio::sync::{Semaphore, watch};

pub use self::child::{CHILD_ARGUMENT, child_main};
use self::exchange::Exchange;
use self::pool::Pool;
use crate::budget::MemoryBudget;
use crate::run::estimate;

/// What a child needs beside a job and its files: code, stacks, the allocator's slack.
const BASE_MEMORY: u64 = 128 << 20;

/// How child processes are started, bounded and replaced.
#[derive(Debug, Clone)]
pub struct ChildConfig {
    /// The program, as an absolute path. Started with [`CHILD_ARGUMENT`] as its first argument, it must call
    /// [`child_main`].
    pub program: PathBuf,
    /// How many children there are at most, and so how many jobs run at once.
    pub slots: NonZeroUsize,
    /// The memory that running jobs share.
    pub budget: MemoryBudget,
    /// Bytes that one job may use beside its files. A job's own `max_memory_bytes` is lowered to it, so that the
    /// plan is refused with a reason instead of being killed.
    pub job_memory: u64,
    /// Bytes that source and overlay may have together. Bounds the result too.
    pub file_bytes: u64,
    /// How many jobs a child does before a fresh one takes its place, so that what a codec leaks is returned.
    pub jobs_per_child: NonZeroU32,
    /// How long after a job's time limit its child is killed. Most jobs stop by themselves at their limit, which
    /// spares the child.
    pub grace: Duration,
    /// Whether children are started ahead of the jobs, or by the first job that needs one.
    pub prestart: bool,
    /// The folder of [fonts](pixmill::engine::use_fonts) for letters that the built-in one lacks.
    pub fonts: Option<PathBuf>,
}

impl ChildConfig {
    /// `slots` children of the running program that share `budget`: 512 MiB for a job, 128 MiB for its files,
    /// 1000 jobs for a child, half a second of grace, started ahead.
    ///
    /// # Errors
    /// The system's, if it can't tell which program is running.
    pub fn of_this_program(slots: NonZeroUsize, budget: MemoryBudget) -> io::Result<Self> {
        Ok(Self {
            program: this_program()?,
            slots,
            budget,
            job_memory: 512 << 20,
            file_bytes: 128 << 20,
            jobs_per_child: NonZeroU32::new(1000).unwrap_or(NonZeroU32::MIN),
            grace: Duration::from_millis(500),
            prestart: true,
            fonts: None,
        })
    }

    /// The limit on a child's data: its base, a job, and the job's files.
    fn child_memory(&self) -> u64 {
        BASE_MEMORY.saturating_add(self.job_memory).saturating_add(self.file_bytes)
    }
}

/// The running program. On Linux through `/proc`, which stays right when an upgrade replaces the file.
fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() }
}

/// Runs the engine in child processes, one job to a child at a time.
///
/// Work takes a slot and then a share of the memory budget, both first come, first served. A child that dies
/// gives [`ProcessError::Crashed`] with its exit status and the end of what it wrote to stderr; one that is still
/// at work after its time limit and the grace is killed and gives [`EngineError::TimedOut`]; dropping the future
/// of a job kills its child. A new child takes the place of each. When this process dies, however it dies, its
/// children end too: an idle one at once, one at work within about a second.
///
/// It belongs to the tokio runtime in which it was started.
pub struct ChildProcesses {
    pool: Arc<Pool>,
    slots: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl ChildProcesses {
    /// Starts the pool, and its children if the configuration says so. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// The system's, if a child can't be started.
    pub fn start(config: ChildConfig) -> io::Result<Self> {
        let slots = Arc::new(Semaphore::new(config.slots.get()));
        let pool = Arc::new(Pool::new(config));
        pool.prestart()?;
        Ok(Self { pool, slots, stopping: watch::Sender::new(false) })
    }

    /// Kills all children and waits until they are gone. Work in progress, and work that comes later, ends with
    /// `Unavailable`. Dropping the value kills them as well, without waiting.
    pub async fn shutdown(&self) {
        self.stopping.send_replace(true);
        self.pool.close().await;
    }

    /// Runs the task, until the pool is shut down.
    async fn run<T: Exchange>(&self, operation: &'static str, task: T) -> Result<T::Done, ProcessError> {
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => {
                Err(PortError::new(PortErrorKind::Unavailable, "runtime", operation)
                    .with_source("the child processes are being shut down")
                    .into())
            }
            result = self.run_in_child(task) => result,
        }
    }

    async fn run_in_child<T: Exchange>(&self, mut task: T) -> Result<T::Done, ProcessError> {
        let config = self.pool.config();
        let limits = task.limits();
        limits.max_memory_bytes = limits.max_memory_bytes.min(config.job_memory);
        check_files(&task, config.file_bytes)?;
        let planned = estimate(&task)?;
        let _slot = self.slots.acquire().await.expect("the slots' semaphore is never closed");
        let _memory = config.budget.reserve(planned).await;

        let mut child = Pool::take(&self.pool).map_err(|error| {
            PortError::new(PortErrorKind::Unavailable, "runtime", "processor.start_child").with_source(error)
        })?;
        let deadline = task.time_limit().saturating_add(config.grace);
        match tokio::time::timeout(deadline, child.exchange(&task)).await {
            Ok(Ok(answer)) => {
                child.give_back(&answer);
                Ok(answer?)
            }
            Ok(Err(broken)) => {
                let cause = child.bury(&broken).await;
                tracing::warn!(cause, "a child process died at work");
                Err(ProcessError::Crashed(cause))
            }
            Err(_) => {
                tracing::warn!(limit = ?task.time_limit(), "killed a child process after its time limit");
                Err(EngineError::TimedOut.into())
            }
        }
    }
}

#[async_trait]
impl Processor for ChildProcesses {
    async fn process(&self, work: Work) -> Result<Processed, ProcessError> {
        self.run("processor.process", work).await
    }

    async fn process_batch(
        &self,
        work: BatchWork,
    ) -> Result<Vec<Result<Processed, EngineError>>, ProcessError> {
        self.run("processor.process_batch", work).await
    }

    async fn describe(&self, file: ToDescribe) -> Result<Description, ProcessError> {
        self.run("processor.describe", file).await
    }
}

impl fmt::Debug for ChildProcesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildProcesses").field("config", self.pool.config()).finish_non_exhaustive()
    }
}

fn check_files(task: &impl Exchange, limit: u64) -> Result<(), EngineError> {
    let actual = task.files().iter().map(|file| file.len() as u64).sum();
    if actual > limit {
        return Err(EngineError::LimitExceeded { what: "size of the image files in bytes", actual, limit });
    }
    Ok(())
}
