//! A web page from another origin in a real browser: what CORS allows, and what it does not.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use pixmill_e2e::Server;
use pixmill_testkit::fixtures::png;
use tokio::runtime::Runtime;

use crate::{Stop, tools};

pub(crate) fn page_of_another_origin() -> Result<(), Stop> {
    let (node, chromium) = (tools::node()?, tools::chromium()?);
    let failed = |what: &str, error: std::io::Error| Stop::Failed(format!("{what}: {error}"));
    let scratch = tempfile::tempdir().map_err(|error| failed("no temporary folder", error))?;
    let picture = scratch.path().join("picture.png");
    fs::write(&picture, png(40, 30)).map_err(|error| failed("can't write the picture", error))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/page.mjs");
    fs::copy(script, node.join("page.mjs")).map_err(|error| failed("can't copy page.mjs", error))?;

    let mut pages = Command::new("node");
    pages.arg(node.join("page.mjs")).arg(chromium).arg(&picture).env("HOME", scratch.path());
    pages.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut pages = pages.spawn().map_err(|error| failed("can't start node", error))?;
    let mut output = BufReader::new(pages.stdout.take().expect("it is piped"));
    let mut origins = String::new();
    output.read_line(&mut origins).map_err(|error| failed("node says nothing", error))?;
    let allowed = origins.split_whitespace().next().unwrap_or_default();

    let runtime = Runtime::new().map_err(|error| failed("no runtime", error))?;
    let server = runtime.block_on(Server::start(&[("CORS_ALLOWED_ORIGINS", allowed)]));
    let mut input = pages.stdin.take().expect("it is piped");
    writeln!(input, "{}", server.address()).map_err(|error| failed("node does not listen", error))?;
    drop(input);
    let mut text = String::new();
    output.read_to_string(&mut text).map_err(|error| failed("node breaks off", error))?;
    let ended = pages.wait_with_output().map_err(|error| failed("node does not end", error))?;
    if ended.status.success() && text.trim() == "the pages are done" {
        return Ok(());
    }
    Err(Stop::Failed(format!("{origins}{text}\n{}", String::from_utf8_lossy(&ended.stderr))))
}
