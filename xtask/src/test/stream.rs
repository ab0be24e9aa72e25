//! Runs a program, shows what it prints as it prints it, and hands each line to a reader.
//!
//! Both of the program's streams go through one pipe: cargo names a test binary on standard error and the
//! binary reports on standard output, and only one pipe keeps their order.

use std::{
    io::{self, IsTerminal, Read, Write, pipe},
    process::{Child, Command},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use crate::{cargo::cannot_start, failure::Failure};

/// How long the pipe may stay silent before we look whether the program has ended.
const QUIET: Duration = Duration::from_millis(500);

/// Runs `command` to its end, shows its output, and returns whether it succeeded. `reader` gets every line
/// without line feed and without colour codes.
pub(super) fn run(mut command: Command, reader: impl FnMut(&str)) -> Result<bool, Failure> {
    if io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    run_onto(io::stdout(), command, reader)
}

fn run_onto(
    mut screen: impl Write,
    mut command: Command,
    mut reader: impl FnMut(&str),
) -> Result<bool, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("cannot follow the tests: {error}"));
    let (output, input) = pipe().map_err(failed)?;
    command.stdout(input.try_clone().map_err(failed)?).stderr(input);
    let mut child = command.spawn().map_err(|error| cannot_start("cargo test", &error))?;
    // The command still holds the pipe's writing end, which would never let it end.
    drop(command);

    let mut lines = Lines::default();
    follow(&mut child, &chunks(output), |chunk| {
        // A screen that went away must not stop the tests from being counted.
        let _ = screen.write_all(chunk).and_then(|()| screen.flush());
        lines.push(chunk, &mut reader);
    })
    .map_err(failed)?;
    lines.end(&mut reader);
    Ok(child.wait().map_err(failed)?.success())
}

/// Reads on a thread of its own, so that the pipe and the program's end can be watched together.
fn chunks(mut output: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Passes chunks on until the pipe closes. A process that a test left behind keeps the pipe open for ever:
/// then the end of `child` and a silent pipe are taken for the end.
fn follow(child: &mut Child, chunks: &Receiver<Vec<u8>>, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    loop {
        match chunks.recv_timeout(QUIET) {
            Ok(chunk) => take(&chunk),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) if child.try_wait()?.is_some() => {
                eprintln!("note: a test left a process behind that still holds the tests' output");
                return Ok(());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Cuts chunks into lines.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn push(&mut self, chunk: &[u8], reader: &mut impl FnMut(&str)) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.end(reader);
            }
        }
    }

    fn end(&mut self, reader: &mut impl FnMut(&str)) {
        if !self.rest.is_empty() {
            let line = String::from_utf8_lossy(&self.rest);
            reader(&without_colour(line.trim_end_matches(['\r', '\n'])));
            self.rest.clear();
        }
    }
}

/// Removes ANSI control sequences: escape, `[`, parameters, one final letter.
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, sequence)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = sequence.find(|character: char| ('@'..='~').contains(&character));
        rest = end.map_or("", |end| &sequence[end + 1..]);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&str]) -> Vec<String> {
        let mut seen = Vec::new();
        let mut lines = Lines::default();
        let mut reader = |line: &str| seen.push(line.to_owned());
        for chunk in chunks {
            lines.push(chunk.as_bytes(), &mut reader);
        }
        lines.end(&mut reader);
        seen
    }

    #[test]
    fn lines_do_not_depend_on_where_chunks_end() {
        assert_eq!(lines(&["one\ntw", "o\r\n", "\nlast"]), ["one", "two", "", "last"]);
        assert_eq!(lines(&["a\n"]), ["a"]);
        assert!(lines(&[""]).is_empty());
    }

    #[test]
    fn colours_are_removed() {
        let coloured = "\u{1b}[1m\u{1b}[92m     Running\u{1b}[0m tests/a.rs \u{1b}[32mok\u{1b}[m";
        assert_eq!(without_colour(coloured), "     Running tests/a.rs ok");
        assert_eq!(without_colour("cut short \u{1b}[3"), "cut short ");
    }

    #[cfg(unix)]
    #[test]
    fn both_streams_arrive_in_order_and_the_exit_code_counts() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; echo three; exit 3"]);
        let mut seen = Vec::new();
        let mut screen = Vec::new();
        let succeeded = run_onto(&mut screen, command, |line| seen.push(line.to_owned())).expect("sh starts");
        assert!(!succeeded);
        assert_eq!(screen, b"one\ntwo\nthree\n");
        assert_eq!(seen, ["one", "two", "three"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_process_left_behind_does_not_hold_us_up() {
        let (blocked, release) = pipe().expect("a pipe can be made");
        let mut command = Command::new("sh");
        // `cat` outlives the shell and keeps its output open, until its own input ends when the test does.
        command.args(["-c", "exec 3<&0 0</dev/null; echo started; cat <&3 & exit 0"]).stdin(blocked);
        let mut seen = Vec::new();
        assert!(run_onto(io::sink(), command, |line| seen.push(line.to_owned())).expect("sh starts"));
        assert_eq!(seen, ["started"]);
        drop(release);
    }
}
