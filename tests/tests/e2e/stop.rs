//! Stopping in order: SIGTERM in the middle of the work ends the process well and loses nothing.

use pixmill_e2e::Server;
use serde_json::json;

#[tokio::test]
async fn sigterm_while_jobs_run_loses_nothing() {
    let mut server = Server::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    client.get("/health/ready").await.expect(200);
    let image = client.upload_png(1200, 900).await;
    let mut jobs = Vec::new();
    for number in 0..24 {
        let body =
            json!({ "width": 600 + number, "format": "webp", "saveImage": number % 2 == 0, "version": 1 });
        jobs.push(client.transform(&image.id, &body).await);
    }
    let children = server.processes().children().to_vec();
    let status = server.terminate().await;
    assert!(status.success(), "SIGTERM ended the server with {status}: {}", server.log());
    let alive = children.iter().filter(|child| pixmill_e2e::ProcessTree::of(**child).memory() > 0);
    assert_eq!(alive.count(), 0, "no child outlives the server");
    assert!(server.home().temporary_files().is_empty(), "nothing is left half-written");

    server.start_again().await;
    let client = client.at(server.address());
    client.get("/health/ready").await.expect(200);
    for job in &jobs {
        client.completed(job).await;
        // One attempt that was cut short at most, and the one that completed it.
        assert!(client.job(job).await["attempts"].as_u64().is_some_and(|attempts| attempts <= 2));
    }
    assert_eq!(client.list("/jobs").await.len(), jobs.len());
}
