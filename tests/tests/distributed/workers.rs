//! A worker that vanishes: the other does its jobs, and each of them once.

use pixmill_e2e::{Server, eventually};
use serde_json::json;

#[tokio::test]
async fn jobs_of_a_killed_worker_are_done_by_the_other() {
    let settings = [("LEASE_SECS", "3"), ("SWEEP_INTERVAL_SECS", "1"), ("WORKER_CONCURRENCY", "1")];
    let mut server = Server::start_distributed(&settings).await;
    let client = server.user("anna").await;
    let image = client.upload_png(1200, 900).await.id;
    let mut jobs = Vec::new();
    for quality in 80..86 {
        // Slow enough to be under way when the worker goes.
        let body = json!({ "format": "avif", "quality": quality, "saveImage": true });
        jobs.push(client.transform(&image, &body).await);
    }
    eventually("both workers are at a job", async || {
        let running = client.get("/jobs?state=running").await.expect(200).json();
        (running["items"].as_array().map(Vec::len) == Some(2)).then_some(())
    })
    .await;
    server.workers()[0].kill9();
    let mut versions = Vec::new();
    let mut attempts = 0;
    for job in &jobs {
        client.completed(job).await;
        let job = client.job(job).await;
        versions.push(job["result"]["version"].as_u64().expect("a number"));
        attempts += job["attempts"].as_u64().expect("a number");
    }
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5, 6, 7], "each job has made one version");
    // One attempt was cut short, unless it had just ended.
    assert!(attempts <= jobs.len() as u64 + 1, "{attempts} attempts at {} jobs", jobs.len());
}
