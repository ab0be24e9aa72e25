//! Pixels on threads of this process: the least overhead, and no shelter from a codec that crashes.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use pixmill::ports::{BatchWork, ProcessError, Processed, Processor, ToDescribe, Work};
use pixmill::{CancelToken, Description, EngineError};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{Semaphore, oneshot};

use crate::budget::MemoryBudget;
use crate::run::{Task, estimate, run, token};

/// Runs the engine on threads of its own, one piece of work to a thread.
///
/// Work takes a slot and then a share of the memory budget, both first come, first served. A panic of the engine
/// becomes [`EngineError::Bug`], and the threads go on; a codec in C that crashes takes the process down, and one
/// that is in the middle of a call is not interrupted: at the deadline, or when the future is dropped, the caller
/// is rid of the work, but its slot is free only once the codec returns. [`ChildProcesses`](crate::ChildProcesses)
/// has neither weakness.
#[derive(Debug)]
pub struct InProcess {
    threads: ThreadPool,
    slots: Arc<Semaphore>,
    budget: MemoryBudget,
}

impl InProcess {
    /// Starts `slots` threads, whose work shares `budget`.
    ///
    /// # Errors
    /// The system's, if it gives no more threads.
    pub fn start(slots: NonZeroUsize, budget: MemoryBudget) -> io::Result<Self> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(slots.get())
            .thread_name(|index| format!("pixels-{index}"))
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { threads, slots: Arc::new(Semaphore::new(slots.get())), budget })
    }

    async fn run<T: Task>(&self, task: T) -> Result<T::Done, ProcessError> {
        let planned = estimate(&task)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.expect("the slots' semaphore is never closed");
        let memory = self.budget.reserve(planned).await;

        let time_limit = task.time_limit();
        // There are as many threads as slots, so the work begins now.
        let cancel = CancelOnDrop(token(time_limit));
        let watched = cancel.0.clone();
        let (answer, answered) = oneshot::channel();
        self.threads.spawn(move || {
            let result = run(&task, &watched);
            // Whoever sees the result finds the slot free.
            drop((task, memory, slot));
            // The caller may have gone: then nobody wants the result.
            let _ = answer.send(result);
        });
        match tokio::time::timeout(time_limit, answered).await {
            Ok(Ok(result)) => Ok(result?),
            Ok(Err(_)) => Err(EngineError::Bug("the thread ended without a result".into()).into()),
            Err(_) => Err(EngineError::TimedOut.into()),
        }
    }
}

#[async_trait]
impl Processor for InProcess {
    async fn process(&self, work: Work) -> Result<Processed, ProcessError> {
        self.run(work).await
    }

    async fn process_batch(
        &self,
        work: BatchWork,
    ) -> Result<Vec<Result<Processed, EngineError>>, ProcessError> {
        self.run(work).await
    }

    async fn describe(&self, file: ToDescribe) -> Result<Description, ProcessError> {
        self.run(file).await
    }
}

struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
