//! What child processes are for: they die, run out of time and memory, talk nonsense, and cost nobody else a thing.
//!
//! Linux only, because the tests look at processes through `/proc`.

#[path = "children/jobs.rs"]
mod jobs;
#[path = "children/system.rs"]
mod system;

use std::fmt::Debug;
use std::io::{BufRead, BufReader};
use std::num::{NonZeroU32, NonZeroUsize};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use pixmill::ports::{PortErrorKind, ProcessError, Processed, Processor, Work};
use pixmill::{CancelToken, EngineError, Format, Transformation, engine};
use pixmill_runtime::{CHILD_ARGUMENT, ChildConfig, ChildProcesses, InProcess, MemoryBudget, child_main};
use pixmill_testkit::fixtures;
use tokio::runtime::Runtime;

use crate::jobs::{into, long, medium, small, work};
use crate::system::{children, has_worked, is_alive, only_child, proc_file, signal, until, within};

/// Makes this program a parent that is to be killed.
const DOOMED_PARENT: &str = "doomed-parent";

macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        vec![$(Trial::test(stringify!($name), || {
            Runtime::new()?.block_on(async {
                $name().await;
                until("the end of the trial's children", || children().is_empty()).await;
            });
            Ok(())
        })),*]
    };
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(CHILD_ARGUMENT) => return child_main(),
        Some(DOOMED_PARENT) => return doomed_parent(),
        _ => {}
    }
    let trials = trials![
        both_forms_give_the_engines_bytes,
        both_forms_give_the_engines_errors,
        a_killed_child_costs_its_job_alone,
        work_past_its_time_limit_is_killed,
        memory_over_the_limit_costs_its_job_alone,
        plans_over_the_childs_memory_are_refused,
        files_over_the_bound_are_refused,
        a_dropped_future_kills_its_child_and_frees_its_slot,
        a_child_is_replaced_after_its_jobs,
        an_idle_child_that_died_is_replaced,
        programs_that_are_no_children_crash_at_once,
        a_missing_program_is_unavailable,
        shutdown_ends_work_and_children,
        dropping_the_pool_kills_its_children,
        children_ignore_signals_meant_for_the_group,
        children_inherit_no_environment_and_leave_no_core,
        children_do_not_outlive_a_killed_parent,
    ];
    // One at a time: each looks at all children of this process.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, trials).exit_code()
}

async fn both_forms_give_the_engines_bytes() {
    let pool = pool(1, |_| {});
    let threads = InProcess::start(slots(1), budget()).unwrap();
    let turned = Transformation { rotation: Some(33.3), blur: Some(0.7 + 0.1), ..into(Format::Png) };
    for transformation in [into(Format::Jpeg), into(Format::Webp), turned] {
        let work = work(fixtures::png(300, 200), transformation);
        let Work { source, transformation, limits, .. } = &work;
        let engine = engine::transform(source, None, transformation, limits, &CancelToken::new()).unwrap();
        let in_child = pool.process(work.clone()).await.unwrap();
        assert_eq!(in_child, threads.process(work).await.unwrap());
        let Processed { bytes, format, width, height, .. } = in_child;
        assert_eq!((format, width, height), (engine.format, engine.width, engine.height));
        assert!(bytes == engine.bytes, "{format} differs");
    }
}

async fn both_forms_give_the_engines_errors() {
    let pool = pool(1, |_| {});
    let threads = InProcess::start(slots(1), budget()).unwrap();
    let whole = fixtures::png(300, 200);
    let text = work("no image at all".into(), into(Format::Jpeg));
    // The header is whole, so that nothing but the decoder can find out.
    let cut = work(whole.slice(..whole.len() / 2), into(Format::Jpeg));
    let mut large = work(whole.clone(), into(Format::Jpeg));
    large.limits.max_side = 299;
    let wrong = work(whole, Transformation { quality: Some(0), ..into(Format::Jpeg) });
    for work in [text, cut, large, wrong] {
        let Work { source, transformation, limits, .. } = &work;
        let expected =
            engine::transform(source, None, transformation, limits, &CancelToken::new()).unwrap_err();
        assert_eq!(engine_error(pool.process(work.clone()).await), expected);
        assert_eq!(engine_error(threads.process(work).await), expected);
    }
}

