//! Signals that a process sends itself.

/// What a process does to itself in the middle of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `SIGKILL`: it ends here, and nothing that it would have done next is done.
    Kill,
    /// `SIGSTOP`: all of it stands still here until somebody sends `SIGCONT`.
    Stop,
}

impl Signal {
    /// Sends it. Returns from [`Stop`](Self::Stop) when the process goes on, and never from [`Kill`](Self::Kill).
    #[cfg(unix)]
    pub(super) fn raise(self) {
        use rustix::process::{self, Signal as Number};

        let number = match self {
            Self::Kill => Number::KILL,
            Self::Stop => Number::STOP,
        };
        process::kill_process(process::getpid(), number).expect("a process may signal itself");
    }

    /// Ends the process in the hardest way that every system has.
    ///
    /// # Panics
    /// If the process is to stand still, which only Unix can do.
    #[cfg(not(unix))]
    pub(super) fn raise(self) {
        match self {
            Self::Kill => std::process::abort(),
            Self::Stop => panic!("a process can stand still on Unix alone"),
        }
    }
}
