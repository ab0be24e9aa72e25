//! Files made to do harm: to the server by what they unfold to, to others by what they could be taken for, and to
//! their owner by what they tell.

use pixmill::Format;
use pixmill_testkit::fixtures;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

async fn upload(app: &TestApp, token: &str, file: &[u8]) -> Answer {
    app.post("/images/upload").token(token).file(file).send().await
}

/// Makes a file of `file` with all fields of `request` and gives its status.
async fn transformed(app: &TestApp, token: &str, file: &[u8], request: &Value) -> (Value, Answer) {
    let image = upload(app, token, file).await.ok().json()["id"].as_str().unwrap().to_owned();
    let asked = app.post(&format!("/images/transform/{image}")).token(token).json(request).send().await.ok();
    let job = asked.json()["jobId"].as_str().unwrap().to_owned();
    app.work().await;
    let status = app.get(&format!("/jobs/{job}")).token(token).send().await.ok().json();
    (status, app.get(&format!("/images/transformedImage/{job}")).token(token).send().await)
}

/// A GIF of so many frames of one pixel.
fn gif(frames: usize) -> Vec<u8> {
    let frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";
    [&b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff"[..], &frame.repeat(frames), b";"].concat()
}

/// A progressive JPEG of 8 x 8 pixels whose data come in so many scans.
fn jpeg_in_scans(scans: usize) -> Vec<u8> {
    let mut file = b"\xff\xd8\xff\xdb\0\x43\0".to_vec();
    file.extend([1; 64]);
    file.extend(b"\xff\xc2\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0");
    // One code in each table: no difference, and the end of a block.
    for table in [0x00, 0x10] {
        file.extend([0xff, 0xc4, 0, 20, table, 1]);
        file.extend([0; 16]);
    }
    for scan in 0..scans {
        let (first, last) = if scan == 0 { (0, 0) } else { (1, 63) };
        file.extend([0xff, 0xda, 0, 8, 1, 1, 0, first, last, 0, 0x7f]);
    }
    file.extend(b"\xff\xd9");
    file
}

/// 16 MiB of nothing, deflated.
fn bomb() -> Vec<u8> {
    fdeflate::compress_to_vec(&vec![0; 16 << 20])
}

#[tokio::test]
async fn what_unfolds_too_far_is_refused_or_fails_its_own_job_at_once() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let request = json!({"flip": true, "format": "png", "saveImage": false});
    let profile = [&b"a\0\0"[..], &bomb()].concat();
    let profile = fixtures::png_with(40, 30, &[(*b"iCCP", &profile)]).to_vec();
    for (what, file) in [("frames", gif(10_000)), ("ICC profile", profile), ("scans", jpeg_in_scans(20_000))]
    {
        let refused = upload(&app, &token, &file).await;
        // Frames are counted while the file arrives.
        if what == "frames" || !refused.status.is_success() {
            let problem = refused.problem(422, "limit_exceeded");
            assert!(problem["detail"].as_str().unwrap().contains(what), "{problem}");
            continue;
        }
        let (status, result) = transformed(&app, &token, &file, &request).await;
        assert_eq!(
            (&status["state"], &status["attempts"]),
            (&json!("failed"), &json!(1)),
            "{what}: {status}"
        );
        assert_eq!(status["error"]["code"], "limit_exceeded", "{what}: {status}");
        assert!(status["error"]["detail"].as_str().unwrap().contains(what), "{status}");
        result.problem(409, "job_failed");
    }
    for file in [gif(200), jpeg_in_scans(10)] {
        let (status, _) = transformed(&app, &token, &file, &request).await;
        assert_eq!(status["state"], "completed", "what is within the limits is fine: {status}");
    }
}

#[tokio::test]
async fn texts_in_a_file_are_never_unfolded() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let (zipped, international) =
        ([&b"a\0\0"[..], &bomb()].concat(), [&b"a\0\x01\0\0\0"[..], &bomb()].concat());
    let file = fixtures::png_with(40, 30, &[(*b"zTXt", &zipped), (*b"iTXt", &international)]);
    let (status, result) = transformed(&app, &token, &file, &json!({"flip": true, "saveImage": false})).await;
    assert_eq!(status["state"], "completed", "{status}");
    assert!(result.body.len() < file.len(), "the texts are not in the result");
}

#[tokio::test]
async fn what_other_programs_would_interpret_is_no_image() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    for file in [
        &b"push graphic-context\nviewbox 0 0 640 480\nfill 'url(https://a/\"|id\")'\npop graphic-context"[..],
        b"%!PS-Adobe-3.0 EPSF-3.0\n%pipe%id",
        b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><svg>&b;</svg>",
        b"ephemeral:/etc/passwd",
        b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0",
        b"PK\x03\x04\x14\0\0\0\x08\0",
        b"#!/bin/sh\nid\n",
        b"II*\0\x08\0\0\0",
        b"\0\0\x01\0\x01\0\x10\x10",
    ] {
        upload(&app, &token, file).await.problem(415, "unsupported_format");
    }
}

