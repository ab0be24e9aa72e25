//! What the system says of processes, read from `/proc`, and the signals sent to them.

use std::fs;
use std::future::Future;
use std::process::Command;
use std::time::Duration;

/// The children of this process that are alive.
pub(crate) fn children() -> Vec<u32> {
    let me = std::process::id();
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    processes.filter(|pid| stat(*pid).is_some_and(|stat| stat.parent == me && !stat.is_over())).collect()
}

/// The only child of this process.
pub(crate) fn only_child() -> u32 {
    let children = children();
    assert_eq!(children.len(), 1, "{children:?}");
    children[0]
}

/// Whether a process exists and is not merely waiting to be collected.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| !stat.is_over())
}

/// Whether a process has computed for a while, which starting up does not take.
pub(crate) fn has_worked(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| stat.ticks >= 10)
}

/// A file of a process below `/proc`.
pub(crate) fn proc_file(pid: u32, name: &str) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{name}")).unwrap()).into_owned()
}

/// Sends a signal, by its name without `SIG`.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid}")).status().unwrap();
    assert!(sent.success());
}

/// Waits until `condition` holds; fails after a minute.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    within(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Waits for `future`; fails after a minute.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(Duration::from_mins(1), future).await;
    result.unwrap_or_else(|_| panic!("{what} did not come"))
}

struct Stat {
    state: char,
    parent: u32,
    /// Time spent computing, in hundredths of a second.
    ticks: u64,
    threads: u32,
}

impl Stat {
    /// A killed process is over when its last thread is, which may come later than its first thread's end.
    fn is_over(&self) -> bool {
        self.state == 'Z' && self.threads <= 1
    }
}

/// proc(5): the fields after the program's name in parentheses.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Some(Stat {
        state: fields[0].chars().next()?,
        parent: fields[1].parse().unwrap(),
        ticks,
        threads: fields[17].parse().unwrap(),
    })
}
