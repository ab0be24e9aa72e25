//! Many small transformations at once: whether all complete, how long status polls take meanwhile, and how much
//! memory the server's processes use. Who calls it decides what is good enough.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::client::Client;
use crate::process::ProcessTree;
use crate::raw::Connection;
use crate::server::Server;
use crate::wait::DEADLINE;

/// Connections that submit.
const SUBMITTERS: usize = 50;
/// Connections that poll.
const POLLERS: usize = 8;
/// How often each of them polls, if the answer before is there by then.
const POLL_EVERY: Duration = Duration::from_millis(10);
/// How often memory is looked at.
const SAMPLE_EVERY: Duration = Duration::from_millis(50);

/// What was seen.
#[derive(Debug)]
pub struct LoadReport {
    /// Jobs that were submitted.
    pub jobs: usize,
    /// Jobs that completed.
    pub completed: usize,
    /// From the first submission to the last completion.
    pub took: Duration,
    /// How long each status poll took, sorted.
    pub polls: Vec<Duration>,
    /// The most resident memory that the server and its children had together, in bytes.
    pub peak_memory: u64,
}

/// The value below which this share of the sorted values lies.
///
/// # Panics
/// If there are no values.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().checked_sub(1).expect("something was measured");
    sorted[((sorted.len() as f64 * share) as usize).min(last)]
}

/// Submits `jobs` small transformations of one image at once, no two alike, and polls each until it has ended.
/// The server must have no rate limit.
///
/// # Panics
/// If a request is not answered as it should be, or the jobs don't end in time.
pub async fn load(server: &Server, client: &Client, jobs: usize) -> LoadReport {
    let image = client.upload_png(640, 480).await;
    let peak = Arc::new(AtomicU64::new(0));
    let watch = tokio::spawn(watch_memory(server.processes().root(), peak.clone()));
    let begun = Instant::now();

    let mut pollers = JoinSet::new();
    let mut lanes = Vec::new();
    for _ in 0..POLLERS {
        let (lane, ids) = unbounded_channel();
        lanes.push(lane);
        pollers.spawn(poll(server.address().to_owned(), client.authorization(), ids));
    }
    let next = Arc::new(AtomicUsize::new(0));
    for submitter in 0..SUBMITTERS.min(jobs) {
        let lane = lanes[submitter % POLLERS].clone();
        tokio::spawn(submit(client.clone(), image.id.clone(), next.clone(), jobs, lane));
    }
    // The pollers stop when the last submitter drops its end and all they know of has ended.
    drop(lanes);
    let seen = timeout(DEADLINE, pollers.join_all()).await.expect("the jobs end in time");
    watch.abort();
    let completed = seen.iter().map(|(completed, _)| completed).sum();
    let mut polls: Vec<Duration> = seen.into_iter().flat_map(|(_, polls)| polls).collect();
    polls.sort_unstable();
    LoadReport { jobs, completed, took: begun.elapsed(), polls, peak_memory: peak.load(Ordering::Relaxed) }
}

async fn submit(
    client: Client,
    image: String,
    next: Arc<AtomicUsize>,
    jobs: usize,
    lane: UnboundedSender<String>,
) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= jobs {
            return;
        }
        let job = client.transform(&image, &small_transformation(number)).await;
        lane.send(job).expect("pollers outlive submitters");
    }
}

/// A thumbnail whose size differs for each of the first few thousand numbers.
fn small_transformation(number: usize) -> Value {
    let (width, height) = (100 + number % 60, 75 + number / 60);
    json!({ "width": width, "height": height, "format": "jpeg", "saveImage": false })
}

/// Polls jobs in turn; returns how many completed and how long each poll took.
async fn poll(
    address: String,
    authorization: String,
    mut ids: UnboundedReceiver<String>,
) -> (usize, Vec<Duration>) {
    let mut connection = Connection::open(&address).await.expect("the server listens");
    let (mut open, mut completed, mut polls) = (VecDeque::new(), 0, Vec::new());
    let mut ticks = interval(POLL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        while let Ok(id) = ids.try_recv() {
            open.push_back(id);
        }
        let Some(id) = open.pop_front() else {
            match ids.recv().await {
                Some(id) => open.push_back(id),
                None => return (completed, polls),
            }
            continue;
        };
        let path = format!("/api/JobStatus/{id}");
        let request = Connection::request("GET", &path, std::slice::from_ref(&authorization), b"");
        let begun = Instant::now();
        let reply = connection.exchange(&request).await.expect("the server answers");
        polls.push(begun.elapsed());
        let status: Value = serde_json::from_slice(reply.body).expect("a status is JSON");
        match status["status"].as_str() {
            Some("pending") => open.push_back(id),
            Some("completed") => completed += 1,
            _ => {}
        }
    }
}

async fn watch_memory(process: u32, peak: Arc<AtomicU64>) {
    let mut ticks = interval(SAMPLE_EVERY);
    loop {
        ticks.tick().await;
        peak.fetch_max(ProcessTree::of(process).memory(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_small_transformations_are_alike() {
        let all: HashSet<String> = (0..3000).map(|number| small_transformation(number).to_string()).collect();
        assert_eq!(all.len(), 3000);
    }

    #[test]
    fn percentiles_stay_within_what_was_measured() {
        let values: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 0.0), Duration::from_millis(1));
        assert_eq!(percentile(&values, 0.99), Duration::from_millis(100));
        assert_eq!(percentile(&values, 1.0), Duration::from_millis(100));
    }
}
