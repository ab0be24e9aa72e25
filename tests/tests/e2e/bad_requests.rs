//! Requests that can't be meant: each gets the answer that says what would be right, and none becomes a job.

use pixmill_e2e::{Answer, Uploaded};
use reqwest::Method;
use serde_json::json;

use crate::bad_uploads::nothing_stays;

/// Body, status, code, and the field that `errors` names, if it is about one.
type Case = (&'static str, u16, &'static str, Option<&'static str>);

const MALFORMED: [Case; 19] = [
    ("", 400, "malformed_json", None),
    ("{", 400, "malformed_json", None),
    ("{\"saveImage\":true,\"width\":1}x", 400, "malformed_json", None),
    ("{'saveImage':true}", 400, "malformed_json", None),
    ("{\"saveImage\":true,\"width\":NaN}", 400, "malformed_json", None),
    ("{\"saveImage\":true,\"rotation\":Infinity}", 400, "malformed_json", None),
    ("{\"saveImage\":true,\"rotation\":1e999}", 400, "malformed_json", None),
    ("[]", 400, "invalid_request", None),
    ("null", 400, "invalid_request", None),
    ("{}", 400, "invalid_request", Some("saveImage")),
    ("{\"width\":100}", 400, "invalid_request", Some("saveImage")),
    ("{\"saveImage\":\"true\",\"width\":1}", 400, "invalid_request", Some("saveImage")),
    ("{\"saveImage\":1,\"width\":1}", 400, "invalid_request", Some("saveImage")),
    ("{\"saveImage\":true,\"widht\":1}", 400, "invalid_request", Some("widht")),
    ("{\"saveImage\":true,\"width\":1,\"width\":2}", 400, "invalid_request", Some("width")),
    ("{\"saveImage\":true,\"width\":\"1\"}", 400, "invalid_request", Some("width")),
    ("{\"saveImage\":true,\"width\":{\"$gt\":\"\"}}", 400, "invalid_request", Some("width")),
    (
        "{\"saveImage\":true,\"crop\":{\"left\":0,\"top\":0,\"width\":1}}",
        400,
        "invalid_request",
        Some("crop.height"),
    ),
    ("{\"saveImage\":true,\"format\":\"tiff\"}", 400, "invalid_request", Some("format")),
];

const IMPOSSIBLE: [Case; 16] = [
    ("{\"saveImage\":true}", 422, "invalid_transformation", None),
    ("{\"saveImage\":true,\"width\":0}", 422, "invalid_transformation", Some("width")),
    ("{\"saveImage\":true,\"width\":-1}", 422, "invalid_transformation", Some("width")),
    ("{\"saveImage\":true,\"width\":16385}", 422, "invalid_transformation", Some("width")),
    ("{\"saveImage\":true,\"width\":2147483648}", 422, "invalid_transformation", Some("width")),
    ("{\"saveImage\":true,\"height\":1e300}", 422, "invalid_transformation", Some("height")),
    (
        "{\"saveImage\":true,\"quality\":101,\"format\":\"jpeg\"}",
        422,
        "invalid_transformation",
        Some("quality"),
    ),
    ("{\"saveImage\":true,\"blur\":1e308}", 422, "invalid_transformation", Some("blur")),
    ("{\"saveImage\":true,\"watermarkText\":\"\"}", 422, "invalid_transformation", Some("watermarkText")),
    (
        "{\"saveImage\":true,\"watermarkText\":\"a\",\"watermarkOpacity\":1.5}",
        422,
        "invalid_transformation",
        Some("watermarkOpacity"),
    ),
    (
        "{\"saveImage\":true,\"watermarkText\":\"a\",\"watermark\":{\"text\":\"b\"}}",
        422,
        "invalid_transformation",
        Some("watermarkText"),
    ),
    (
        "{\"saveImage\":true,\"watermark\":{\"imageId\":\"000000000000000000000000\"}}",
        422,
        "invalid_transformation",
        Some("watermark.imageId"),
    ),
    ("{\"saveImage\":true,\"background\":\"nocolour\"}", 422, "invalid_transformation", Some("background")),
    (
        "{\"saveImage\":true,\"crop\":{\"left\":30,\"top\":0,\"width\":20,\"height\":9}}",
        422,
        "invalid_transformation",
        None,
    ),
    ("{\"saveImage\":true,\"width\":16384,\"height\":16384}", 422, "limit_exceeded", None),
    ("{\"saveImage\":true,\"width\":9,\"version\":7}", 422, "invalid_transformation", Some("version")),
];

#[tokio::test]
async fn bad_transformations_are_refused_and_become_no_jobs() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    let Uploaded { id, .. } = client.upload_png(40, 30).await;
    let path = format!("/images/transform/{id}");
    for (body, status, code, field) in MALFORMED.into_iter().chain(IMPOSSIBLE) {
        let problem = client.post_text(&path, body).await.about(body).problem(status, code);
        if let Some(field) = field {
            let errors =
                problem["errors"].as_array().unwrap_or_else(|| panic!("{body}: no errors in {problem}"));
            assert!(errors.iter().any(|error| error["field"] == field), "{body}: no {field} in {problem}");
        }
    }
    let long = format!("{{\"saveImage\":true,\"watermarkText\":\"{}\"}}", "a".repeat(501));
    client.post_text(&path, &long).await.problem(422, "invalid_transformation");
    let deep = "{\"crop\":".repeat(5_000);
    client.post_text(&path, &deep).await.problem(400, "invalid_request");
    let large = format!("{{\"saveImage\":true,\"watermarkText\":\"{}\"}}", "a".repeat(100_000));
    let refused = client.post_text(&path, &large).await;
    refused.problem(413, "payload_too_large");
    // The server has not read it all, so it hangs up. A client that is not told uses the connection again.
    assert_eq!(refused.header("connection"), "close");
    let no_json = client.request(Method::POST, &path).header("Content-Type", "text/plain");
    let no_json = no_json.body("{\"saveImage\":true,\"width\":9}");
    Answer::to(no_json).await.problem(415, "unsupported_media_type");

    assert!(client.list("/jobs").await.is_empty(), "nothing of it became a job");
    client.delete(&format!("/images/{id}")).await.expect(204);
    nothing_stays(server.home()).await;
}

