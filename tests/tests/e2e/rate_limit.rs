//! The limit on writes: who has used it up is told when to come back, and may go on reading.

use pixmill_testkit::fixtures::png;
use serde_json::json;

#[tokio::test]
async fn the_write_after_the_last_allowed_is_refused() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "3")]).await;
    let client = server.user("anna").await;
    let image = client.upload_png(10, 10).await;
    let path = format!("/images/transform/{}", image.id);
    let body = json!({ "width": 5, "saveImage": false });
    let job = client.transform(&image.id, &body).await;
    client.transform(&image.id, &body).await;
    let refused = client.post(&path, &body).await;
    refused.problem(429, "rate_limited");
    let after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=900).contains(&after), "{after}");
    client.send_file(png(9, 9), "x.png", "image/png").await.problem(429, "rate_limited");
    client.delete(&format!("/images/{}", image.id)).await.problem(429, "rate_limited");
    // Reading goes on, and nothing of the refused upload is there.
    client.completed(&job).await;
    assert_eq!(client.list("/images").await.len(), 1);
    assert!(server.home().temporary_files().is_empty());
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "20")]).await;
    let anybody = server.client();
    anybody.register("anna").await;
    let guess = json!({ "username": "anna", "password": "notThePassword" });
    let mut refused = 0;
    for _ in 0..10 {
        let answer = anybody.post("/auth/login", &guess).await;
        if answer.status == 401 {
            answer.problem(401, "login_refused");
            refused += 1;
        } else {
            answer.problem(429, "rate_limited");
        }
    }
    assert!((1..10).contains(&refused), "{refused} of 10 guesses were answered");
}
