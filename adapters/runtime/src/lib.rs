//! What Pixmill needs of the machine it runs on: the clock, threads that hash passwords, and threads or child
//! processes that work on pixels.
//!
//! The adapters here run inside a tokio runtime but never occupy its threads: the heavy work has threads or
//! processes of its own, bounded in number and in the memory they share. What is worked on, and in which order
//! jobs come, is for the callers to say.

mod budget;
mod children;
mod clock;
mod in_process;
mod passwords;
mod run;

pub use budget::MemoryBudget;
pub use children::{CHILD_ARGUMENT, ChildConfig, ChildProcesses, child_main};
pub use clock::SystemClock;
pub use in_process::InProcess;
pub use passwords::{Argon2Config, Argon2Passwords};
