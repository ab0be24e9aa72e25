//! One run: a system, clients, faults, and the look at what came of it.

use std::fs;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt;
use pixmill_testkit::History;
use tempfile::NamedTempFile;
use tokio::time::{Instant, sleep};

use super::check::{Promise, Violation, check};
use super::crowd::{Crowd, Mix};
use super::scenarios::Scenario;
use super::schedule::Form;
use super::target::Target;
use super::{flaws, stranger, survey};
use crate::client::Client;
use crate::draw::Draw;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The seed that makes it come again.
    pub seed: u64,
    /// What was wrong.
    pub violations: Vec<Violation>,
    /// From the end of the last fault to the end of the last job, on a machine that other runs may share.
    pub recovery: Duration,
    /// How many jobs there were.
    pub jobs: usize,
    /// How much memory each process had, where that was looked at.
    pub memory: Vec<Vec<u64>>,
    /// How many faults struck, and how many were ordered.
    pub struck: (usize, usize),
    /// What the processes wrote, where something was wrong.
    pub log: String,
    /// Why nothing was tried at all.
    pub skipped: Option<String>,
}

impl Outcome {
    fn skipped(seed: u64, reason: String) -> Self {
        let (violations, recovery, memory, log) = (Vec::new(), Duration::ZERO, Vec::new(), String::new());
        Self { seed, violations, recovery, jobs: 0, memory, struck: (0, 0), log, skipped: Some(reason) }
    }

    /// How many violations are of these promises.
    pub fn count(&self, promises: &[Promise]) -> usize {
        self.violations.iter().filter(|violation| promises.contains(&violation.promise)).count()
    }
}

/// How long a step waits for the next answer at the most: a fault may come at any time, also when nothing is answered.
const STEP: Duration = Duration::from_secs(10);
/// How many more answers there must be after the last fault; all, where their number is bounded.
const AFTERWARDS: u64 = 5;
/// How long clients go on with what was not answered, and how long after that the number of open jobs may stay what it is.
const FINISHING: Duration = Duration::from_secs(30);
const SETTLING: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// How often a job may be tried.
const MAX_ATTEMPTS: (&str, u64) = ("5", 5);

