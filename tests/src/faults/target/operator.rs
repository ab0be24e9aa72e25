//! What an operator does with jobs that failed: opens them anew, all at once, twice at the same time, and again.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::process::Child;
use tokio::time::{Instant, sleep};

use super::super::crowd::Crowd;
use super::super::record::Redriving;
use super::Target;
use crate::server::Server;
use crate::wait::eventually;

/// Makes every attempt end in a failure that nobody but an operator mends.
const BROKEN: &str = "break before processor.process 1+";
/// How long clients may take to get so many jobs accepted.
const FAILING: Duration = Duration::from_secs(120);
/// How long it may take until the last is opened.
const OPENING: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

impl Target {
    /// Lets so many jobs fail, and time pass until they may be opened anew.
    pub(super) async fn dead_letters(&mut self, jobs: usize, crowd: &Crowd) -> bool {
        for worker in self.workers() {
            let broken = self.start_again_with(worker, &[("PIXMILL_FAULT", BROKEN)]).await;
            broken.unwrap_or_else(|ended| panic!("it did not start: {ended}"));
            self.understood(worker).await;
        }
        crowd.move_to(self.addresses());
        let enough = crowd.more(jobs as u64, FAILING * self.scale as u32).await;
        self.much_later().await;
        crowd.move_to(self.addresses());
        enough
    }

    /// Opens all failed jobs anew, at most so many in a second: first by a command that is killed before it is done, then by
    /// two at the same time and by requests beside them, and again until none is left.
    pub(super) async fn redrive(&mut self, per_second: u32, crowd: &Crowd) -> bool {
        let (server, client) = (self.server(), crowd.client().at_all(self.addresses()));
        said(server.beside(&["admin", "user", "set-role", "anna", "operator"])).await;
        let failed = letters(server).await;
        crowd.note(|notes| notes.redriven.extend(failed.iter().cloned()));
        let Some(first) = failed.first() else { return false };
        // The role is known soon, and what attempts left behind is swept soon.
        eventually("the first job may be opened anew", async || {
            let answer = client.post(&format!("/admin/jobs/{first}/redrive"), &json!({})).await;
            (answer.status == 200).then_some(())
        })
        .await;

        let mut killed = command(server, per_second);
        let most = failed.len();
        eventually("some are opened anew", async || (letters(server).await.len() < most - 1).then_some(()))
            .await;
        killed.kill().await.expect("one may kill one's own child");

        let deadline = Instant::now() + OPENING * self.scale as u32;
        while !letters(server).await.is_empty() && Instant::now() < deadline {
            let begun = Instant::now();
            let (one, other) = (command(server, per_second), command(server, per_second));
            for opened in [opened(one).await, opened(other).await] {
                let took = begun.elapsed();
                crowd.note(|notes| notes.redrivings.push(Redriving { opened, per_second, took }));
            }
            for job in failed.iter().take(AGAIN) {
                // Opened is opened.
                client.post(&format!("/admin/jobs/{job}/redrive"), &json!({})).await;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        true
    }
}

/// How many jobs are asked for once more one by one.
const AGAIN: usize = 5;

/// The jobs that may be opened anew.
async fn letters(server: &Server) -> Vec<String> {
    let listed = said(server.beside(&["admin", "dead-letters", "list", "--limit", "1000000"])).await;
    listed.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
}

/// What a command prints, which must succeed. Whoever stands between it and its systems is of this process, and must not be kept
/// waiting.
async fn said(command: Command) -> String {
    let mut command = tokio::process::Command::from(command);
    let output = command.output().await.expect("the program is there");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The command that opens all anew.
fn command(server: &Server, per_second: u32) -> Child {
    let per_second = per_second.to_string();
    let command = server.beside(&["admin", "dead-letters", "redrive", "--all", "--per-second", &per_second]);
    let mut command = tokio::process::Command::from(command);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program is there")
}

/// How many a command says that it has opened.
async fn opened(command: Child) -> u64 {
    let done = command.wait_with_output().await.expect("one may wait for one's own child");
    let said = String::from_utf8_lossy(&done.stdout);
    said.split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("it said {said:?}"))
}
