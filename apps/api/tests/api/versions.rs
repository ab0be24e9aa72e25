//! Versions: listing them, undo, redo and restoring.

use serde_json::{Value, json};

use crate::support::TestApp;

/// An image with two saved results, each made from the one before.
async fn edited(app: &TestApp, token: &str) -> String {
    let image = app.image(token).await;
    for _ in 0..2 {
        app.job(token, &image, true).await;
        app.work().await;
    }
    image
}

async fn step(app: &TestApp, token: &str, path: &str) -> Value {
    app.post(path).token(token).send().await.ok().json()
}

#[tokio::test]
async fn versions_are_listed_with_their_origin_and_a_link() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = edited(&app, &token).await;
    let path = format!("/images/{image}/versions");
    let list = app.get(&path).token(&token).send().await.ok().json();
    let fields = |name: &str| -> Vec<Value> {
        list["items"].as_array().unwrap().iter().map(|version| version[name].clone()).collect()
    };
    assert_eq!(fields("number"), [1, 2, 3]);
    assert_eq!(fields("parent"), [Value::Null, 1.into(), 2.into()]);
    assert_eq!(fields("width"), [40, 20, 20]);
    assert_eq!(fields("format"), ["png", "png", "png"]);
    assert!(fields("metadata").iter().all(|metadata| metadata["thumbHash"].is_string()));
    assert!(fields("jobId")[0].is_null() && fields("jobId")[1..].iter().all(Value::is_string));
    assert_eq!(
        (&list["current"], &list["canUndo"], &list["canRedo"]),
        (&json!(3), &json!(true), &json!(false))
    );

    for version in list["items"].as_array().unwrap() {
        let url = version["url"].as_str().unwrap().strip_prefix("http://pixmill.test").unwrap();
        let bytes = app.get(url).send().await.ok().body;
        assert_eq!(bytes.len() as u64, version["bytes"].as_u64().unwrap(), "a link without a token");
    }
}

#[tokio::test]
async fn undo_redo_and_restore_move_what_is_current() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = edited(&app, &token).await;
    let [undo, redo] = ["undo", "redo"].map(|step| format!("/images/{image}/{step}"));
    app.post(&redo).token(&token).send().await.problem(409, "nothing_to_redo");
    assert_eq!(step(&app, &token, &undo).await["version"], 2);
    let first = step(&app, &token, &undo).await;
    assert_eq!((&first["version"], &first["width"]), (&json!(1), &json!(40)));
    app.post(&undo).token(&token).send().await.problem(409, "nothing_to_undo");
    let listed = app.get(&format!("/images/{image}/versions")).token(&token).send().await.ok().json();
    assert_eq!((&listed["canUndo"], &listed["canRedo"]), (&json!(false), &json!(true)));

    let content = app.get(&format!("/images/{image}/content")).token(&token).send().await.ok();
    assert_eq!(content.body.len() as u64, first["bytes"].as_u64().unwrap(), "the upload is what is served");

    assert_eq!(step(&app, &token, &redo).await["version"], 2);
    let third = format!("/images/{image}/versions/3/restore");
    assert_eq!(step(&app, &token, &third).await["version"], 3);
    app.post(&redo).token(&token).send().await.problem(409, "nothing_to_redo");
}

#[tokio::test]
async fn a_save_after_an_undo_starts_from_there_and_ends_the_redo() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = edited(&app, &token).await;
    step(&app, &token, &format!("/images/{image}/undo")).await;
    app.job(&token, &image, true).await;
    app.work().await;
    let listed = app.get(&format!("/images/{image}/versions")).token(&token).send().await.ok().json();
    let last = listed["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["number"], &last["parent"]), (&json!(4), &json!(2)));
    assert_eq!((&listed["current"], &listed["canRedo"]), (&json!(4), &json!(false)));
    app.post(&format!("/images/{image}/redo")).token(&token).send().await.problem(409, "nothing_to_redo");
    assert_eq!(step(&app, &token, &format!("/images/{image}/versions/3/restore")).await["version"], 3);
}

#[tokio::test]
async fn an_unknown_version_is_told_from_an_unknown_image() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    for number in ["0", "2", "4294967296", "-1", "1.5", "first", "%31%30"] {
        let path = format!("/images/{image}/versions/{number}/restore");
        app.post(&path).token(&token).send().await.problem(404, "unknown_version");
    }
    let elsewhere = "/images/0123456789abcdef01234567/versions/1/restore";
    app.post(elsewhere).token(&token).send().await.problem(404, "unknown_image");
    app.post(&format!("/images/{image}/undo")).send().await.problem(401, "token_missing");
    let wrong = app.get(&format!("/images/{image}/undo")).token(&token).send().await;
    wrong.problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "OPTIONS, POST");
}