async fn a_killed_child_costs_its_job_alone() {
    let pool = pool(2, |_| {});
    let victim = tokio::spawn(process(&pool, long()));
    until("the first child", || children().first().is_some_and(|pid| has_worked(*pid))).await;
    let first = only_child();
    let neighbour = tokio::spawn(process(&pool, medium()));
    until("the second child", || children().into_iter().any(|pid| pid != first && has_worked(pid))).await;

    signal(first, "KILL");
    let died = within("the crash", victim).await.unwrap();
    assert!(matches!(&died, Err(ProcessError::Crashed(cause)) if cause.contains("SIGKILL")), "{died:?}");
    assert!(within("the neighbour", neighbour).await.unwrap().is_ok());
    assert!(pool.process(small()).await.is_ok());
}

async fn work_past_its_time_limit_is_killed() {
    let pool = pool(1, |config| config.grace = Duration::ZERO);
    pool.process(small()).await.unwrap();
    let slow = only_child();
    // Its source alone takes longer to hand over.
    let hurried = Work { time_limit: Duration::from_millis(1), ..long() };
    let error = engine_error(within("the end", pool.process(hurried)).await);
    assert_eq!(error, EngineError::TimedOut);
    until("the killed child's end", || !is_alive(slow)).await;
    assert!(pool.process(small()).await.is_ok());
}

async fn memory_over_the_limit_costs_its_job_alone() {
    // A shell stands in for a service whose memory is limited below what the plan was promised.
    let program =
        script("limited", &format!("ulimit -d 49152\nexec '{}' \"$@\"\n", this_program().display()));
    let pool = pool(1, |config| config.program = program);
    pool.process(small()).await.unwrap();
    let died = within("the crash", pool.process(long())).await;
    let Err(ProcessError::Crashed(cause)) = died else { panic!("{died:?}") };
    assert!(cause.contains("memory allocation of"), "{cause}");
    assert!(pool.process(small()).await.is_ok());
}

async fn plans_over_the_childs_memory_are_refused() {
    let pool = pool(1, |config| config.job_memory = 1 << 20);
    let error = engine_error(pool.process(long()).await);
    assert!(matches!(error, EngineError::LimitExceeded { limit: 1_048_576, .. }), "{error:?}");
    assert!(children().is_empty(), "it was refused before a child was started");
}

async fn files_over_the_bound_are_refused() {
    let whole = small();
    let len = whole.source.len() as u64;
    let pool = pool(1, |config| config.file_bytes = len);
    assert!(pool.process(whole.clone()).await.is_ok());
    let error = engine_error(pool.process(Work { overlay: Some("x".into()), ..whole }).await);
    let refused = matches!(error, EngineError::LimitExceeded { actual, limit, .. } if actual == len + 1 && limit == len);
    assert!(refused, "{error:?}");
}

async fn a_dropped_future_kills_its_child_and_frees_its_slot() {
    let pool = pool(1, |_| {});
    let running = tokio::spawn(process(&pool, long()));
    until("the child", || children().first().is_some_and(|pid| has_worked(*pid))).await;
    let child = only_child();
    running.abort();
    assert!(within("the slot", pool.process(small())).await.is_ok());
    until("the child's end", || !is_alive(child)).await;
}

async fn a_child_is_replaced_after_its_jobs() {
    let pool = pool(1, |config| config.jobs_per_child = NonZeroU32::new(2).unwrap());
    pool.process(small()).await.unwrap();
    let first = only_child();
    pool.process(small()).await.unwrap();
    until("the first child's end", || !is_alive(first)).await;
    pool.process(small()).await.unwrap();
    assert_ne!(only_child(), first);
}

async fn an_idle_child_that_died_is_replaced() {
    let pool = pool(1, |config| config.prestart = true);
    let child = only_child();
    signal(child, "KILL");
    until("the child's end", || !is_alive(child)).await;
    assert!(pool.process(small()).await.is_ok());
}

async fn programs_that_are_no_children_crash_at_once() {
    // One echoes the request, one exits, one talks without listening, and one says what it can't do.
    let programs = [
        (script("echo", "exec cat\n"), "can't be read"),
        (script("exit", "exit 3\n"), "exited with code 3"),
        (script("talk", "exec yes\n"), "can't be read"),
        (script("fail", "echo out of order >&2\nexit 1\n"), "out of order"),
    ];
    for (program, words) in programs {
        for source in [small(), long()] {
            let pool = pool(1, |config| config.program.clone_from(&program));
            let died = within("the crash", pool.process(source)).await;
            let told = matches!(&died, Err(ProcessError::Crashed(cause)) if cause.contains(words));
            assert!(told, "{}: {died:?}", program.display());
        }
    }
}

