//! `Idempotency-Key`: what clients see of it.

use futures::StreamExt;
use pixmill_testkit::fixtures;
use poem::Body;
use serde_json::{Value, json};

use crate::support::{Answer, FORM, TestApp, form, part};

const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";

async fn upload(app: &TestApp, token: &str, file: &[u8]) -> Answer {
    app.post("/images/upload").token(token).header("idempotency-key", KEY).file(file).send().await
}

async fn transform(app: &TestApp, token: &str, image: &str, body: &Value) -> Answer {
    let path = format!("/images/transform/{image}");
    app.post(&path).token(token).header("idempotency-key", KEY).json(body).send().await
}

#[tokio::test]
async fn a_request_sent_again_is_answered_like_the_first() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let file = fixtures::png(40, 30);
    let first = upload(&app, &token, &file).await.ok();
    let again = upload(&app, &token, &file).await;
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    assert_eq!(again.header("location"), first.header("location"));
    upload(&app, &token, &fixtures::png(30, 40)).await.problem(422, "idempotency_key_reused");

    let image = first.json()["id"].as_str().unwrap().to_owned();
    let first = transform(&app, &token, &image, &json!({"width": 20, "saveImage": false})).await.ok();
    let again = transform(&app, &token, &image, &json!({"saveImage": false, "width": 20})).await;
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    let other = transform(&app, &token, &image, &json!({"width": 21, "saveImage": false})).await;
    other.problem(422, "idempotency_key_reused");

    app.delete(&format!("/images/{image}")).token(&token).send().await.ok();
    upload(&app, &token, &file).await.problem(410, "upload_deleted");
    let listed = app.get("/images").token(&token).send().await.ok().json();
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn other_spellings_of_the_form_are_the_same_file() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let file = fixtures::png(40, 30);
    let first = upload(&app, &token, &file).await.ok();
    let parts = [part("title", b"A picture"), part("file", &file)];
    let call = app.post("/images/upload").token(&token).header("idempotency-key", KEY).form(&parts);
    assert_eq!(call.send().await.json(), first.json());
}

#[tokio::test]
async fn keys_that_are_none_are_refused() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    for key in ["", "a b", &"x".repeat(256)] {
        let call = app.post("/images/upload").token(&token).header("idempotency-key", key);
        call.file(&fixtures::png(4, 3)).send().await.problem(400, "invalid_request");
    }
    let twice = app.post("/images/upload").token(&token).header("idempotency-key", "a");
    let twice = twice.header("idempotency-key", "b").file(&fixtures::png(4, 3)).send().await;
    twice.problem(400, "invalid_request");
}

#[tokio::test]
async fn an_upload_ends_well_although_its_client_leaves() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let file = fixtures::png(40, 30);
    let (sender, body) = futures::channel::mpsc::unbounded::<Vec<u8>>();
    let body = Body::from_bytes_stream(body.map(Ok::<_, std::io::Error>));
    let call = app.post("/images/upload").token(&token).header("idempotency-key", KEY);
    let mut call = Box::pin(call.header("content-type", FORM).body(body).send());
    let bytes = form(&[part("file", &file)]);
    sender.unbounded_send(bytes[..200].to_vec()).unwrap();
    while app.faults.calls("once_keys.begin") == 0 {
        assert!(futures::poll!(call.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    let early = upload(&app, &token, &file).await;
    early.problem(409, "request_in_flight");
    assert_eq!(early.header("retry-after"), "1");
    drop(call);
    sender.unbounded_send(bytes[200..].to_vec()).unwrap();
    drop(sender);
    let answer = loop {
        let again = upload(&app, &token, &file).await;
        if again.status != 409 {
            break again.ok();
        }
        tokio::task::yield_now().await;
    };
    let listed = app.get("/images").token(&token).send().await.ok().json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["id"], answer.json()["id"]);
}
