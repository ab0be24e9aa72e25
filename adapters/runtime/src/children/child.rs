//! What runs in the child: one request after another, until the parent closes its stdin.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::process::{ExitCode, abort};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use bytes::Bytes;
use rlimit::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::exchange::Exchange;
use super::protocol::{ANSWER, AnswerHead, ONE_PIECE, Request, encode_head, read_request};
use crate::run::{run, token};

/// The first argument of a child process. A program that is started with it calls [`child_main`] before it does
/// anything else, and exits with what that returns.
pub const CHILD_ARGUMENT: &str = "processor-child";

/// How often a child at work looks whether its parent is still there.
const PARENT_CHECK: Duration = Duration::from_secs(1);

/// The whole life of a child process: takes jobs from stdin and writes results to stdout, until stdin ends.
///
/// It bounds its own memory by `RLIMIT_DATA`, which counts what the process can write to and fails the allocation
/// that goes over. `RLIMIT_AS` would count address space too, of which allocators and thread stacks reserve far
/// more than they use. No core is dumped. SIGTERM, SIGINT and SIGHUP are ignored, because service managers and
/// terminals send them to whole groups: the child ends when its parent lets it.
pub fn child_main() -> ExitCode {
    match prepare_and_serve() {
        Ok(()) => ExitCode::SUCCESS,
        // The parent went away while the answer was on its way.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done if stderr is closed too.
            let _ = writeln!(io::stderr(), "processor child: {error}");
            ExitCode::FAILURE
        }
    }
}

fn prepare_and_serve() -> io::Result<()> {
    let (memory, files, fonts) = arguments().ok_or_else(|| {
        let usage = format!("{CHILD_ARGUMENT} is started by the program itself, not by hand");
        io::Error::new(io::ErrorKind::InvalidInput, usage)
    })?;
    if let Some(folder) = fonts {
        pixmill::engine::use_fonts(&folder).map_err(io::Error::other)?;
    }
    ignore_signals()?;
    setrlimit(Resource::CORE, 0, 0)?;
    // Whoever set a lower limit on the whole service meant it.
    let memory = memory.min(getrlimit(Resource::DATA)?.1);
    setrlimit(Resource::DATA, memory, memory)?;
    // If memory runs out on the whole machine, a child is the one to kill. A system without this file has its own
    // ways.
    let _ = fs::write("/proc/self/oom_score_adj", "500");
    serve(&Watchdog::start()?, files)
}

/// The limits in bytes on memory and on files, and the folder of fonts if there is one, as the parent wrote them behind
/// [`CHILD_ARGUMENT`].
fn arguments() -> Option<(u64, u64, Option<PathBuf>)> {
    let mut arguments = std::env::args_os().skip_while(|argument| argument != CHILD_ARGUMENT).skip(1);
    let mut number = || arguments.next()?.to_str()?.parse().ok();
    Some((number()?, number()?, arguments.next().map(PathBuf::from)))
}

fn ignore_signals() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        // The handler stays when the listener is gone, and does nothing.
        drop(signal(kind)?);
    }
    Ok(())
}

fn serve(watchdog: &Watchdog, files: u64) -> io::Result<()> {
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    while let Some(request) = read_request(&mut input, files)? {
        let (head, bytes) = watchdog.guard(|| match request {
            Request::Transform(work) => answer(&*work),
            Request::Batch(work) => answer(&*work),
            Request::Describe(file) => answer(&file),
        });
        let mut frame = encode_head(ANSWER, &head)?;
        if frame.len() + bytes.len() <= ONE_PIECE {
            frame.extend_from_slice(&bytes);
            output.write_all(&frame)?;
        } else {
            output.write_all(&frame)?;
            output.write_all(&bytes)?;
        }
    }
    Ok(())
}

fn answer<T: Exchange>(task: &T) -> (AnswerHead, Bytes) {
    match run(task, &token(task.time_limit())) {
        Ok(done) => T::tell(done),
        Err(error) => (AnswerHead::Failed(error.into()), Bytes::new()),
    }
}

/// Ends the process when its parent has died while it was at work. An idle child sees that by its stdin.
struct Watchdog {
    busy: Arc<AtomicBool>,
    thread: Thread,
}

impl Watchdog {
    fn start() -> io::Result<Self> {
        let parent = parent_id();
        let busy = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&busy);
        let watch = thread::Builder::new().name("watchdog".into()).stack_size(64 << 10).spawn(move || {
            loop {
                while !seen.load(Ordering::Acquire) {
                    thread::park();
                }
                thread::park_timeout(PARENT_CHECK);
                if parent_id() != parent {
                    abort();
                }
            }
        })?;
        Ok(Self { busy, thread: watch.thread().clone() })
    }

    fn guard<T>(&self, work: impl FnOnce() -> T) -> T {
        self.busy.store(true, Ordering::Release);
        self.thread.unpark();
        let result = work();
        self.busy.store(false, Ordering::Release);
        result
    }
}
