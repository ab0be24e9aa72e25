//! What can be the matter with the disk and the data folder of one process alone.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::sleep;

use super::super::crowd::Crowd;
use super::super::scenarios::Need;
use super::Target;
use crate::program::Home;
use crate::server::Server;

/// SQLite's file format, section 4: the log begins with a header, and each frame has one before its page.
const LOG: &str = "pixmill.db-wal";
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// A folder with what a scenario needs of it.
pub(super) fn home(needs: &[Need]) -> Result<Home, String> {
    for need in needs {
        match need {
            Need::Room(bytes) => return Home::with_room(*bytes),
            Need::Tracer => traced("--version")
                .status()
                .map(drop)
                .map_err(|error| format!("there is no `strace`: {error}"))?,
            Need::Broker => {}
        }
    }
    Ok(Home::new())
}

impl Target {
    /// Lets the disk answer every attempt to sync with EIO for a while, by a tracer that stands in for the kernel.
    /// Returns whether anything was to be synced meanwhile.
    pub(super) async fn fail_sync(&self, time: Duration) -> bool {
        let server = self.server();
        let (process, log) = (server.processes().root(), server.home().path().join("strace.log"));
        let mut tracer = traced("-f");
        tracer.args(["-qq", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO", "-o"]);
        let mut tracer = tracer.arg(&log).args(["-p", &process.to_string()]).spawn().expect("it ran before");
        sleep(time).await;
        crate::process::signal(tracer.id(), "INT");
        tracer.wait().expect("one may wait for one's own child");
        fs::read_to_string(log).is_ok_and(|log| log.contains("(INJECTED)"))
    }

    /// Kills the process and leaves what a write that was cut short leaves: at the end of the database's log a frame of which
    /// only so many bytes arrived. Cutting off what was synced would prove nothing: no store survives the loss of what it has
    /// been told is safe. Returns whether there was a log.
    pub(super) async fn tear_log(&mut self, bytes: usize, crowd: &Crowd) -> bool {
        self.parts[0].process.kill9();
        let path = self.server().home().data().join(LOG);
        let log = fs::read(&path).unwrap_or_default();
        let page =
            log.get(8..12).and_then(|size| size.first_chunk()).map_or(0, |size| u32::from_be_bytes(*size));
        let frame = FRAME_HEADER + page as usize;
        let torn = page > 0 && log.len() >= LOG_HEADER + frame;
        if torn {
            // The last frame once more: what begins like a good one must be told by its checksum.
            let last = LOG_HEADER + (log.len() - LOG_HEADER) / frame * frame - frame;
            let mut file = OpenOptions::new().append(true).open(path).expect("the log is ours");
            file.write_all(&log[last..last + bytes.min(frame - 1)]).expect("there is room");
        }
        self.start_again(0, crowd).await;
        torn
    }

    /// Starts a second process in the folder, which must be refused in words that help.
    pub(super) async fn start_second(&self, crowd: &Crowd) -> bool {
        let first = self.server();
        let second = Server::try_start(first.home(), &[], &[]).await;
        let (folder, holder) = ("data", format!("in use by process {}", first.processes().root()));
        match second {
            Err(ended) if ended.stderr.contains(folder) && ended.stderr.contains(&holder) => {}
            Err(ended) => crowd.note(|notes| {
                notes.odd_text(format!("a second process on the folder was refused with {}", ended.stderr));
            }),
            Ok(_) => {
                crowd.note(|notes| notes.odd_text("a second process was let into the folder".to_owned()));
            }
        }
        true
    }
}

/// A tracer with this first argument, that says nothing.
fn traced(argument: &str) -> Command {
    let mut tracer = Command::new("strace");
    tracer.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    tracer
}
