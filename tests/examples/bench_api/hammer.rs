//! The same request over and over, on connections that are kept open, one request at a time on each.

use std::time::{Duration, Instant};

use pixmill_e2e::Connection;
use tokio::task::JoinSet;

/// Sends `request` for as long as `time` on so many connections; returns answers per second.
pub(crate) async fn hammer(
    address: &str,
    request: &[u8],
    connections: usize,
    time: Duration,
) -> Result<f64, Box<dyn std::error::Error>> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in open {
        tasks.spawn(ask(connection, request.to_vec(), begun + time));
    }
    let mut answers = 0;
    while let Some(counted) = tasks.join_next().await {
        answers += counted??;
    }
    Ok(answers as f64 / begun.elapsed().as_secs_f64())
}

async fn ask(mut connection: Connection, request: Vec<u8>, until: Instant) -> std::io::Result<u64> {
    let mut answers = 0;
    while Instant::now() < until {
        let reply = connection.exchange(&request).await?;
        if reply.status != 200 {
            return Err(std::io::Error::other(format!("answered with {}", reply.head)));
        }
        answers += 1;
    }
    Ok(answers)
}
