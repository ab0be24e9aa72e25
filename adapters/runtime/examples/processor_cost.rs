//! What child processes cost beside threads: the median time of a small and of a medium job in both forms, taken in
//! turns. `cargo run --release -p pixmill-runtime --example processor_cost`

#![expect(clippy::print_stdout, reason = "it is a program that prints a table")]

use std::error::Error;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use pixmill::ports::{Processor, Work};
use pixmill::{Format, Limits, Transformation};
use pixmill_runtime::{CHILD_ARGUMENT, ChildConfig, ChildProcesses, InProcess, MemoryBudget, child_main};
use pixmill_testkit::fixtures;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(CHILD_ARGUMENT) {
        return child_main();
    }
    match tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(compare())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn compare() -> Result<(), Box<dyn Error>> {
    let slots = NonZeroUsize::MIN;
    let budget = MemoryBudget::new(1 << 30);
    let threads = InProcess::start(slots, budget.clone())?;
    let children = ChildProcesses::start(ChildConfig::of_this_program(slots, budget)?)?;
    println!("{:<52} {:>10} {:>10} {:>10}", "median of one job", "threads", "children", "difference");
    let jobs = [
        ("JPEG 200x150 to 100 wide", fixtures::file(Format::Jpeg, 200, 150), 100, 400),
        ("JPEG 1600x1200 to 800 wide", fixtures::file(Format::Jpeg, 1600, 1200), 800, 100),
        ("stored PNG 1600x1200 (5.8 MB) to 800 wide", fixtures::png(1600, 1200), 800, 100),
    ];
    for (name, source, width, rounds) in jobs {
        let transformation =
            Transformation { width: Some(width), format: Some(Format::Jpeg), ..Transformation::default() };
        let limits = Limits::default();
        let work = Work { source, overlay: None, transformation, limits, time_limit: Duration::from_mins(1) };
        let (mut in_threads, mut in_children) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            in_threads.push(time(&threads, &work).await?);
            in_children.push(time(&children, &work).await?);
        }
        let (thread, child) = (median(in_threads), median(in_children));
        println!("{name:<52} {:>7.3} ms {:>7.3} ms {:>7.3} ms", thread, child, child - thread);
    }
    children.shutdown().await;
    Ok(())
}

async fn time(processor: &dyn Processor, work: &Work) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    processor.process(work.clone()).await?;
    Ok(started.elapsed())
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
