//! How fast the API answers, beside a server that does nothing: `cargo xtask bench api`.
//!
//! One run measures in turns, several rounds of each, with one client that costs next to nothing:
//! status polls and cached results against a bare poem handler with a body of the same size; then durable
//! submissions; then polls and memory while 500 small transformations run; then polls and memory while 1,000
//! `WebSocket`s are open. Everything is on this machine, so the
//! client and the servers share its processors: ratios tell more than rates.
//!
//! `--json FILE` writes the figures to a file too; `--rounds N` and `--seconds N` change how long it takes.

mod bare;
mod hammer;
mod report;
mod streams;
mod submissions;

use std::process::ExitCode;
use std::time::Duration;

use pixmill_e2e::{Client, Connection, Server, load};
use pixmill_testkit::fixtures::png;
use serde_json::json;

use crate::bare::Bare;
use crate::hammer::hammer;
use crate::report::{Comparison, Figures};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that poll and fetch.
const CONNECTIONS: usize = 32;
/// Small transformations at once.
const JOBS: usize = 500;
/// Settings of every measured server: no rate limit, and no line in the log for each request.
const SETTINGS: [(&str, &str); 2] = [("RATE_LIMIT_REQUESTS", "0"), ("RUST_LOG", "warn")];

struct Options {
    json: Option<String>,
    rounds: usize,
    time: Duration,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, lengths @ ..] = arguments.as_slice()
        && first == bare::ARGUMENT
    {
        bare::serve(lengths).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = parse(&arguments)?;
    let (status, image) = compare(&options).await?;
    let submissions = submissions::measure(options.rounds, options.time).await?;
    let server = Server::start(&SETTINGS).await;
    let client = server.user("anna").await;
    let under_load = load(&server, &client, JOBS).await;
    drop(server);
    let streams = streams::measure(options.time).await?;
    let figures = Figures { status, image, submissions, under_load, streams };
    figures.print()?;
    if let Some(path) = options.json {
        std::fs::write(path, format!("{:#}\n", figures.json()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { json: None, rounds: 5, time: Duration::from_secs(2) };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number =
            || value.parse::<u32>().ok().filter(|n| *n > 0).ok_or_else(|| format!("{value} is no number"));
        match word.as_str() {
            "--json" => options.json = Some(value.clone()),
            "--rounds" => options.rounds = number()? as usize,
            "--seconds" => options.time = Duration::from_secs(number()?.into()),
            _ => return Err(format!("there is no option {word}; use --json FILE, --rounds N, --seconds N")),
        }
    }
    Ok(options)
}

/// Polls and cached results, each beside the bare handler.
async fn compare(options: &Options) -> Result<(Comparison, Comparison), Box<dyn std::error::Error>> {
    let server = Server::start(&SETTINGS).await;
    let client = server.user("anna").await;
    let image = client.upload(png(800, 600)).await;
    let body = json!({ "width": 96, "format": "jpeg", "saveImage": false });
    let job = client.transform(&image.id, &body).await;
    client.completed(&job).await;
    let status_path = format!("/api/JobStatus/{job}");
    let image_path = format!("/images/transformedImage/{job}");
    let lengths = [client.get(&status_path).await.body.len(), client.get(&image_path).await.body.len()];
    let bare = Bare::start(lengths)?;

    let get = |path: &str, client: &Client| Connection::request("GET", path, &[client.authorization()], b"");
    let targets = [
        (bare.address(), get(bare::PATHS[0], &client)),
        (server.address(), get(&status_path, &client)),
        (bare.address(), get(bare::PATHS[1], &client)),
        (server.address(), get(&image_path, &client)),
    ];
    let mut rates = [const { Vec::new() }; 4];
    // The first round warms up and does not count.
    for round in 0..=options.rounds {
        for ((address, request), rates) in targets.iter().zip(&mut rates) {
            let rate = hammer(address, request, CONNECTIONS, options.time).await?;
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    let [bare_status, status, bare_image, image] = rates;
    Ok((
        Comparison { bytes: lengths[0], bare: bare_status, ours: status },
        Comparison { bytes: lengths[1], bare: bare_image, ours: image },
    ))
}
