//! Jobs from submission to result.

use std::time::Duration;

use pixmill::{FailureCode, ports::Jobs as _};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

async fn status(app: &TestApp, token: &str, job: &str) -> Value {
    app.get(&format!("/api/JobStatus/{job}")).token(token).send().await.ok().json()
}

async fn result(app: &TestApp, token: &str, job: &str) -> Answer {
    app.get(&format!("/images/transformedImage/{job}")).token(token).send().await
}

#[tokio::test]
async fn an_unsaved_result() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let body = json!({"width": 20, "saveImage": false});
    let answer = app.post(&format!("/images/transform/{image}")).token(&token).json(&body).send().await;
    let submitted = answer.json();
    let job = submitted["jobId"].as_str().unwrap();
    assert_eq!(
        (answer.status.as_u16(), submitted["message"].as_str()),
        (202, Some("Job submitted successfully"))
    );
    assert_eq!(
        (answer.header("location"), answer.header("retry-after")),
        (format!("/jobs/{job}").as_str(), "1")
    );

    assert_eq!(status(&app, &token, job).await, json!({"status": "pending"}));
    let pending = result(&app, &token, job).await;
    pending.problem(409, "job_pending");
    assert_eq!(pending.header("retry-after"), "1");

    app.work().await;
    let completed = json!({"status": "completed", "imageId": image, "imageUrl": null});
    assert_eq!(status(&app, &token, job).await, completed);
    let ready = result(&app, &token, job).await.ok();
    assert_eq!(
        (ready.header("content-type"), ready.header("cache-control")),
        ("image/png", "private, no-cache")
    );
    assert_eq!(ready.header("content-disposition"), format!("inline; filename=\"{job}.png\""));
    let path = format!("/images/transformedImage/{job}");
    let known = app.get(&path).token(&token).header("if-none-match", ready.header("etag")).send().await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));

    app.clock.advance(Duration::from_hours(12));
    let token = login(&app).await;
    result(&app, &token, job).await.ok();
    app.clock.advance(Duration::from_hours(12));
    let token = login(&app).await;
    result(&app, &token, job).await.problem(410, "result_expired");
}

async fn login(app: &TestApp) -> String {
    let credentials = json!({"username": "anna", "password": crate::support::PASSWORD});
    let answer = app.post("/auth/login").json(&credentials).send().await.ok();
    answer.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_saved_result() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let job = app.job(&token, &image, true).await;
    app.work().await;
    let status = status(&app, &token, &job).await;
    assert_eq!(
        (status["status"].as_str(), status["imageId"].as_str()),
        (Some("completed"), Some(image.as_str()))
    );
    let link = status["imageUrl"].as_str().unwrap().strip_prefix("http://pixmill.test").unwrap();
    let bytes = app.get(link).send().await.ok().body;
    assert_eq!(result(&app, &token, &job).await.ok().body, bytes);
    let json = app.get(&format!("/images/{image}")).token(&token).send().await.ok().json();
    assert_eq!((json["version"].as_u64(), json["width"].as_u64()), (Some(2), Some(20)));
    let json = app.get(&format!("/jobs/{job}")).token(&token).send().await.ok().json();
    assert_eq!(json["result"]["version"], 2);
    assert!(json["result"]["url"].as_str().unwrap().contains("/2?expires="));
}

#[tokio::test]
async fn the_same_work_is_done_again_for_another_user() {
    let app = TestApp::new();
    for (user, copies) in [("anna", 0), ("bob", 1)] {
        let token = app.user(user).await;
        let image = app.image(&token).await;
        let first = app.job(&token, &image, false).await;
        app.work().await;
        assert_eq!(
            app.faults.calls("blobs.copy"),
            copies,
            "what others have can't be told from how long it takes"
        );
        let second = app.job(&token, &image, false).await;
        app.work().await;
        assert_eq!(
            result(&app, &token, &first).await.ok().body,
            result(&app, &token, &second).await.ok().body
        );
    }
    assert_eq!(app.faults.calls("blobs.copy"), 2, "a user's own results are used again");
}

#[tokio::test]
async fn a_failed_job_says_why() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let job = app.job(&token, &image, false).await;
    for key in [format!("images/{image}/original")] {
        pixmill::ports::BlobStore::delete(&*app.memory.blobs, key.parse().unwrap()).await.unwrap();
    }
    app.work().await;
    let json = status(&app, &token, &job).await;
    assert_eq!(
        (json["status"].as_str(), json["error"]["code"].as_str()),
        (Some("failed"), Some("source_missing"))
    );
    assert!(!json["error"]["detail"].as_str().unwrap().is_empty());
    result(&app, &token, &job).await.problem(409, "job_failed");
    let json = app.get(&format!("/jobs/{job}")).token(&token).send().await.ok().json();
    assert_eq!(
        (json["state"].as_str(), json["error"]["code"].as_str()),
        (Some("failed"), Some(FailureCode::SourceMissing.name()))
    );
}

#[tokio::test]
async fn a_cancelled_job_says_so() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let job = app.job(&token, &image, false).await;
    let loaded = app.memory.jobs.load(job.parse().unwrap()).await.unwrap().unwrap();
    app.memory.jobs.cancel(loaded.owner, loaded.id).await.unwrap();
    assert_eq!(status(&app, &token, &job).await, json!({"status": "cancelled"}));
    result(&app, &token, &job).await.problem(409, "job_cancelled");
}

#[tokio::test]
async fn a_job_in_full() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let job = app.job(&token, &image, false).await;
    let path = format!("/jobs/{job}");
    let queued = app.get(&path).token(&token).send().await.ok().json();
    let start = "2026-01-01T00:00:00.000Z";
    let expected = json!({
        "id": job, "state": "queued", "imageId": image, "attempts": 0, "createdAt": start, "updatedAt": start
    });
    assert_eq!(queued, expected);
    app.clock.advance(Duration::from_millis(1_500));
    app.work().await;
    let completed = app.get(&path).token(&token).send().await.ok().json();
    assert_eq!((completed["state"].as_str(), completed["attempts"].as_u64()), (Some("completed"), Some(1)));
    assert_eq!(completed["updatedAt"], "2026-01-01T00:00:01.500Z");
    let result = &completed["result"];
    assert_eq!(
        (result["format"].as_str(), result["width"].as_u64(), result["height"].as_u64()),
        (Some("png"), Some(20), Some(15))
    );
    assert!(result["bytes"].as_u64().unwrap() > 0);
    assert_eq!((result.get("version"), result.get("url")), (None, None));
}

#[tokio::test]
async fn jobs_are_listed_by_state() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let first = app.job(&token, &image, false).await;
    app.work().await;
    app.clock.advance(Duration::from_secs(1));
    let second = app.job(&token, &image, true).await;
    let ids = async |query: &str| {
        let json = app.get(&format!("/jobs{query}")).token(&token).send().await.ok().json();
        let items = json["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [second.clone(), first.clone()]);
    assert_eq!(ids("?state=completed").await, std::slice::from_ref(&first));
    assert_eq!(ids("?state=queued").await, std::slice::from_ref(&second));
    assert_eq!(ids("?state=failed").await, [""; 0]);
    assert_eq!(ids(&format!("?after={second}")).await, [first]);

    let third = app.job(&token, &image, true).await;
    let page = app.get("/jobs?limit=1&state=queued").token(&token).send().await.ok();
    let next = page.json()["next"].as_str().unwrap().to_owned();
    assert!([second, third].contains(&next));
    assert_eq!(page.header("link"), format!("</jobs?state=queued&limit=1&after={next}>; rel=\"next\""));
}
