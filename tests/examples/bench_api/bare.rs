//! The server that does nothing: a poem handler that answers JSON of a given length, in a process of its own as
//! the real server has one.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use poem::endpoint::make_sync;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::Json;
use poem::{IntoResponse, Route};
use serde::Serialize;

/// The first argument of a process that is to be this server; the lengths follow.
pub(crate) const ARGUMENT: &str = "--bare";
/// Where it answers, in the order of the lengths.
pub(crate) const PATHS: [&str; 2] = ["/status", "/image"];

#[derive(Clone, Serialize)]
struct Answer {
    padding: String,
}

impl Answer {
    /// As many bytes of JSON as that, or as few as there can be.
    fn of_length(bytes: usize) -> Self {
        Self { padding: "x".repeat(bytes.saturating_sub("{\"padding\":\"\"}".len())) }
    }
}

/// Runs the server for ever.
pub(crate) async fn serve(lengths: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let mut route = Route::new();
    for (path, length) in PATHS.into_iter().zip(lengths) {
        let answer = Answer::of_length(length.parse()?);
        route = route.at(path, make_sync(move |_| Json(answer.clone()).into_response()));
    }
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
    let address = acceptor.local_addr().first().map(ToString::to_string).unwrap_or_default();
    let mut out = io::stdout();
    writeln!(out, "{}", address.trim_start_matches("socket://"))?;
    out.flush()?;
    Ok(poem::Server::new_with_acceptor(acceptor).run(route).await?)
}

/// The running server; it ends with this.
pub(crate) struct Bare {
    process: Child,
    address: String,
}

impl Bare {
    pub(crate) fn start(lengths: [usize; 2]) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ARGUMENT).args(lengths.map(|length| length.to_string()));
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().expect("standard output was asked to be piped");
        let mut server = Self { process, address: String::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.trim().is_empty() {
            return Err(io::Error::other("the bare server did not start"));
        }
        line.trim().clone_into(&mut server.address);
        Ok(server)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
