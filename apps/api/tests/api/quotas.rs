//! Quotas: what happens when one is reached, and who has which.

use pixmill::{Password, Role, UserQuota, Username};
use pixmill_testkit::fixtures;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApp};

fn with_quota(quota: UserQuota) -> TestApp {
    TestApp::with(|_| {}, |settings| settings.quota = quota)
}

async fn account(app: &TestApp, token: &str) -> Value {
    app.get("/account").token(token).send().await.ok().json()
}

async fn transform(app: &TestApp, token: &str, image: &str, save: bool) -> Answer {
    let body = json!({"width": 20, "saveImage": save});
    app.post(&format!("/images/transform/{image}")).token(token).json(&body).send().await
}

#[tokio::test]
async fn usage_and_quota_are_shown() {
    let app = with_quota(UserQuota { images: Some(7), ..UserQuota::default() });
    let token = app.user("anna").await;
    assert_eq!(account(&app, &token).await["quota"], json!({"images": 7}));
    let image = app.image(&token).await;
    let upload = fixtures::png(40, 30).len();
    app.job(&token, &image, true).await;
    let usage = account(&app, &token).await["usage"].clone();
    assert_eq!(usage, json!({"bytes": upload, "images": 1, "openJobs": 1}));
    app.work().await;
    let usage = account(&app, &token).await["usage"].clone();
    assert_eq!(usage["openJobs"], 0);
    assert!(usage["bytes"].as_u64().unwrap() > upload as u64, "a saved version counts: {usage}");
}

#[tokio::test]
async fn no_more_images_than_the_quota() {
    let app = with_quota(UserQuota { images: Some(2), ..UserQuota::default() });
    let (anna, bob) = (app.user("anna").await, app.user("bob").await);
    let first = app.image(&anna).await;
    app.image(&anna).await;
    let upload = || app.post("/images/upload").token(&anna).file(&fixtures::png(4, 3)).send();
    upload().await.problem(403, "quota_exceeded");
    app.image(&bob).await;
    app.delete(&format!("/images/{first}")).token(&anna).send().await.ok();
    upload().await.ok();
}

#[tokio::test]
async fn no_more_bytes_than_the_quota() {
    let size = fixtures::png(40, 30).len() as u64;
    let app = with_quota(UserQuota { bytes: Some(size * 2 - 1), ..UserQuota::default() });
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let refused = app.post("/images/upload").token(&token).file(&fixtures::png(40, 30)).send().await;
    refused.problem(403, "quota_exceeded");
    let usage = account(&app, &token).await["usage"].clone();
    assert_eq!(usage, json!({"bytes": size, "images": 1, "openJobs": 0}), "nothing of it stays");
    // What fits exactly is taken.
    let app = with_quota(UserQuota { bytes: Some(size), ..UserQuota::default() });
    let token = app.user("anna").await;
    let full = app.image(&token).await;
    transform(&app, &token, &full, true).await.problem(403, "quota_exceeded");
    transform(&app, &token, &full, false).await.ok();
    drop(image);
}

#[tokio::test]
async fn no_more_open_jobs_than_the_quota() {
    let app = with_quota(UserQuota { open_jobs: Some(1), ..UserQuota::default() });
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    transform(&app, &token, &image, false).await.ok();
    let refused = transform(&app, &token, &image, false).await;
    refused.problem(429, "too_many_jobs");
    assert_eq!(refused.header("retry-after"), "1");
    app.work().await;
    transform(&app, &token, &image, false).await.ok();
}

#[tokio::test]
async fn an_admin_gives_a_user_a_quota_of_their_own() {
    let app = with_quota(UserQuota { images: Some(1), ..UserQuota::default() });
    let name = Username::parse("ada").unwrap();
    app.services.user_admin.add(name, Password::parse(PASSWORD).unwrap(), Role::Admin).await.unwrap();
    let login = app.post("/auth/login").json(&json!({"username": "ada", "password": PASSWORD}));
    let admin = login.send().await.ok().json()["token"].as_str().unwrap().to_owned();
    let anna = app.user("anna").await;
    let path = format!("/admin/users/{}", account(&app, &anna).await["id"].as_str().unwrap());
    let change = async |quota: Value| {
        let body = json!({"quota": quota});
        app.request("PATCH".parse().unwrap(), &path).token(&admin).json(&body).send().await
    };
    let image = app.image(&anna).await;
    let own = json!({"images": 3, "openJobs": 0});
    assert_eq!(change(own.clone()).await.ok().json()["quota"], own);
    assert_eq!(account(&app, &anna).await["quota"], own);
    app.image(&anna).await;
    transform(&app, &anna, &image, false).await.problem(429, "too_many_jobs");
    change(json!({"images": -1})).await.problem(400, "invalid_request");
    assert!(change(Value::Null).await.ok().json()["quota"].is_null());
    assert_eq!(account(&app, &anna).await["quota"], json!({"images": 1}));
    let refused = app.post("/images/upload").token(&anna).file(&fixtures::png(4, 3)).send().await;
    refused.problem(403, "quota_exceeded");
}
