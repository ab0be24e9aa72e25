//! How fast jobs are done, from their submission to their end: `cargo xtask bench jobs`.
//!
//! Each line is a system of its own: everything in one process, or two servers and workers apart over MongoDB, RabbitMQ,
//! Redis and S3, with one worker and with two. A photo is made smaller by a few clients that each wait for one job before
//! they send the next; then many clients send jobs whose result is there already, so that all that is left is what a job
//! costs beside its pixels. Everything is on this machine, so all of them share its processors: ratios tell more than rates.
//!
//! `--photo FILE` takes the place of the photo of 6 megapixels, `--seconds N` changes how long each line takes, `--form FORM`
//! measures one of `embedded` and `distributed` alone, `--json FILE` writes the figures to a file too.

mod photo;
mod report;
mod rounds;

use std::process::ExitCode;
use std::time::Duration;

use pixmill_e2e::{Server, systems};

use crate::report::Line;

struct Options {
    /// Which forms: embedded is `false`.
    forms: Vec<bool>,
    json: Option<String>,
    photo: Option<String>,
    time: Duration,
}

/// Settings of everything that is measured: no rate limit, and no line in the log for each request.
const SETTINGS: [(&str, &str); 2] = [("RATE_LIMIT_REQUESTS", "0"), ("RUST_LOG", "warn")];
/// Jobs that workers take at once when the pixels are not what is measured.
const MANY: &str = "8";

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let options = parse(std::env::args().skip(1))?;
    let large = match &options.photo {
        Some(path) => std::fs::read(path)?,
        None => photo::png(3000, 2000),
    };
    let photos = [("small photo", photo::png(640, 480)), ("6 MP photo", large)];
    let mut lines = Vec::new();
    for &distributed in &options.forms {
        for workers in [1, 2] {
            let server = start(distributed, workers, "1").await;
            for (name, file) in &photos {
                let times = rounds::waiting(&server, name, file, options.time).await?;
                lines.push(Line::new(distributed, workers, name, times));
            }
            drop(server);
            let server = start(distributed, workers, MANY).await;
            let times = rounds::flood(&server, options.time).await?;
            lines.push(Line::new(distributed, workers, "no pixels", times));
        }
    }
    report::print(&lines)?;
    if let Some(path) = options.json {
        std::fs::write(path, format!("{:#}\n", report::json(&lines)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A system with so many workers, each of which takes so many jobs at once.
async fn start(distributed: bool, workers: usize, jobs_at_once: &str) -> Server {
    let mut settings = SETTINGS.to_vec();
    if distributed {
        settings.push(("WORKER_CONCURRENCY", jobs_at_once));
        return Server::start_parts(&systems(), &settings, 2, workers).await;
    }
    let all = (workers * jobs_at_once.parse::<usize>().expect("a number")).to_string();
    settings.push(("WORKER_CONCURRENCY", &all));
    Server::start(&settings).await
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { forms: vec![false, true], json: None, photo: None, time: Duration::from_secs(5) };
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--form" => match value.as_str() {
                "embedded" => options.forms = vec![false],
                "distributed" => options.forms = vec![true],
                _ => return Err(format!("there is no form {value}; use embedded or distributed")),
            },
            "--json" => options.json = Some(value),
            "--photo" => options.photo = Some(value),
            "--seconds" => {
                let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
                options.time = Duration::from_secs(seconds.ok_or_else(|| format!("{value} is no number"))?);
            }
            _ => {
                return Err(format!(
                    "there is no option {word}; use --photo FILE, --seconds N, --form FORM, --json FILE"
                ));
            }
        }
    }
    Ok(options)
}