#[tokio::test]
async fn bad_accounts_are_refused() {
    let server = crate::start(&[]).await;
    let anybody = server.client();
    anybody.register("Anna").await;
    let (long_name, long_password) = ("a".repeat(65), "p".repeat(129));
    for (username, password, status, code) in [
        ("anna", "strongPassword!", 409, "username_taken"),
        ("ANNA", "strongPassword!", 409, "username_taken"),
        ("an", "strongPassword!", 422, "invalid_credentials"),
        (&long_name, "strongPassword!", 422, "invalid_credentials"),
        ("a b c", "strongPassword!", 422, "invalid_credentials"),
        ("berta\r\nX: y", "strongPassword!", 422, "invalid_credentials"),
        ("berta", "short", 422, "invalid_credentials"),
        ("berta", &long_password, 422, "invalid_credentials"),
    ] {
        let body = json!({ "username": username, "password": password });
        let problem = anybody.post("/auth/register", &body).await.problem(status, code);
        assert!(!problem.to_string().contains(password), "a password is never repeated");
    }
    for body in [
        json!({ "username": { "$gt": "" }, "password": { "$gt": "" } }),
        json!({ "username": "berta" }),
        json!({ "username": "berta", "password": "strongPassword!", "role": "admin" }),
    ] {
        anybody.post("/auth/register", &body).await.problem(400, "invalid_request");
    }
    let mut refusals = Vec::new();
    for (username, password) in [("Anna", "wrongPassword!"), ("nobody", "strongPassword!"), ("x", "y")] {
        let body = json!({ "username": username, "password": password });
        let mut refusal = anybody.post("/auth/login", &body).await.problem(401, "login_refused");
        refusal.as_object_mut().unwrap().remove("requestId");
        refusals.push(refusal);
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]), "nobody learns which names exist");
    anybody.login("aNNa").await;
}
