//! The documented way through the API, step by step: every status, header, field and message.

use pixmill_e2e::{Answer, Client, Kind, Picture, Server, Uploaded};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_documented_walk() {
    let server = crate::start(&[]).await;
    walk(&server, "anna").await;
}

#[tokio::test]
async fn the_documented_walk_without_child_processes() {
    let server = crate::start(&[("PIXMILL_PROCESSOR", "in-process")]).await;
    walk(&server, "anna").await;
    assert!(server.processes().children().is_empty(), "nothing runs outside the server's process");
}

/// From registration to deletion. Leaves nothing behind, so it can follow anything.
pub(crate) async fn walk(server: &Server, name: &str) {
    let registered = server.client().register(name).await;
    assert_eq!(registered, json!({ "message": "User registered successfully" }));
    let client = server.client().login(name).await;

    let file = pixmill_testkit::fixtures::png(400, 300);
    let image = upload(&client, &file).await;
    let anybody = server.client().get(&image.url).await.expect(200);
    assert_eq!(anybody.body, file, "the signed link gives the bytes to anybody");
    assert_eq!(anybody.header("content-type"), "image/png");
    if server.keeps_files() {
        assert_eq!(anybody.header("x-content-type-options"), "nosniff");
    }

    unsaved(&client, &image).await;
    saved(&client, &image).await;
    list_and_delete(&client, &image).await;
    // Elsewhere the bucket answers, in its own words.
    let link = server.client().get(&image.url).await.expect(404);
    if server.keeps_files() {
        link.problem(404, "unknown_image");
    }
}

async fn upload(client: &Client, file: &[u8]) -> Uploaded {
    let answer = client.send_file(file, "holiday.jpg", "image/jpeg").await.expect(201);
    let body = answer.json();
    let (id, url) = (text(&body["id"]), text(&body["url"]));
    assert_eq!(body, json!({ "message": "Image uploaded and saved", "id": id, "url": url }));
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(answer.header("location"), format!("/images/{id}"));
    client.get(answer.header("location")).await.expect(200);
    Uploaded { id, url }
}

/// The documented request, field by field, with `saveImage` false.
async fn unsaved(client: &Client, image: &Uploaded) {
    let body = json!({
        "width": 300, "height": 200, "rotation": 90,
        "watermarkText": "XYZ creations", "watermarkOpacity": 0.9, "saveImage": false,
    });
    let answer = client.post(&format!("/images/transform/{}", image.id), &body).await.expect(202);
    let accepted = answer.json();
    let job = text(&accepted["jobId"]);
    assert_eq!(accepted, json!({ "message": "Job submitted successfully", "jobId": job }));
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|after| after > 0));
    client.get(answer.header("location")).await.expect(200);

    // Whatever a poll sees before the end is documented too.
    let early = client.status(&job).await;
    assert!(early == json!({ "status": "pending" }) || early["status"] == "completed", "{early}");
    let status = client.completed(&job).await;
    assert_eq!(status, json!({ "status": "completed", "imageId": image.id, "imageUrl": null }));

    let result = client.get(&format!("/images/transformedImage/{job}")).await.expect(200);
    assert_eq!(
        result.header("content-type"),
        "image/png",
        "the format is the source's unless one is asked for"
    );
    let expected = Picture { kind: Kind::Png, width: 200, height: 300 };
    assert_eq!(Picture::of(&result.body), Some(expected), "the rotation comes after the resize");
    let etag = result.header("etag").to_owned();
    assert!(etag.starts_with('"'), "the tag is a strong one: {etag}");
    let again = client.request(Method::GET, &format!("/images/transformedImage/{job}"));
    Answer::to(again.header("If-None-Match", etag)).await.expect(304);

    let view = client.get(&format!("/images/{}", image.id)).await.expect(200).json();
    assert_eq!(view["version"], 1, "an unsaved result is no version");
    twice_alike(client, &image.id, &body).await;
}

async fn saved(client: &Client, image: &Uploaded) {
    let body = json!({ "width": 120, "format": "webp", "saveImage": true });
    let job = client.transform(&image.id, &body).await;
    let status = client.completed(&job).await;
    let url = text(&status["imageUrl"]);
    assert_eq!(status, json!({ "status": "completed", "imageId": image.id, "imageUrl": url }));
    let stored = Client::new("").get(&url).await.expect(200);
    assert_eq!(Picture::of(&stored.body), Some(Picture { kind: Kind::Webp, width: 120, height: 90 }));
    assert_eq!(stored.body, client.result(&job).await, "the link and the job lead to the same bytes");

    let view = client.get(&format!("/images/{}", image.id)).await.expect(200).json();
    for (field, value) in [
        ("id", json!(image.id)),
        ("version", json!(2)),
        ("format", json!("webp")),
        ("width", json!(120)),
        ("height", json!(90)),
        ("bytes", json!(stored.body.len())),
    ] {
        assert_eq!(view[field], value, "{field} of {view}");
    }
    let content = client.get(&format!("/images/{}/content", image.id)).await.expect(200);
    assert_eq!(content.body, stored.body, "the saved version is current");
    let full = client.job(&job).await;
    assert_eq!(
        (&full["state"], &full["attempts"], &full["result"]["version"]),
        (&json!("completed"), &json!(1), &json!(2),)
    );
}

async fn list_and_delete(client: &Client, image: &Uploaded) {
    let ids: Vec<String> = client.list("/images").await.iter().map(|image| text(&image["id"])).collect();
    assert_eq!(ids, [image.id.as_str()]);
    let jobs = client.list("/jobs").await;
    assert!(jobs.len() >= 2 && jobs.iter().all(|job| job["state"] == "completed"), "{jobs:?}");

    let path = format!("/images/{}", image.id);
    let deleted = client.delete(&path).await.expect(204);
    assert!(deleted.body.is_empty());
    for path in [path.clone(), format!("{path}/content")] {
        client.get(&path).await.problem(404, "unknown_image");
    }
    client.delete(&path).await.problem(404, "unknown_image");
    let body = json!({ "width": 9, "saveImage": false });
    client.post(&format!("/images/transform/{}", image.id), &body).await.problem(404, "unknown_image");
    assert!(client.list("/images").await.is_empty());
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The same work twice: two jobs, one result.
async fn twice_alike(client: &Client, image: &str, body: &Value) {
    let (first, second) = (client.transform(image, body).await, client.transform(image, body).await);
    assert_ne!(first, second);
    client.completed(&first).await;
    client.completed(&second).await;
    assert_eq!(client.result(&first).await, client.result(&second).await);
}