/// Runs a scenario in one form with what this seed draws; of what is counted there are so many times as many as usual.
///
/// # Panics
/// If the system can't be started, or does not understand what the harness says.
pub async fn run(scenario: &Scenario, form: Form, seed: u64, scale: usize) -> Outcome {
    let history = NamedTempFile::new().expect("there is room for a history");
    let (host, mut settings) = (own_host(), settings(scenario));
    settings.push(("HOST", &host));
    settings.push(("PIXMILL_HISTORY", history.path().to_str().expect("a temporary path is text")));
    let mut target = match Target::start(scenario, form, &settings, scale).await {
        Ok(target) => target,
        Err(reason) => return Outcome::skipped(seed, reason),
    };
    let outcome =
        AssertUnwindSafe(over(scenario, form, seed, &mut target, history.path())).catch_unwind().await;
    if outcome.is_err() {
        // What the processes thought of it explains most failures. Nobody is left to tell if this fails.
        let _ = writeln!(io::stderr(), "{} {} {seed}: {}", scenario.name, form.name(), target.log());
    }
    // However it ended: what is left in systems that others use too would make them slow.
    target.end().await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// The run, over a system that has just started.
async fn over(scenario: &Scenario, form: Form, seed: u64, target: &mut Target, history: &Path) -> Outcome {
    let mut draw = Draw::new(seed);
    let steps = (scenario.steps)(&mut draw.fork(), form);
    let client = target.server().user("anna").await;
    let first = client.upload_png(64, 48).await.id;
    let flawed = if scenario.mix.flawed > 0 { flaws::upload(&client, &first).await } else { Vec::new() };

    let mut mix = scenario.mix;
    mix.limit = mix.limit.saturating_mul(target.scale());
    let mut crowd = Crowd::start(client.clone(), target.addresses(), &first, flawed, mix, &mut draw);
    let (mut struck, ordered) = (0, steps.len());
    for step in steps {
        crowd.more(step.after * target.scale() as u64, STEP).await;
        struck += usize::from(target.suffer(&step.fault, &crowd).await);
    }
    let healed = Instant::now();
    let shortcomings = settle(mix, &mut crowd, &client.at_all(target.addresses())).await;
    let recovery = healed.elapsed();

    let mut record = crowd.end().await.into_record();
    record.max_attempts = scenario.most_attempts.unwrap_or(MAX_ATTEMPTS.1);
    record.one_clock = form == Form::Embedded;
    target.much_later().await;
    let client = client.at_all(target.addresses());
    stranger::intrude(&mut record, &target.server().user("mallory").await).await;
    survey::survey(&mut record, &client).await;
    if !record.redriven.is_empty() {
        record.generations = survey::generations(&client).await;
    }
    record.unreadable.1 = target.put_aside(record.unreadable.0).await;
    survey::files(&mut record, target).await;
    let history = fs::read_to_string(history).expect("processes write text");
    record.history = History::read(&history).expect("processes write deeds");
    let violations = [shortcomings, check(&record)].concat();
    let log = if violations.is_empty() { String::new() } else { target.log() };
    let (jobs, struck) = (record.jobs.len(), (struck, ordered));
    Outcome { seed, violations, recovery, jobs, memory: record.memory, struck, log, skipped: None }
}

/// An address of this machine that no other run has. Ports are given out again: without, a client could come upon the server
/// of another run where one of its own was killed.
fn own_host() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // All of 127.0.0.0/8 is this machine (RFC 1122, section 3.2.1.3).
    format!("127.{}.{}.{}", 64 + number / 250 % 128, 1 + process::id() % 250, 1 + number % 250)
}

fn settings(scenario: &Scenario) -> Vec<(&'static str, &'static str)> {
    let mut settings = vec![
        ("RATE_LIMIT_REQUESTS", "0"),
        ("LEASE_SECS", "3"),
        ("SWEEP_INTERVAL_SECS", "1"),
        ("WORKER_CONCURRENCY", "2"),
        ("SHUTDOWN_GRACE_SECS", "5"),
        ("JOB_MAX_ATTEMPTS", MAX_ATTEMPTS.0),
        // Clients ask faster than a busy machine works: how long a system takes to be well again would be told by its backlog.
        ("MAX_OPEN_JOBS", "40"),
    ];
    settings.extend(scenario.settings);
    settings
}

/// Waits until the clients have what they asked for and every job has ended, and says what was missing to that.
async fn settle(mix: Mix, crowd: &mut Crowd, client: &Client) -> Vec<Violation> {
    let mut shortcomings = Vec::new();
    let mut demand = |kept: bool, promise, what: &str| {
        if !kept {
            shortcomings.push(Violation { promise, what: what.to_owned() });
        }
    };
    let works = match mix.limit {
        usize::MAX => crowd.more(AFTERWARDS, SETTLING).await,
        limit => crowd.in_all(limit as u64, SETTLING).await,
    };
    demand(works, Promise::HonestAnswers, "too few requests had an effect after the last fault");
    crowd.finish(FINISHING).await;
    // As long as there are ever fewer, the machine is slow and nothing is stuck.
    let (mut fewest, mut deadline) = (None, Instant::now() + SETTLING);
    while fewest != Some(0) && Instant::now() < deadline {
        sleep(BETWEEN_LOOKS).await;
        let open = survey::open_jobs(client).await;
        if open.is_some_and(|open| fewest.is_none_or(|fewest| open < fewest)) {
            (fewest, deadline) = (open, Instant::now() + SETTLING);
        }
    }
    // A process that starts anew finishes much; jobs must end without.
    demand(fewest == Some(0), Promise::AnEnd, "jobs were open long after the last fault");
    shortcomings
}
