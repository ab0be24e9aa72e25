//! What bad requests get: always a problem, with the right status, code and fields.

use pixmill::ports::PortErrorKind;
use pixmill_testkit::{Calls, Fault};
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn bodies_of_transformations() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let path = format!("/images/transform/{image}");
    for (body, status, code, fields) in [
        ("", 400, "malformed_json", vec![]),
        ("{", 400, "malformed_json", vec![]),
        (r#"{"saveImage":true,}"#, 400, "malformed_json", vec![]),
        ("[]", 400, "invalid_request", vec![""]),
        ("{}", 400, "invalid_request", vec!["saveImage"]),
        (r#"{"width":10}"#, 400, "invalid_request", vec!["saveImage"]),
        (r#"{"saveImage":"yes"}"#, 400, "invalid_request", vec!["saveImage"]),
        (r#"{"saveImage":null}"#, 400, "invalid_request", vec!["saveImage"]),
        (r#"{"saveImage":true,"saveImage":false}"#, 400, "invalid_request", vec!["saveImage"]),
        (r#"{"saveImage":true,"witdh":10}"#, 400, "invalid_request", vec!["witdh"]),
        (r#"{"saveImage":true,"width":"10"}"#, 400, "invalid_request", vec!["width"]),
        (r#"{"saveImage":true,"width":{"$gt":""}}"#, 400, "invalid_request", vec!["width"]),
        (r#"{"saveImage":true,"crop":{"left":0}}"#, 400, "invalid_request", vec!["crop.top"]),
        (r#"{"saveImage":true,"crop":{"left":0,"rigth":1}}"#, 400, "invalid_request", vec!["crop.rigth"]),
        (r#"{"saveImage":true,"format":"tiff"}"#, 400, "invalid_request", vec!["format"]),
        (r#"{"saveImage":true,"width":1e999}"#, 400, "malformed_json", vec![]),
        (r#"{"saveImage":true,"rotation":NaN}"#, 400, "malformed_json", vec![]),
        (r#"{"saveImage":true}"#, 422, "invalid_transformation", vec![""]),
        (r#"{"saveImage":true,"width":0}"#, 422, "invalid_transformation", vec!["width"]),
        (r#"{"saveImage":true,"width":-1}"#, 422, "invalid_transformation", vec!["width"]),
        (r#"{"saveImage":true,"width":16385}"#, 422, "invalid_transformation", vec!["width"]),
        (r#"{"saveImage":true,"width":2147483648}"#, 422, "invalid_transformation", vec!["width"]),
        (r#"{"saveImage":true,"width":1e308}"#, 422, "invalid_transformation", vec!["width"]),
        (r#"{"saveImage":true,"quality":300}"#, 422, "invalid_transformation", vec!["quality"]),
        (
            r#"{"saveImage":true,"quality":0,"blur":0}"#,
            422,
            "invalid_transformation",
            vec!["quality", "blur"],
        ),
        (
            r#"{"saveImage":true,"watermark":{"text":"a","margin":-1,"opacity":2}}"#,
            422,
            "invalid_transformation",
            vec!["watermark.margin", "watermark.opacity"],
        ),
        (
            r#"{"saveImage":true,"watermarkText":"a","watermark":{"text":"b"}}"#,
            422,
            "invalid_transformation",
            vec!["watermarkText"],
        ),
        (
            r#"{"saveImage":true,"crop":{"left":-1,"top":0,"width":1,"height":1}}"#,
            422,
            "invalid_transformation",
            vec!["crop.left"],
        ),
        (
            r#"{"saveImage":true,"watermark":{"imageId":"671cd3df6b14c65a5537b3b3"}}"#,
            422,
            "invalid_transformation",
            vec!["watermark.imageId"],
        ),
        (r#"{"saveImage":true,"width":5,"version":7}"#, 422, "invalid_transformation", vec!["version"]),
        (r#"{"saveImage":true,"width":5,"version":0}"#, 422, "invalid_transformation", vec!["version"]),
    ] {
        let answer = app.post(&path).token(&token).text(body).send().await;
        answer.problem(status, code);
        assert_eq!(answer.fields(), fields, "{body}");
    }
    assert_eq!(app.memory.queue.waiting(), 0, "a bad request became a job");
}

#[tokio::test]
async fn a_crop_outside_the_image_is_refused_at_once() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let body = json!({"saveImage": true, "crop": {"left": 39, "top": 0, "width": 2, "height": 1}});
    let answer = app.post(&format!("/images/transform/{image}")).token(&token).json(&body).send().await;
    answer.problem(422, "invalid_transformation");
    assert!(answer.fields().iter().all(|field| field.starts_with("crop")), "{:?}", answer.fields());
}

#[tokio::test]
async fn every_documented_value_is_accepted() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let base = json!({"saveImage": false, "width": 10, "height": 10});
    let with = |name: &str, value: &str| {
        let mut body = base.clone();
        body[name] = json!(value);
        body
    };
    let mut bodies = Vec::new();
    bodies.extend(["jpeg", "jpg", "png", "webp", "avif", "gif"].map(|format| with("format", format)));
    bodies.extend(["cover", "contain", "fill", "inside", "outside"].map(|fit| with("fit", fit)));
    let positions = [
        "centre",
        "center",
        "top",
        "right-top",
        "right",
        "right-bottom",
        "bottom",
        "left-bottom",
        "left",
        "left-top",
        "entropy",
        "attention",
    ];
    bodies.extend(positions.map(|position| with("position", position)));
    bodies.push(json!({
        "width": 300.0, "height": 200, "rotation": 90, "watermarkText": "XYZ creations", "watermarkOpacity": 0.9,
        "saveImage": false
    }));
    bodies.push(json!({
        "crop": {"left": 0, "top": 0, "width": 10, "height": 10}, "withoutEnlargement": true, "flip": true,
        "flop": true, "grayscale": true, "blur": 1.5, "sharpen": true, "background": "#fff8", "quality": 80,
        "lossless": false, "keepMetadata": true, "keepCopyright": true, "keepProfile": true, "saveImage": true, "version": 1,
        "watermark": {
            "text": "a", "position": "bottom", "size": 0.2, "colour": "red", "opacity": 0.1, "margin": 0,
            "rotation": -45.5, "tile": true
        }
    }));
    for body in bodies {
        let answer = app.post(&format!("/images/transform/{image}")).token(&token).json(&body).send().await;
        assert_eq!(answer.status, 202, "{body}: {:?}", answer.body);
    }
}

#[tokio::test]
async fn types_and_sizes_of_bodies() {
    let app = TestApp::new();
    let credentials = json!({"username": "anna", "password": PASSWORD}).to_string();
    let plain = app.post("/auth/login").header("content-type", "text/plain").body(credentials.clone());
    plain.send().await.problem(415, "unsupported_media_type");
    app.post("/auth/login").body(credentials.clone()).send().await.problem(415, "unsupported_media_type");
    let charset = app.post("/auth/register").header("content-type", "application/json; charset=utf-8");
    charset.body(credentials.clone()).send().await.ok();

    let padded = format!("{credentials}{}", " ".repeat(64 << 10));
    let announced = app.post("/auth/login").header("content-length", &padded.len().to_string()).text(&padded);
    announced.send().await.problem(413, "payload_too_large");
    let chunks: Vec<Result<Vec<u8>, std::io::Error>> =
        padded.as_bytes().chunks(1000).map(|chunk| Ok(chunk.to_vec())).collect();
    let body = poem::Body::from_bytes_stream(futures::stream::iter(chunks));
    let unannounced = app.post("/auth/login").header("content-type", "application/json").body(body);
    unannounced.send().await.problem(413, "payload_too_large");
}

#[tokio::test]
async fn queries() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=nonsense", "after"),
    ] {
        for path in ["/images", "/jobs"] {
            let answer = app.get(&format!("{path}?{query}")).token(&token).send().await;
            answer.problem(400, "invalid_request");
            assert_eq!(answer.fields(), [field], "{path}?{query}");
        }
    }
    let answer = app.get("/jobs?state=pending").token(&token).send().await;
    answer.problem(400, "invalid_request");
    assert_eq!(answer.fields(), ["state"]);
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist() {
    let app = TestApp::new();
    for path in ["/", "/nonsense", "/api/jobstatus/x", "/%00", "/images/a/b/c"] {
        app.get(path).send().await.problem(404, "not_found");
    }
    for (method, path, allow) in [
        ("GET", "/auth/login", "OPTIONS, POST"),
        ("PUT", "/images", "GET, HEAD, OPTIONS"),
        ("POST", "/images", "GET, HEAD, OPTIONS"),
        ("GET", "/images/upload", "OPTIONS, POST"),
        ("PATCH", "/images/671cd3df6b14c65a5537b3b3", "DELETE, GET, HEAD, OPTIONS"),
        ("DELETE", "/files/671cd3df6b14c65a5537b3b3/1", "GET, HEAD, OPTIONS"),
        ("POST", "/docs", "GET, HEAD, OPTIONS"),
        ("BREW", "/health/live", "GET, HEAD, OPTIONS"),
    ] {
        let answer = app.request(method.parse().unwrap(), path).send().await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
    let options = app.request(poem::http::Method::OPTIONS, "/images").send().await;
    assert_eq!((options.status.as_u16(), options.header("allow")), (204, "GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn faults_of_ports_are_ours_to_explain() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    app.faults.inject("images.list", Calls::Nth(1), Fault::Before(PortErrorKind::Unavailable));
    let answer = app.get("/images").token(&token).send().await;
    answer.problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    app.faults.inject("images.list", Calls::Nth(2), Fault::Before(PortErrorKind::Corrupt));
    let answer = app.get("/images").token(&token).send().await;
    let problem = answer.problem(500, "internal");
    assert!(!problem.to_string().contains("faulty"), "{problem}");
    app.get("/images").token(&token).send().await.ok();
}

#[tokio::test]
async fn requests_have_ids() {
    let app = TestApp::new();
    let given = app.get("/health/live").header("x-request-id", "abc-1").send().await;
    assert_eq!(given.header("x-request-id"), "abc-1");
    let unsafe_id = app.get("/nonsense").header("x-request-id", "a\"b").send().await;
    let problem = unsafe_id.problem(404, "not_found");
    assert_eq!(problem["requestId"].as_str().unwrap().len(), 32);
    assert_eq!(given.header("x-content-type-options"), "nosniff");
}
