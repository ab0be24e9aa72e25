//! How many jobs a second the server accepts for good. Each round has a server and a folder of its own, so that
//! the backlog of one does not slow the next; at the end of each the server is killed without warning, started
//! again, and asked for jobs that it had confirmed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pixmill_e2e::{Client, Connection, Server};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::SETTINGS;

/// Clients that submit at once.
pub(crate) const CLIENTS: usize = 64;
/// Confirmed jobs that are looked for after the kill.
const SAMPLE: usize = 100;

/// What the rounds came to.
pub(crate) struct Submissions {
    /// Accepted jobs per second, for each round.
    pub(crate) rates: Vec<f64>,
    /// How long each submission took, sorted.
    pub(crate) latencies: Vec<Duration>,
}

pub(crate) async fn measure(
    rounds: usize,
    time: Duration,
) -> Result<Submissions, Box<dyn std::error::Error>> {
    let (mut rates, mut latencies) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut server = Server::start(&SETTINGS).await;
        let client = server.user("anna").await;
        let image = client.upload_png(64, 48).await;
        let begun = Instant::now();
        let accepted = submit_all(&server, &client, &image.id, begun + time).await?;
        rates.push(accepted.len() as f64 / begun.elapsed().as_secs_f64());
        server.start_again().await;
        let client = client.at(server.address());
        let step = (accepted.len() / SAMPLE).max(1);
        for (job, _) in accepted.iter().step_by(step) {
            client.get(&format!("/jobs/{job}")).await.expect(200);
        }
        latencies.extend(accepted.into_iter().map(|(_, latency)| latency));
    }
    latencies.sort_unstable();
    Ok(Submissions { rates, latencies })
}

async fn submit_all(
    server: &Server,
    client: &Client,
    image: &str,
    until: Instant,
) -> Result<Vec<(String, Duration)>, Box<dyn std::error::Error>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..CLIENTS {
        let connection = Connection::open(server.address()).await?;
        let headers = [client.authorization(), "Content-Type: application/json".to_owned()];
        let path = format!("/images/transform/{image}");
        tasks.spawn(submit(connection, path, headers, next.clone(), until));
    }
    let mut accepted = Vec::new();
    while let Some(some) = tasks.join_next().await {
        accepted.extend(some??);
    }
    Ok(accepted)
}

async fn submit(
    mut connection: Connection,
    path: String,
    headers: [String; 2],
    next: Arc<AtomicUsize>,
    until: Instant,
) -> io::Result<Vec<(String, Duration)>> {
    let mut accepted = Vec::new();
    while Instant::now() < until {
        let number = next.fetch_add(1, Ordering::Relaxed);
        // No two alike, so that no work is spared.
        let (width, height) = (16 + number % 400, 16 + number / 400);
        let body = json!({ "width": width, "height": height, "format": "jpeg", "saveImage": false });
        let request = Connection::request("POST", &path, &headers, body.to_string().as_bytes());
        let begun = Instant::now();
        let reply = connection.exchange(&request).await?;
        let latency = begun.elapsed();
        let answer: Value = serde_json::from_slice(reply.body)?;
        match (reply.status, answer["jobId"].as_str()) {
            (202, Some(job)) => accepted.push((job.to_owned(), latency)),
            _ => return Err(io::Error::other(format!("a submission was answered with {answer}"))),
        }
    }
    Ok(accepted)
}
