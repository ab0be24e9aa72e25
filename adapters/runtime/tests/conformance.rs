//! The conformance trials of the ports that this crate fills.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use pixmill_runtime::{
    Argon2Config, Argon2Passwords, CHILD_ARGUMENT, ChildConfig, ChildProcesses, InProcess, MemoryBudget,
    SystemClock, child_main,
};
use pixmill_testkit::{Subject, conformance};

const SLOTS: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

fn main() -> ExitCode {
    // The children of the processor are this program again.
    if std::env::args().nth(1).as_deref() == Some(CHILD_ARGUMENT) {
        return child_main();
    }
    let mut trials = conformance("runtime")
        .clock(|_| async {
            let clock: Arc<dyn pixmill::ports::Clock> = Arc::new(SystemClock::new());
            Ok(Subject::new(clock).real_time(Duration::from_millis(50)))
        })
        .passwords(|_| async { Ok(Argon2Passwords::start(&cheap()).expect("threads are to be had")) })
        .into_trials();
    trials.extend(
        conformance("runtime::in_process")
            .processor(|_| async { Ok(InProcess::start(SLOTS, budget()).expect("threads are to be had")) })
            .into_trials(),
    );
    trials.extend(
        conformance("runtime::child_processes")
            .processor(|_| async {
                let config = ChildConfig::of_this_program(SLOTS, budget()).expect("the program is known");
                Ok(ChildProcesses::start(config).expect("children can be started"))
            })
            .into_trials(),
    );
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), trials).exit_code()
}

fn budget() -> MemoryBudget {
    MemoryBudget::new(1 << 30)
}

/// The least that Argon2 allows, so that trials spend their time elsewhere.
fn cheap() -> Argon2Config {
    Argon2Config { memory_kib: 8, passes: 1, lanes: 1, threads: SLOTS, waiting: 64 }
}
