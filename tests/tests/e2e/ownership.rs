//! What belongs to somebody else does not exist: the same answer as for an id that nobody has.

use pixmill_e2e::{Answer, Client};
use serde_json::{Value, json};

/// Ids that nobody has: well-formed, and in every way malformed.
const UNKNOWN: [&str; 9] = [
    "0123456789abcdef01234567",
    "0",
    "0123456789ABCDEF01234567",
    "0123456789abcdef0123456",
    "0123456789abcdef012345678",
    "0123456789abcdef0123456g",
    "%00",
    "..%2f..%2fetc%2fpasswd",
    "%F0%9F%92%A9",
];

#[tokio::test]
async fn the_ids_of_others_are_as_unknown_as_any() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let (anna, mallory) = (server.user("anna").await, server.user("mallory").await);
    let image = anna.upload_png(40, 30).await;
    let job = anna.transform(&image.id, &json!({ "width": 20, "saveImage": true })).await;
    anna.completed(&job).await;

    for (method, path, id, code) in [
        ("GET", "/images/ID", &image.id, "unknown_image"),
        ("GET", "/images/ID/content", &image.id, "unknown_image"),
        ("DELETE", "/images/ID", &image.id, "unknown_image"),
        ("POST", "/images/transform/ID", &image.id, "unknown_image"),
        ("GET", "/api/JobStatus/ID", &job, "unknown_job"),
        ("GET", "/images/transformedImage/ID", &job, "unknown_job"),
        ("GET", "/jobs/ID", &job, "unknown_job"),
    ] {
        let stolen = anonymous(&ask(&mallory, method, &path.replace("ID", id)).await, code);
        for unknown in UNKNOWN {
            let missing = anonymous(&ask(&mallory, method, &path.replace("ID", unknown)).await, code);
            assert_eq!(stolen, missing, "{method} {path} with {unknown}");
        }
    }
    assert!(mallory.list("/images").await.is_empty() && mallory.list("/jobs").await.is_empty());
    let own = mallory.upload_png(40, 30).await;
    let body = json!({ "watermark": { "imageId": image.id }, "saveImage": false });
    mallory
        .post(&format!("/images/transform/{}", own.id), &body)
        .await
        .problem(422, "invalid_transformation");
    anna.get(&format!("/images/{}", image.id)).await.expect(200);
}

async fn ask(client: &Client, method: &str, path: &str) -> Answer {
    let request = client.request(method.parse().unwrap(), path);
    let body = json!({ "width": 9, "saveImage": false }).to_string();
    match method {
        "POST" => Answer::to(request.header("Content-Type", "application/json").body(body)).await,
        _ => Answer::to(request).await,
    }
}

/// All that an answer tells, without what differs from request to request.
fn anonymous(answer: &Answer, code: &str) -> (Value, Vec<(String, String)>) {
    let mut body = answer.problem(404, code);
    body.as_object_mut().unwrap().remove("requestId");
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort_unstable();
    (body, headers)
}
