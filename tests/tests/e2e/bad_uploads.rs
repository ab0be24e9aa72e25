//! Files that are no images, or impossible ones: each gets its answer, and nothing of them stays.

use pixmill_e2e::{Connection, Home, Kind, eventually};
use pixmill_testkit::fixtures::png;
use serde_json::json;

use crate::fixtures::{photo, png_header, tiny_webp_of_huge_size};
use crate::walk::walk;

/// What the server of these tests takes at most.
const MAX_BYTES: usize = 500_000;

const HTML: &[u8] = b"<!DOCTYPE html><html><script>alert(1)</script></html>";
const SVG: &[u8] = b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";

#[tokio::test]
async fn bad_files_are_refused_and_leave_nothing() {
    let limit = MAX_BYTES.to_string();
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "0"), ("MAX_UPLOAD_BYTES", &limit)]).await;
    let client = server.user("anna").await;
    let huge = png_header(0x7FFF_FFFF, 0x7FFF_FFFF);
    let too_large = [&png(10, 10)[..], &vec![0; MAX_BYTES]].concat();
    let cut_header = &png(10, 10)[..20];
    for (what, file, status, code) in [
        ("an empty file", &[][..], 415, "unsupported_format"),
        ("one byte", b"\xff", 415, "unsupported_format"),
        ("text", b"This is a photo, honestly.", 415, "unsupported_format"),
        ("HTML", HTML, 415, "unsupported_format"),
        ("SVG", SVG, 415, "unsupported_format"),
        ("a PDF", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", 415, "unsupported_format"),
        ("a PNG of 2147483647 pixels a side", &huge, 422, "limit_exceeded"),
        ("a WebP of 28 bytes and 268 megapixels", &tiny_webp_of_huge_size(), 422, "limit_exceeded"),
        ("a PNG cut off in its header", cut_header, 422, "undecodable"),
        ("a file over the limit", &too_large, 413, "payload_too_large"),
    ] {
        let answer = client.send_file(file, "photo.jpg", "image/jpeg").await;
        answer.about(what).problem(status, code);
    }
    nothing_stays(server.home()).await;
    walk(&server, "berta").await;
}

#[tokio::test]
async fn the_name_and_the_type_of_a_file_do_not_matter() {
    let server = crate::start(&[]).await;
    let client = server.user("anna").await;
    for (name, media_type) in
        [("../../etc/passwd", "text/html"), ("a\\b.svg", "image/svg+xml"), ("", "application/octet-stream")]
    {
        let answer = client.send_file(png(8, 6), name, media_type).await.expect(201).json();
        let id = answer["id"].as_str().unwrap();
        let content = client.get(&format!("/images/{id}/content")).await.expect(200);
        assert_eq!(content.header("content-type"), "image/png", "{name}");
        assert!(!content.header("content-disposition").contains("passwd"), "no client's name comes back");
    }
}

#[tokio::test]
async fn bad_bodies_are_refused_and_leave_nothing() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    let form = "Content-Type: multipart/form-data; boundary=b";
    let part = |name: &str, data: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\r\n{data}\r\n")
    };
    let (open, closed) = (part("file", "GIF89a"), |parts: &str| format!("{parts}--b--\r\n"));
    let many: String = (0..200).map(|number| part(&format!("f{number}"), "x")).collect();
    let long_head = part(&"n".repeat(100_000), "x");
    for (what, media_type, body, status, code) in [
        ("no multipart", "Content-Type: image/png", "x".to_owned(), 415, "unsupported_media_type"),
        ("no type", "X-Nothing: at-all", "x".to_owned(), 415, "unsupported_media_type"),
        ("no boundary", "Content-Type: multipart/form-data", "x".to_owned(), 400, "malformed_multipart"),
        ("no file", form, closed(&part("photo", "x")), 400, "missing_file"),
        ("no parts", form, closed(""), 400, "missing_file"),
        ("no end", form, open, 400, "interrupted"),
        ("too many parts", form, closed(&many), 400, "malformed_multipart"),
        ("a long head", form, closed(&long_head), 400, "malformed_multipart"),
        ("no parts at all", form, "nonsense".to_owned(), 400, "interrupted"),
    ] {
        let mut connection = Connection::open(server.address()).await.unwrap();
        let size = format!("Content-Length: {}", body.len());
        let headers = [client.authorization(), media_type.to_owned(), size];
        let head = Connection::request("POST", "/images/upload", &headers, b"");
        let sent = connection.stream(&head, [body.into_bytes()].into_iter()).await;
        let (_, reply) = sent.unwrap_or_else(|error| panic!("{what}: {error}"));
        let text = String::from_utf8_lossy(reply.body);
        assert_eq!(reply.status, status, "{what}: {text}");
        assert!(reply.head.to_lowercase().contains("content-type: application/problem+json"), "{what}");
        assert!(
            text.contains(&format!("\"code\":\"{code}\"")) && text.contains("\"requestId\":"),
            "{what}: {text}"
        );
    }
    nothing_stays(server.home()).await;
}

#[tokio::test]
async fn damage_that_only_decoding_finds_fails_the_job_at_once() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    for kind in Kind::ALL {
        let whole = photo(&client, kind).await;
        let answer = client.send_file(&whole[..whole.len() * 2 / 3], "cut.jpg", "image/jpeg").await;
        if answer.status != 201 {
            answer.problem(422, "undecodable");
            continue;
        }
        let image = answer.json()["id"].as_str().unwrap().to_owned();
        let job = client.transform(&image, &json!({ "width": 20, "format": "png", "saveImage": true })).await;
        let status = client.ended(&job).await;
        assert_eq!(status["status"], "failed", "a cut {} was taken for whole", kind.name());
        assert_eq!(status["error"]["code"], "undecodable", "{status}");
        assert!(!status["error"]["detail"].as_str().unwrap().is_empty());
        assert_eq!(client.job(&job).await["attempts"], 1, "bad input is not tried again");
        client.get(&format!("/images/transformedImage/{job}")).await.problem(409, "job_failed");
        let view = client.get(&format!("/images/{image}")).await.expect(200).json();
        assert_eq!(view["version"], 1, "a failed job saves nothing");
    }
    for image in client.list("/images").await {
        client.delete(&format!("/images/{}", image["id"].as_str().unwrap())).await.expect(204);
    }
    nothing_stays(server.home()).await;
}

/// Waits until no file is left of anything.
pub(crate) async fn nothing_stays(home: &Home) {
    eventually("no blob and no temporary file is left", async || {
        (home.blobs().is_empty() && home.temporary_files().is_empty()).then_some(())
    })
    .await;
}
