//! API keys: what they are good for, and when they end.

use std::time::Duration;

use pixmill_testkit::fixtures;
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp};

/// Makes a key and returns it with its id.
async fn key(app: &TestApp, token: &str, request: &Value) -> (String, String) {
    let made = app.post("/account/keys").token(token).json(request).send().await.ok().json();
    (made["key"].as_str().unwrap().to_owned(), made["apiKey"]["id"].as_str().unwrap().to_owned())
}

fn request(scopes: &[&str]) -> Value {
    json!({"name": "nightly import", "scopes": scopes})
}

#[tokio::test]
async fn a_key_is_told_once_and_works_like_a_token() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let body = json!({"name": "nightly import", "scopes": ["read", "write"], "expiresInDays": 2});
    let made = app.post("/account/keys").token(&token).json(&body).send().await;
    assert_eq!(made.status, 201);
    let answer = made.json();
    let (key, id) = (answer["key"].as_str().unwrap(), answer["apiKey"]["id"].as_str().unwrap());
    assert!(key.starts_with(&format!("pixmill_{id}_")), "{key}");
    assert_eq!(made.header("location"), format!("/account/keys/{id}"));

    let image = app.image(key).await;
    app.get(&format!("/images/{image}")).token(&token).send().await.ok();
    let listed = app.get("/account/keys").token(key).send().await.ok();
    assert_eq!(listed.json()["items"], json!([answer["apiKey"]]));
    assert!(!String::from_utf8_lossy(&listed.body).contains(&key[33..]));
    app.post("/account/password")
        .token(&token)
        .json(&json!({"currentPassword": PASSWORD, "newPassword": "newPassword!"}))
        .send()
        .await
        .ok();
    app.get("/images").token(key).send().await.ok();

    app.clock.advance(Duration::from_hours(48));
    let ended = app.get("/images").token(key).send().await;
    ended.problem(401, "key_expired");
    assert!(ended.header("www-authenticate").contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn a_key_can_do_what_its_scopes_say() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let (reader, _) = key(&app, &token, &request(&["read"])).await;
    app.get(&format!("/images/{image}")).token(&reader).send().await.ok();
    let refused = app.post("/images/upload").token(&reader).file(&fixtures::png(4, 3)).send().await;
    refused.problem(403, "insufficient_scope");
    assert!(refused.header("www-authenticate").contains("scope=\"write\""));

    let (writer, _) = key(&app, &token, &request(&["write"])).await;
    app.image(&writer).await;
    let refused = app.get("/images").token(&writer).send().await;
    refused.problem(403, "insufficient_scope");
    assert!(refused.header("www-authenticate").contains("scope=\"read\""));
}

#[tokio::test]
async fn a_key_does_not_lead_to_more() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let (key, id) = key(&app, &token, &request(&["read", "write", "admin"])).await;
    let change = json!({"currentPassword": PASSWORD, "newPassword": "newPassword!"});
    for answer in [
        app.post("/account/keys").token(&key).json(&request(&["read"])).send().await,
        app.delete(&format!("/account/keys/{id}")).token(&key).send().await,
        app.post("/account/password").token(&key).json(&change).send().await,
        app.delete("/account").token(&key).send().await,
    ] {
        answer.problem(403, "login_needed");
    }
    app.get("/account").token(&key).send().await.ok();
}

#[tokio::test]
async fn a_revoked_key_stops_at_once() {
    let app = TestApp::new();
    let (anna, bob) = (app.user("anna").await, app.user("bob").await);
    let (key, id) = key(&app, &anna, &request(&["read"])).await;
    app.get("/images").token(&key).send().await.ok();
    app.delete(&format!("/account/keys/{id}")).token(&bob).send().await.problem(404, "unknown_key");
    app.get("/images").token(&key).send().await.ok();
    assert_eq!(app.delete(&format!("/account/keys/{id}")).token(&anna).send().await.status, 204);
    app.get("/images").token(&key).send().await.problem(401, "key_unknown");
    app.delete(&format!("/account/keys/{id}")).token(&anna).send().await.problem(404, "unknown_key");
    app.delete("/account/keys/nonsense").token(&anna).send().await.problem(404, "unknown_key");
}

#[tokio::test]
async fn a_key_ends_with_the_account() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let (key, _) = key(&app, &token, &request(&["read"])).await;
    app.get("/images").token(&key).send().await.ok();
    app.delete("/account").token(&token).send().await.ok();
    app.get("/images").token(&key).send().await.problem(401, "token_revoked");
    app.clock.advance(Duration::from_secs(5));
    app.get("/images").token(&key).send().await.problem(401, "key_unknown");
}

#[tokio::test]
async fn keys_that_nobody_made_are_refused() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let (key, id) = key(&app, &token, &request(&["read"])).await;
    let other_id = format!("pixmill_671cd3df6b14c65a5537b3b3_{}", &key[33..]);
    let other_secret = format!("pixmill_{id}_{}", "0".repeat(64));
    for bad in ["pixmill_", "pixmill_x_y", &other_id, &other_secret, &key[..key.len() - 1]] {
        app.get("/images").token(bad).send().await.problem(401, "key_unknown");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_said() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    for (body, field) in [
        (json!({"name": "", "scopes": ["read"]}), "name"),
        (json!({"name": "a\nb", "scopes": ["read"]}), "name"),
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "scopes": ["read"], "expiresInDays": 0}), "expiresInDays"),
        (json!({"name": "a", "scopes": ["read"], "expiresInDays": 3651}), "expiresInDays"),
    ] {
        let refused = app.post("/account/keys").token(&token).json(&body).send().await;
        refused.problem(422, "invalid_key");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    let unknown = json!({"name": "a", "scopes": ["root"]});
    app.post("/account/keys").token(&token).json(&unknown).send().await.problem(400, "invalid_request");
    for _ in 0..50 {
        key(&app, &token, &request(&["read"])).await;
    }
    let refused = app.post("/account/keys").token(&token).json(&request(&["read"])).send().await;
    refused.problem(409, "too_many_keys");
}
