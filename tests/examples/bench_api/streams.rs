//! What open `WebSocket`s cost: memory for each, and the time that others wait for an answer beside them.

use std::io;
use std::time::{Duration, Instant};

use pixmill_e2e::{Client, Connection, Server};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::SETTINGS;

/// `WebSocket`s that are open at once.
pub(crate) const SOCKETS: usize = 1000;
/// Connections that poll meanwhile.
const POLLERS: usize = 8;
/// How often each of them polls.
const POLL_EVERY: Duration = Duration::from_millis(10);

/// What was seen.
pub(crate) struct Streams {
    /// Memory of the server for each open socket, in bytes.
    pub(crate) bytes_each: f64,
    /// How long polls took without sockets, sorted.
    pub(crate) alone: Vec<Duration>,
    /// How long polls took beside them, sorted.
    pub(crate) beside: Vec<Duration>,
}

pub(crate) async fn measure(time: Duration) -> Result<Streams, Box<dyn std::error::Error>> {
    let server = Server::start(&SETTINGS).await;
    let client = server.user("anna").await;
    let image = client.upload_png(64, 48).await;
    let job = client.transform(&image.id, &json!({ "width": 32, "saveImage": false })).await;
    client.completed(&job).await;
    // The first polls warm up and do not count.
    poll(&server, &client, &job, time).await?;
    let alone = poll(&server, &client, &job, time).await?;
    let before = server.processes().memory();
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        let url = format!("{}/ws", server.address().replace("http://", "ws://"));
        let mut request = url.into_client_request()?;
        let token = format!("Bearer {}", client.token().unwrap_or_default());
        request.headers_mut().insert("authorization", token.parse()?);
        sockets.push(connect_async(request).await?.0);
    }
    let beside = poll(&server, &client, &job, time).await?;
    let more = server.processes().memory().saturating_sub(before);
    drop(sockets);
    Ok(Streams { bytes_each: more as f64 / SOCKETS as f64, alone, beside })
}

/// Polls a job at a steady pace for so long; returns how long each answer took, sorted.
async fn poll(server: &Server, client: &Client, job: &str, time: Duration) -> io::Result<Vec<Duration>> {
    let request =
        Connection::request("GET", &format!("/api/JobStatus/{job}"), &[client.authorization()], b"");
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for _ in 0..POLLERS {
        let (mut connection, request) = (Connection::open(server.address()).await?, request.clone());
        tasks.spawn(async move {
            let mut pace = interval(POLL_EVERY);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut took = Vec::new();
            while Instant::now() < until {
                pace.tick().await;
                let begun = Instant::now();
                connection.exchange(&request).await?;
                took.push(begun.elapsed());
            }
            io::Result::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = tasks.join_next().await {
        all.extend(took??);
    }
    all.sort_unstable();
    Ok(all)
}
