//! What came of the runs, for people.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use pixmill_e2e::faults::{Form, Outcome, Promise, Scenario};

/// All runs of one scenario in one form.
pub(crate) struct Line {
    fault: &'static str,
    form: Form,
    runs: usize,
    jobs: usize,
    struck: (usize, usize),
    lost: usize,
    doubled: usize,
    stuck: usize,
    other: usize,
    recovery: Duration,
    failed: Vec<u64>,
}

impl Line {
    pub(crate) fn new(fault: &'static str, form: Form) -> Self {
        Self {
            fault,
            form,
            runs: 0,
            jobs: 0,
            struck: (0, 0),
            lost: 0,
            doubled: 0,
            stuck: 0,
            other: 0,
            recovery: Duration::ZERO,
            failed: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, seed: u64, outcome: Option<&Outcome>) {
        self.runs += usize::from(outcome.is_none_or(|outcome| outcome.skipped.is_none()));
        let Some(outcome) = outcome else { return self.failed.push(seed) };
        self.jobs += outcome.jobs;
        self.struck = (self.struck.0 + outcome.struck.0, self.struck.1 + outcome.struck.1);
        let lost = outcome.count(&[Promise::NothingLost, Promise::TheResult]);
        let doubled = outcome.count(&[Promise::OneEffect]);
        let stuck = outcome.count(&[Promise::AnEnd]);
        self.lost += lost;
        self.doubled += doubled;
        self.stuck += stuck;
        self.other += outcome.violations.len() - lost - doubled - stuck;
        self.recovery = self.recovery.max(outcome.recovery);
        if !outcome.violations.is_empty() {
            self.failed.push(seed);
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.failed.is_empty()
    }
}

/// Says how a run went, and keeps what its processes wrote if it went badly.
pub(crate) fn tell(
    scenario: &Scenario,
    form: Form,
    seed: u64,
    outcome: Option<&Outcome>,
    logs: &Path,
) -> io::Result<()> {
    let mut out = io::stderr().lock();
    let name = format!("{} {} {seed}", scenario.name, form.name());
    let Some(outcome) = outcome else { return writeln!(out, "{name}: the harness failed, see above") };
    if let Some(reason) = &outcome.skipped {
        return writeln!(out, "{name}: skipped, because {reason}");
    }
    if !outcome.memory.is_empty() {
        let memory: Vec<_> = outcome.memory.iter().map(|parts| mebibytes(parts)).collect();
        writeln!(out, "{name}: memory of its processes in MiB: {}", memory.join(", "))?;
    }
    if outcome.violations.is_empty() {
        let Outcome { jobs, struck: (struck, steps), recovery, .. } = outcome;
        let recovery = recovery.as_secs_f64();
        return writeln!(
            out,
            "{name}: {jobs} jobs, {struck} of {steps} faults struck, well after {recovery:.1} s"
        );
    }
    writeln!(out, "{name} ({}):", scenario.about)?;
    for violation in &outcome.violations {
        writeln!(out, "  {violation}")?;
    }
    fs::create_dir_all(logs)?;
    let file = logs.join(format!("{}-{}-{seed}.log", scenario.name, form.name()));
    fs::write(&file, &outcome.log)?;
    writeln!(out, "  what the processes wrote is in {}", file.display())
}

/// How much memory processes have, one beside the other.
fn mebibytes(parts: &[u64]) -> String {
    let parts: Vec<_> = parts.iter().map(|bytes| (bytes >> 20).to_string()).collect();
    parts.join("+")
}

pub(crate) fn print(lines: &[Line], at_once: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{at_once} runs at once")?;
    writeln!(
        out,
        "fault      form         runs   jobs   struck  lost  doubled  stuck  other  worst recovery s  failing seeds"
    )?;
    for line in lines {
        let Line { fault, form, runs, jobs, struck: (struck, steps), .. } = line;
        let Line { lost, doubled, stuck, other, recovery, failed, .. } = line;
        let (form, struck) = (form.name(), format!("{struck}/{steps}"));
        // Where nothing comes at a time of its own there is no time after it.
        let recovery = if *steps > 0 { format!("{:.1}", recovery.as_secs_f64()) } else { "-".to_owned() };
        let failed: Vec<String> = failed.iter().map(u64::to_string).collect();
        let failed = failed.join(" ");
        writeln!(
            out,
            "{fault:<10} {form:<11} {runs:>5} {jobs:>6} {struck:>8} {lost:>5} {doubled:>8} {stuck:>6} {other:>6} {recovery:>17}  {failed}"
        )?;
    }
    Ok(())
}
