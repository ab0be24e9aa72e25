//! Several results of one image with one request, from the request to the files.

use pixmill_e2e::{Answer, Client, Picture};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::walk::text;

const WIDTHS: [u64; 5] = [600, 300, 150, 75, 30];

/// Asks for a result of each width under a key, and gives the ids of the jobs.
async fn submit(client: &Client, image: &str, key: &str, save: bool) -> Vec<String> {
    let outputs = WIDTHS.map(|width| json!({ "width": width, "format": "jpeg", "saveImage": save }));
    let request = client
        .request(Method::POST, &format!("/images/transform/{image}/batch"))
        .header("Idempotency-Key", key)
        .header(CONTENT_TYPE, "application/json")
        .body(json!({ "outputs": outputs }).to_string());
    let answer = Answer::to(request).await.expect(202).json();
    assert_eq!(answer["message"], "Jobs submitted successfully");
    answer["jobs"].as_array().expect("a list of jobs").iter().map(|job| text(&job["jobId"])).collect()
}

#[tokio::test]
async fn every_size_of_a_photo_with_one_request() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    let image = client.upload_png(1200, 800).await.id;
    for (key, save) in [("shown", false), ("saved", true)] {
        let jobs = submit(&client, &image, key, save).await;
        assert_eq!(submit(&client, &image, key, save).await, jobs, "sent again it is the same");
        for (job, width) in jobs.iter().zip(WIDTHS) {
            let status = client.completed(job).await;
            assert_eq!(status["imageUrl"].is_string(), save, "{status}");
            let picture = Picture::of(&client.result(job).await).expect("the result is an image");
            assert_eq!((u64::from(picture.width), u64::from(picture.height)), (width, width * 2 / 3));
        }
    }
    assert_eq!(client.list("/jobs").await.len(), 2 * WIDTHS.len());
    let versions = client.get(&format!("/images/{image}/versions")).await.expect(200).json();
    assert_eq!(versions["items"].as_array().map(Vec::len), Some(1 + WIDTHS.len()), "{versions}");
}

#[tokio::test]
async fn a_batch_is_accepted_as_a_whole_or_not_at_all() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    let image = client.upload_png(60, 40).await.id;
    let path = format!("/images/transform/{image}/batch");
    let outputs = json!([{ "width": 20, "saveImage": false }, { "width": 0, "saveImage": false }]);
    let refused: Value = client.post(&path, &json!({ "outputs": outputs })).await.expect(422).json();
    assert_eq!(refused["errors"][0]["field"], "outputs[1].width", "{refused}");
    assert!(client.list("/jobs").await.is_empty());
}