#[tokio::test]
async fn a_file_that_is_two_things_is_served_as_the_image_and_goes_no_further() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let page = b"<html><script>alert(document.domain)</script></html>PK\x03\x04";
    for format in Format::ALL {
        let file = [&fixtures::file(format, 40, 30)[..], page].concat();
        let image = upload(&app, &token, &file).await.ok().json();
        let id = image["id"].as_str().unwrap();
        let link = image["url"].as_str().unwrap().strip_prefix("http://pixmill.test").unwrap();
        for answer in [
            app.get(&format!("/images/{id}/content")).token(&token).send().await.ok(),
            app.get(link).send().await.ok(),
        ] {
            assert_eq!(answer.header("content-type"), format.media_type());
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox");
            let name = format!("inline; filename=\"{id}.{}\"", format.extension());
            assert_eq!(answer.header("content-disposition"), name);
        }
        let (_, result) = transformed(&app, &token, &file, &json!({"flip": true, "saveImage": false})).await;
        let result = result.ok();
        assert_eq!(result.header("x-content-type-options"), "nosniff");
        assert!(!contains(&result.body, b"<script>"), "{format}: only pixels get into a result");
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// EXIF of a place and a small picture beside the orientation: a TIFF structure with two directories and one for GPS.
fn exif() -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let (tag, kind) = (tag.to_le_bytes(), kind.to_le_bytes());
        [&tag[..], &kind, &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let (place, small) = (b"SECRET-PLACE", b"\xff\xd8SECRET-THUMB\xff\xd9");
    let (gps, second, data): (u32, u32, u32) = (8 + 2 + 2 * 12 + 4, 8 + 30 + 18, 8 + 30 + 18 + 30);
    [
        &b"II*\0\x08\0\0\0\x02\0"[..],
        &entry(0x0112, 3, 1, 6),
        &entry(0x8825, 4, 1, gps),
        &second.to_le_bytes(),
        b"\x01\0",
        &entry(0x0012, 2, place.len() as u32, data),
        &[0; 4],
        b"\x02\0",
        &entry(0x0201, 4, 1, data + place.len() as u32),
        &entry(0x0202, 4, 1, small.len() as u32),
        &[0; 4],
        place,
        small,
    ]
    .concat()
}

#[tokio::test]
async fn a_result_tells_neither_where_nor_what_was_cut_away() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let exif = exif();
    let jpeg = fixtures::file(Format::Jpeg, 40, 30);
    let length = (2 + 6 + exif.len() as u16).to_be_bytes();
    let jpeg = [&jpeg[..2], b"\xff\xe1", &length, b"Exif\0\0", &exif, &jpeg[2..]].concat();
    let png = fixtures::png_with(40, 30, &[(*b"eXIf", &exif)]);
    for file in [&jpeg[..], &png] {
        for format in Format::ALL {
            let name = format.extension();
            for asked in ["", "keepCopyright", "keepMetadata"] {
                let keep = asked == "keepMetadata";
                let mut request = json!({"format": name, "saveImage": false});
                if !asked.is_empty() {
                    request[asked] = json!(true);
                }
                let (status, result) = transformed(&app, &token, file, &request).await;
                let sides = (&status["result"]["width"], &status["result"]["height"]);
                assert_eq!(sides, (&json!(30), &json!(40)), "it is turned first: {status}");
                // GIF has no place for it, and AVIF keeps none.
                let kept = keep && !matches!(format, Format::Gif | Format::Avif);
                for part in [&b"SECRET-PLACE"[..], b"SECRET-THUMB"] {
                    assert_eq!(contains(&result.body, part), kept, "{name}, kept: {keep}");
                }
            }
        }
        let id = upload(&app, &token, file).await.ok().json()["id"].as_str().unwrap().to_owned();
        let shown = app.get(&format!("/images/{id}")).token(&token).send().await.ok();
        assert!(!contains(&shown.body, b"SECRET") && !contains(&shown.body, b"gps"), "{:?}", shown.body);
    }
}

#[tokio::test]
async fn the_same_request_gives_the_same_bytes_and_nothing_that_was_in_memory() {
    for format in ["jpeg", "png", "webp", "avif", "gif"] {
        let mut results = Vec::new();
        for _ in 0..2 {
            let app = TestApp::new();
            let token = app.user("anna").await;
            let request =
                json!({"width": 33, "rotation": 7, "blur": 1, "format": format, "saveImage": false});
            results.push(transformed(&app, &token, &fixtures::png(40, 30), &request).await.1.ok().body);
        }
        assert_eq!(results[0], results[1], "{format}");
    }
}
