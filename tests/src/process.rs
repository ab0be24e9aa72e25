//! Processes seen from outside: who descends from whom, how much memory they take, and signals.

use std::fs;
use std::process::Command;

/// A process and all that descend from it, as they were at one moment.
pub struct ProcessTree {
    root: u32,
    processes: Vec<u32>,
}

impl ProcessTree {
    /// Looks now.
    pub fn of(root: u32) -> Self {
        let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(|process| Some((process, number(process, "PPid:")?)))
            .filter_map(|(process, parent)| Some((process, u32::try_from(parent).ok()?)))
            .collect();
        let mut processes = vec![root];
        let mut next = 0;
        while let Some(parent) = processes.get(next).copied() {
            processes.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
            next += 1;
        }
        Self { root, processes }
    }

    /// Those below the first.
    pub fn children(&self) -> &[u32] {
        &self.processes[1..]
    }

    /// The first.
    pub fn root(&self) -> u32 {
        self.root
    }

    /// Resident memory of all together, in bytes. What two of them share counts twice.
    pub fn memory(&self) -> u64 {
        self.processes.iter().filter_map(|process| number(*process, "VmRSS:")).sum::<u64>() * 1024
    }
}

/// The resident memory of one process, in bytes.
///
/// # Panics
/// If there is no such process.
pub(crate) fn memory(process: u32) -> u64 {
    let kilobytes = number(process, "VmRSS:");
    kilobytes.unwrap_or_else(|| panic!("process {process} has ended")) * 1024
}

/// The most resident memory that a process has had, in bytes, since its start or since
/// [`reset_peak_memory`].
///
/// # Panics
/// If there is no such process.
pub fn peak_memory(process: u32) -> u64 {
    let kilobytes = number(process, "VmHWM:");
    kilobytes.unwrap_or_else(|| panic!("process {process} has ended")) * 1024
}

/// Forgets what the process has had, so that its peak is what it has now; returns that, in bytes.
///
/// # Panics
/// If there is no such process or it is somebody else's.
pub fn reset_peak_memory(process: u32) -> u64 {
    // proc_pid_clear_refs(5): 5 resets the peak of the resident set.
    fs::write(format!("/proc/{process}/clear_refs"), "5").expect("the process is ours");
    peak_memory(process)
}

/// A number from the status of a process; `None` if it has ended.
fn number(process: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Whether a process stands still because of `SIGSTOP`.
pub fn stands_still(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && line.contains("T (stopped)"))
}

/// Sends a signal, named as `kill` names it.
///
/// # Panics
/// If there is no shell. It is no error if the process has ended.
pub fn signal(process: u32, name: &str) {
    // Every shell has it built in; not every system has it as a program.
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("kill -s {name} {process} 2>/dev/null || true")]);
    shell.status().expect("there is a shell");
}

/// Kills a process without warning.
///
/// # Panics
/// If there is no shell.
pub fn kill(process: u32) {
    signal(process, "KILL");
}
