//! What clients do while it is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pixmill_e2e::{Client, Server, eventually};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Clients that wait for one job before they send the next.
const WAITING: u32 = 4;
/// Clients that send whatever the servers take.
const FLOODING: usize = 64;
/// Whose they are.
const USERS: usize = 16;

/// How long each job took, and how long all of them took together.
pub(crate) struct Times {
    pub(crate) jobs: Vec<Duration>,
    pub(crate) together: Duration,
}

type Error = Box<dyn std::error::Error>;

/// A few clients, one job at a time each, which they follow to its end. A job's time is what its client saw.
pub(crate) async fn waiting(
    server: &Server,
    name: &str,
    file: &[u8],
    time: Duration,
) -> Result<Times, Error> {
    let client = server.user(&name.replace(' ', "-")).await;
    // Photos are JPEGs mostly.
    let source = client.upload(file.to_vec()).await;
    let body = json!({ "format": "jpeg", "quality": 90, "saveImage": false });
    let image = client.upload(client.transformed(&source.id, &body).await).await.id;
    let next = Arc::new(AtomicU32::new(0));
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..WAITING {
        clients.spawn(one_by_one(client.clone(), image.clone(), next.clone(), begun + time));
    }
    let jobs = clients.join_all().await.concat();
    Ok(Times { jobs, together: begun.elapsed() })
}

async fn one_by_one(client: Client, image: String, next: Arc<AtomicU32>, until: Instant) -> Vec<Duration> {
    let mut times = Vec::new();
    while Instant::now() < until {
        let number = next.fetch_add(1, Ordering::Relaxed);
        // No two alike, so that no work is spared.
        let (width, height) = (320 + number % 40, 240 + number / 40);
        let body = json!({ "width": width, "height": height, "saveImage": false });
        let begun = Instant::now();
        let job = client.transform(&image, &body).await;
        // The stream ends with the job. Polling would cost the servers more than the jobs do.
        let news = client.get(&format!("/jobs/{job}/events")).await.expect(200);
        times.push(begun.elapsed());
        let last = String::from_utf8_lossy(&news.body);
        assert!(last.contains("\"completed\""), "job {job} ended otherwise: {last}");
    }
    times
}

/// Many clients that do not wait, and jobs whose result is there. A job's time is what its record says, and most of it was
/// spent in the queue.
pub(crate) async fn flood(server: &Server, time: Duration) -> Result<Times, Error> {
    let mut users = Vec::new();
    for number in 0..USERS {
        let client = server.user(&format!("user-{number}")).await;
        let image = client.upload_png(16, 16).await.id;
        let first = client.transform(&image, &small()).await;
        client.completed(&first).await;
        users.push((client, image, first));
    }
    let until = Instant::now() + time;
    let mut clients = JoinSet::new();
    for number in 0..FLOODING {
        let (client, image, _) = users[number % USERS].clone();
        clients.spawn(async move {
            while Instant::now() < until {
                client.transform(&image, &small()).await;
            }
        });
    }
    clients.join_all().await;
    let mut records = Vec::new();
    for (client, _, first) in users {
        for state in ["queued", "running"] {
            eventually("all jobs are done", async || {
                let open = client.get(&format!("/jobs?limit=1&state={state}")).await.expect(200).json();
                open["items"].as_array().is_some_and(Vec::is_empty).then_some(())
            })
            .await;
        }
        let all = client.list("/jobs").await;
        records.extend(all.into_iter().filter(|job| job["id"] != first.as_str()));
    }
    let unfinished = records.iter().find(|job| job["state"] != "completed");
    if let Some(job) = unfinished {
        return Err(format!("a job was not completed: {job}").into());
    }
    let moment = |job: &Value, field: &str| millis(job[field].as_str().unwrap_or_default());
    let begun =
        records.iter().filter_map(|job| moment(job, "createdAt")).min().ok_or("no job was accepted")?;
    let ended = records.iter().filter_map(|job| moment(job, "updatedAt")).max().ok_or("no job has ended")?;
    let took = |job: &Value| Some(moment(job, "updatedAt")?.saturating_sub(moment(job, "createdAt")?));
    let jobs = records.iter().filter_map(took).map(Duration::from_millis).collect();
    Ok(Times { jobs, together: Duration::from_millis(ended.saturating_sub(begun)) })
}

fn small() -> Value {
    json!({ "width": 8, "saveImage": false })
}

/// Milliseconds since some midnight, of `2026-01-31T23:59:59.123Z`; a day is enough for a measurement.
fn millis(text: &str) -> Option<u64> {
    let (day, time) = text.trim_end_matches('Z').split_once('T')?;
    let day: u64 = day.rsplit('-').next()?.parse().ok()?;
    let mut parts = time.split([':', '.']).map(str::parse::<u64>);
    let mut next = || parts.next()?.ok();
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    Some((((day * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + next().unwrap_or(0))
}
