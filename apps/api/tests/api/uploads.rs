//! Uploads: what gets in, and what is refused when.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use pixmill::ports::PortErrorKind;
use pixmill::{BlobPrefix, ports::BlobStore};
use pixmill_testkit::{Calls, Fault, fixtures};
use poem::Body;

use crate::support::{FORM, MAX_UPLOAD, TestApp, form, part};

async fn stored(app: &TestApp) -> usize {
    app.memory.blobs.list(BlobPrefix::all()).await.unwrap().count().await
}

#[tokio::test]
async fn the_documented_answer() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let file = fixtures::png(40, 30);
    let answer = app.post("/images/upload").token(&token).file(&file).send().await;
    let json = answer.json();
    let id = json["id"].as_str().unwrap();
    assert_eq!((answer.status.as_u16(), json["message"].as_str()), (201, Some("Image uploaded and saved")));
    assert_eq!(answer.header("location"), format!("/images/{id}"));
    let link = json["url"].as_str().unwrap().strip_prefix("http://pixmill.test").unwrap();
    let read = app.get(link).send().await;
    assert_eq!((read.status.as_u16(), read.header("content-type")), (200, "image/png"));
    assert_eq!(read.body, file);
}

#[tokio::test]
async fn other_fields_are_skipped() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let parts = [part("title", b"A picture"), part("file", &fixtures::png(4, 3)), part("tail", b"more")];
    app.post("/images/upload").token(&token).form(&parts).send().await.ok();
}

#[tokio::test]
async fn a_body_in_single_bytes_is_understood() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let form = form(&[part("title", b"--XY"), part("file", &fixtures::png(4, 3))]);
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = form.into_iter().map(|byte| Ok(vec![byte])).collect();
    let body = Body::from_bytes_stream(futures::stream::iter(pieces));
    let call = app.post("/images/upload").token(&token).header("content-type", FORM).body(body);
    call.send().await.ok();
}

#[tokio::test]
async fn bad_bodies() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let png = fixtures::png(40, 30);
    let whole = form(&[part("file", &png)]);
    let many: Vec<Vec<u8>> = (0..40).map(|n| part(&format!("f{n}"), b"x")).collect();
    for (what, content_type, body, status, code) in [
        ("no form", "image/png", png.to_vec(), 415, "unsupported_media_type"),
        ("json", "application/json", b"{}".to_vec(), 415, "unsupported_media_type"),
        ("no boundary", "multipart/form-data", whole.clone(), 400, "malformed_multipart"),
        ("nothing", FORM, Vec::new(), 400, "interrupted"),
        ("no parts", FORM, form(&[]), 400, "missing_file"),
        ("no file", FORM, form(&[part("image", &png)]), 400, "missing_file"),
        ("two files", FORM, form(&[part("file", &png), part("file", &png)]), 400, "malformed_multipart"),
        ("cut in the file", FORM, whole[..whole.len() - 40].to_vec(), 400, "interrupted"),
        (
            "cut before the end",
            FORM,
            [part("file", &png), part("x", b"y")[..30].to_vec()].concat(),
            400,
            "interrupted",
        ),
        ("many parts", FORM, form(&many), 400, "malformed_multipart"),
        ("an empty file", FORM, form(&[part("file", b"")]), 415, "unsupported_format"),
        (
            "text",
            FORM,
            form(&[part("file", b"<html>hello, this is no image at all</html>")]),
            415,
            "unsupported_format",
        ),
        (
            "svg",
            FORM,
            form(&[part("file", b"<svg xmlns='http://www.w3.org/2000/svg'/>")]),
            415,
            "unsupported_format",
        ),
        ("half an image", FORM, form(&[part("file", &png[..20])]), 422, "undecodable"),
    ] {
        let call = app.post("/images/upload").token(&token).header("content-type", content_type).body(body);
        let answer = call.send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (status, Some(code)),
            "{what}: {answer:?}"
        );
        answer.problem(status, code);
        assert_eq!(stored(&app).await, 0, "{what} left something behind");
    }
    let list = app.get("/images").token(&token).send().await;
    assert_eq!(list.json()["items"], serde_json::json!([]));
}

#[tokio::test]
async fn images_over_the_pixel_limit_are_refused() {
    let app = TestApp::with(|_| {}, |settings| settings.limits.max_pixels = 1000);
    let token = app.user("anna").await;
    let call = app.post("/images/upload").token(&token).file(&fixtures::png(40, 30));
    call.send().await.problem(422, "limit_exceeded");
}

#[tokio::test]
async fn an_announced_giant_is_refused_unread() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let body = Body::from_bytes_stream(futures::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Vec<u8>, std::io::Error>>> { panic!("the body was read") },
    ));
    let length = (MAX_UPLOAD + (64 << 10) + 1).to_string();
    let call = app.post("/images/upload").token(&token).header("content-type", FORM);
    call.header("content-length", &length).body(body).send().await.problem(413, "payload_too_large");
}

/// A form whose file goes on for ever, and how many pieces of it were read.
fn endless(name: &str) -> (Body, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let count = read.clone();
    // A real header, so that only the number of bytes is at fault.
    let head = [part(name, &fixtures::png(40, 30))[..].strip_suffix(b"\r\n").unwrap()].concat();
    let rest = futures::stream::repeat_with(move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(vec![0_u8; 4096])
    });
    (Body::from_bytes_stream(futures::stream::iter([Ok(head)]).chain(rest)), read)
}

#[tokio::test]
async fn a_head_without_end_is_not_collected() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let read = Arc::new(AtomicUsize::new(0));
    let count = read.clone();
    let start = std::iter::once(Ok::<_, std::io::Error>(b"--XYZ\r\nX-Long: ".to_vec()));
    let rest = std::iter::repeat_with(move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(vec![b'a'; 1024])
    });
    let body = Body::from_bytes_stream(futures::stream::iter(start.chain(rest)));
    let call = app.post("/images/upload").token(&token).header("content-type", FORM).body(body);
    call.send().await.problem(400, "malformed_multipart");
    assert!(read.load(Ordering::Relaxed) <= 20, "read {} pieces", read.load(Ordering::Relaxed));
}

#[tokio::test]
async fn an_unannounced_giant_is_refused_at_the_limit() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    for name in ["file", "other"] {
        let (body, read) = endless(name);
        let call = app.post("/images/upload").token(&token).header("content-type", FORM).body(body);
        call.send().await.problem(413, "payload_too_large");
        let most = (MAX_UPLOAD as usize + (64 << 10)) / 4096 + 2;
        assert!(read.load(Ordering::Relaxed) <= most, "{name}: read {} pieces", read.load(Ordering::Relaxed));
        assert_eq!(stored(&app).await, 0);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let head = part("file", &fixtures::png(40, 30))[..200].to_vec();
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "gone");
    let body = Body::from_bytes_stream(futures::stream::iter([Ok(head), Err(broken)]));
    let call = app.post("/images/upload").token(&token).header("content-type", FORM).body(body);
    call.send().await.problem(400, "interrupted");
    assert_eq!(stored(&app).await, 0);
}

#[tokio::test]
async fn a_full_store_is_not_the_clients_fault() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    app.faults.inject("blobs.put", Calls::All, Fault::Before(PortErrorKind::Full));
    let answer = app.post("/images/upload").token(&token).file(&fixtures::png(40, 30)).send().await;
    answer.problem(503, "unavailable");
    assert!(!answer.header("retry-after").is_empty());
}