async fn a_missing_program_is_unavailable() {
    let pool = pool(1, |config| config.program = "/nowhere/pixmill".into());
    let error = pool.process(small()).await.unwrap_err();
    assert!(matches!(&error, ProcessError::Port(e) if e.kind() == PortErrorKind::Unavailable), "{error:?}");
}

async fn shutdown_ends_work_and_children() {
    let pool = pool(2, |config| config.prestart = true);
    let running = tokio::spawn(process(&pool, long()));
    until("the child", || children().into_iter().any(has_worked)).await;
    assert_eq!(children().len(), 2);
    within("the shutdown", pool.shutdown()).await;
    for result in [within("the end", running).await.unwrap(), pool.process(small()).await] {
        let refused = matches!(&result, Err(ProcessError::Port(e)) if e.kind() == PortErrorKind::Unavailable);
        assert!(refused, "{result:?}");
    }
    until("the children's end", || children().is_empty()).await;
}

async fn dropping_the_pool_kills_its_children() {
    let pool = pool(2, |config| config.prestart = true);
    assert_eq!(children().len(), 2);
    drop(pool);
    until("the children's end", || children().is_empty()).await;
}

async fn children_ignore_signals_meant_for_the_group() {
    let pool = pool(1, |_| {});
    pool.process(small()).await.unwrap();
    let child = only_child();
    for name in ["TERM", "INT", "HUP"] {
        signal(child, name);
    }
    assert!(pool.process(small()).await.is_ok());
    assert_eq!(only_child(), child);
}

async fn children_inherit_no_environment_and_leave_no_core() {
    let pool = pool(1, |_| {});
    pool.process(small()).await.unwrap();
    let child = only_child();
    let environment = proc_file(child, "environ");
    assert!(std::env::var_os("PATH").is_some());
    assert!(!environment.split('\0').any(|variable| variable.starts_with("PATH=")), "{environment}");
    let limits = proc_file(child, "limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().nth(1), Some("0"), "{core}");
    let data = limits.lines().find(|line| line.starts_with("Max data size")).unwrap();
    assert!(!data.contains("unlimited"), "{data}");
}

async fn children_do_not_outlive_a_killed_parent() {
    let mut parent = Command::new(this_program()).arg(DOOMED_PARENT).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let orphans: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(orphans.len() == 2 && orphans.iter().all(|pid| is_alive(*pid)), "{orphans:?}");
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("the orphans' end", || orphans.iter().all(|pid| !is_alive(*pid))).await;
}

/// Prints the ids of two children, of which one is at work and one is idle, and waits to be killed.
fn doomed_parent() -> ExitCode {
    Runtime::new().unwrap().block_on(async {
        let pool = pool(2, |config| config.prestart = true);
        let running = tokio::spawn(process(&pool, long()));
        until("the child", || children().into_iter().any(has_worked)).await;
        #[expect(clippy::print_stdout, reason = "it is what the test reads")]
        {
            println!("{}", children().iter().map(u32::to_string).collect::<Vec<_>>().join(" "));
        }
        let _ = running.await;
        std::future::pending::<()>().await;
    });
    ExitCode::FAILURE
}

fn pool(count: usize, change: impl FnOnce(&mut ChildConfig)) -> Arc<ChildProcesses> {
    let mut config = ChildConfig::of_this_program(slots(count), budget()).unwrap();
    config.prestart = false;
    change(&mut config);
    Arc::new(ChildProcesses::start(config).unwrap())
}

fn slots(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn budget() -> MemoryBudget {
    MemoryBudget::new(1 << 30)
}

fn process(
    pool: &Arc<ChildProcesses>,
    work: Work,
) -> impl Future<Output = Result<Processed, ProcessError>> + use<> {
    let pool = Arc::clone(pool);
    async move { pool.process(work).await }
}

fn engine_error<T: Debug>(result: Result<T, ProcessError>) -> EngineError {
    match result {
        Err(ProcessError::Engine(error)) => error,
        other => panic!("expected an error of the engine, got {other:?}"),
    }
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn script(name: &str, body: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.sh"));
    std::fs::write(&path, format!("#!/bin/sh\n{body}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}
