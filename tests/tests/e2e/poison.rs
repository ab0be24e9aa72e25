//! A job that takes its process with it costs itself an attempt, and the service nothing.

use pixmill_e2e::{Client, Picture, Server, eventually};
use serde_json::json;

use crate::walk::text;

#[tokio::test]
async fn a_job_whose_process_is_killed_is_tried_again() {
    let server = Server::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    let image = client.upload_png(1600, 1200).await.id;
    // A job may end between the look and the kill; then another one has to serve.
    for number in 0..10 {
        let body = json!({ "width": 1500 - number, "format": "avif", "saveImage": false });
        let job = client.transform(&image, &body).await;
        wait_for_work(&client, &job).await;
        assert!(server.kill_children() > 0, "pixels are worked on in child processes");
        client.completed(&job).await;
        let picture = Picture::of(&client.result(&job).await).expect("the result is an image");
        assert_eq!(picture.width as usize, 1500 - number);
        if client.job(&job).await["attempts"] == 2 {
            client.get("/health/ready").await.expect(200);
            return;
        }
    }
    panic!("no job of ten was still at work when its process was killed");
}

#[tokio::test]
async fn a_job_that_kills_every_process_is_given_up() {
    let server = Server::start(&[("RATE_LIMIT_REQUESTS", "0"), ("JOB_MAX_ATTEMPTS", "2")]).await;
    let client = server.user("anna").await;
    let image = client.upload_png(3000, 2000).await.id;
    let body = json!({ "width": 2900, "format": "avif", "saveImage": false });
    let job = client.transform(&image, &body).await;
    // Whatever works on it dies, until it is given up.
    let status = eventually("the end of the job", async || {
        server.kill_children();
        Some(client.status(&job).await).filter(|status| status["status"] != "pending")
    })
    .await;
    assert_eq!(status["status"], "failed", "{status}");
    assert_eq!(status["error"]["code"], "crashed", "{status}");
    assert_eq!(client.job(&job).await["attempts"], 2, "attempts never exceed the maximum");
    let small =
        client.transformed(&image, &json!({ "width": 30, "format": "png", "saveImage": false })).await;
    assert_eq!(Picture::of(&small).map(|picture| picture.width), Some(30), "its neighbours are not charged");
}

#[tokio::test]
async fn those_in_company_of_a_job_whose_process_is_killed_are_made_alone_after_that() {
    let server = Server::start(&[("RATE_LIMIT_REQUESTS", "0"), ("JOB_MAX_ATTEMPTS", "2")]).await;
    let client = server.user("anna").await;
    let image = client.upload_png(1600, 1200).await.id;
    // They may end between the look and the kill; then others have to serve.
    for number in 0..10 {
        let output = |width: u32| json!({ "width": width - number, "format": "avif", "saveImage": false });
        let body = json!({ "outputs": [output(800), output(500), output(300)] });
        let path = format!("/images/transform/{image}/batch");
        let answer = client.post(&path, &body).await.expect(202).json();
        let jobs: Vec<String> =
            answer["jobs"].as_array().expect("a list").iter().map(|job| text(&job["jobId"])).collect();
        wait_for_work(&client, &jobs[0]).await;
        assert!(server.kill_children() > 0, "pixels are worked on in child processes");
        let mut attempts = Vec::new();
        for job in &jobs {
            client.completed(job).await;
            attempts.push(client.job(job).await["attempts"].clone());
        }
        if attempts == [2, 2, 2] {
            return;
        }
    }
    panic!("no batch of ten was still at work when its process was killed");
}

async fn wait_for_work(client: &Client, job: &str) {
    eventually("a worker takes the job", async || (client.job(job).await["state"] != "queued").then_some(()))
        .await;
}
