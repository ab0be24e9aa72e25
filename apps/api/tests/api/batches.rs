//! Several results of one image with one request: what clients see of it.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

async fn submit(app: &TestApp, token: &str, image: &str, body: &Value) -> Answer {
    app.post(&format!("/images/transform/{image}/batch")).token(token).json(body).send().await
}

fn ids(answer: &Answer) -> Vec<String> {
    let jobs = answer.json()["jobs"].as_array().unwrap().clone();
    jobs.iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_output_is_a_job_in_the_order_of_the_request() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let outputs = json!([
        {"width": 20, "saveImage": true},
        {"width": 8, "saveImage": false},
        {"width": 4, "format": "webp", "saveImage": false},
    ]);
    let answer = submit(&app, &token, &image, &json!({"version": 1, "outputs": outputs})).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (202, "1"));
    assert_eq!(answer.json()["message"], "Jobs submitted successfully");
    let jobs = ids(&answer);
    for job in &jobs {
        let status = app.get(&format!("/api/JobStatus/{job}")).token(&token).send().await.ok().json();
        assert_eq!(status, json!({"status": "pending"}));
    }
    app.work().await;
    for (job, (width, format)) in jobs.iter().zip([(20, "png"), (8, "png"), (4, "webp")]) {
        let view = app.get(&format!("/jobs/{job}")).token(&token).send().await.ok().json();
        assert_eq!(
            (view["state"].as_str(), view["result"]["width"].as_u64(), view["result"]["format"].as_str()),
            (Some("completed"), Some(width), Some(format)),
            "{view}"
        );
        app.get(&format!("/images/transformedImage/{job}")).token(&token).send().await.ok();
    }
    assert_eq!(app.faults.calls("jobs.accept"), 1);
}

#[tokio::test]
async fn what_is_wrong_names_its_output() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let good = json!({"width": 20, "saveImage": false});
    for (body, status, code, field) in [
        (json!({}), 400, "invalid_request", "outputs"),
        (json!({"outputs": {}}), 400, "invalid_request", "outputs"),
        (json!({"outputs": [good, {"width": 20}]}), 400, "invalid_request", "outputs[1].saveImage"),
        (json!({"outputs": [{"widht": 20, "saveImage": true}]}), 400, "invalid_request", "outputs[0].widht"),
        (json!({"outputs": [good, [1, 2]]}), 400, "invalid_request", "outputs[1]"),
        (
            json!({"outputs": [{"version": 1, "width": 9, "saveImage": true}]}),
            400,
            "invalid_request",
            "outputs[0].version",
        ),
        (json!({"outputs": [good], "width": 7}), 400, "invalid_request", "width"),
        (json!({"outputs": []}), 422, "invalid_transformation", "outputs"),
        (json!({"outputs": vec![good.clone(); 17]}), 422, "invalid_transformation", "outputs"),
        (json!({"outputs": [good, {"saveImage": true}]}), 422, "invalid_transformation", "outputs[1]"),
        (json!({"outputs": [good], "version": 9}), 422, "invalid_transformation", "version"),
        (json!({"outputs": [good], "version": 0}), 422, "invalid_transformation", "version"),
    ] {
        let answer = submit(&app, &token, &image, &body).await;
        answer.problem(status, code);
        let fields = answer.fields();
        assert!(fields.len() == 1 && fields[0].starts_with(field), "{body}: {fields:?}");
    }
    let several = json!({"outputs": [
        {"width": 0, "blur": -1, "saveImage": true}, good, {"width": 99999, "saveImage": true}
    ]});
    let answer = submit(&app, &token, &image, &several).await;
    answer.problem(422, "invalid_transformation");
    let mut fields = answer.fields();
    fields.sort();
    assert_eq!(fields, ["outputs[0].blur", "outputs[0].width", "outputs[2].width"]);

    let body = json!({"outputs": [good]});
    submit(&app, &token, "0123456789abcdef01234567", &body).await.problem(404, "unknown_image");
    submit(&app, &token, "none", &body).await.problem(404, "unknown_image");
    let path = format!("/images/transform/{image}/batch");
    app.post(&path).json(&body).send().await.problem(401, "token_missing");
    assert_eq!(app.get(&path).token(&token).send().await.status.as_u16(), 405);
    let jobs = app.get("/jobs").token(&token).send().await.ok().json();
    assert_eq!(jobs["items"], json!([]));
}

#[tokio::test]
async fn one_key_is_one_batch() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let path = format!("/images/transform/{image}/batch");
    let send = async |body: &Value| {
        app.post(&path).token(&token).header("idempotency-key", "a").json(body).send().await
    };
    let body = json!({"outputs": [{"width": 20, "saveImage": false}, {"width": 10, "saveImage": true}]});
    let first = send(&body).await.ok();
    app.work().await;
    let again = send(&body).await;
    assert_eq!((again.status, again.json()), (first.status, first.json()));
    let other = json!({"outputs": [{"width": 20, "saveImage": false}]});
    send(&other).await.problem(422, "idempotency_key_reused");
    // The key of a single transformation is another one.
    let single = app.post(&format!("/images/transform/{image}")).token(&token).header("idempotency-key", "a");
    single.json(&json!({"width": 20, "saveImage": false})).send().await.ok();
    let jobs = app.get("/jobs").token(&token).send().await.ok().json();
    assert_eq!(jobs["items"].as_array().unwrap().len(), 3);
}
