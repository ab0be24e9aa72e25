//! Reading, listing and deleting images, links to them, and who may do it.

use std::time::Duration;

use pixmill_testkit::fixtures;
use poem::http::Method;

use crate::support::TestApp;

#[tokio::test]
async fn an_image_is_described() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let id = app.image(&token).await;
    let json = app.get(&format!("/images/{id}")).token(&token).send().await.ok().json();
    assert_eq!(json["id"], id.as_str());
    assert_eq!(
        (json["format"].as_str(), json["width"].as_u64(), json["height"].as_u64()),
        (Some("png"), Some(40), Some(30))
    );
    assert_eq!(json["bytes"].as_u64(), Some(fixtures::png(40, 30).len() as u64));
    assert_eq!(json["version"], 1);
    assert_eq!(json["createdAt"], "2026-01-01T00:00:00.000Z");
    assert!(json["url"].as_str().unwrap().starts_with("http://pixmill.test/files/"));
    let metadata = json["metadata"].as_object().unwrap();
    assert_eq!(metadata["orientation"], 1);
    assert!(metadata["thumbHash"].as_str().is_some_and(|hash| (20..50).contains(&hash.len())));
    assert!(metadata["dominantColour"].as_str().is_some_and(|colour| colour.starts_with('#')));
    assert_eq!(metadata.len(), 3, "what is not known is absent");
}

#[tokio::test]
async fn an_image_whose_pixels_are_damaged_has_no_metadata() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let file = fixtures::png(40, 30);
    let answer = app.post("/images/upload").token(&token).file(&file[..file.len() / 2]).send().await;
    assert_eq!(answer.status, 201);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let json = app.get(&format!("/images/{id}")).token(&token).send().await.ok().json();
    assert!(json.get("metadata").is_none());
}

#[tokio::test]
async fn what_belongs_to_others_does_not_exist() {
    let app = TestApp::new();
    let (anna, bob) = (app.user("anna").await, app.user("bob").await);
    let image = app.image(&anna).await;
    let job = app.job(&anna, &image, false).await;
    let unknown = "0123456789abcdef01234567";
    for (method, path) in [
        ("GET", "/images/ID"),
        ("DELETE", "/images/ID"),
        ("GET", "/images/ID/content"),
        ("GET", "/images/ID/versions"),
        ("POST", "/images/ID/undo"),
        ("POST", "/images/ID/redo"),
        ("POST", "/images/ID/versions/1/restore"),
        ("POST", "/images/transform/ID"),
        ("GET", "/api/JobStatus/ID"),
        ("GET", "/images/transformedImage/ID"),
        ("GET", "/jobs/ID"),
    ] {
        let mut answers = Vec::new();
        for id in [&image, &job, unknown, "nonsense", "0123456789ABCDEF01234567", "%2e%2e", "..%2f..%2fetc"] {
            let call = app.request(method.parse().unwrap(), &path.replace("ID", id)).token(&bob);
            let call = call.header("x-request-id", "same").text(r#"{"width":10,"saveImage":false}"#);
            let answer = call.send().await;
            assert_eq!(answer.status, 404, "{method} {path} {id}");
            answers.push(answer.body);
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{method} {path}: {answers:?}");
    }
    app.get(&format!("/images/{image}")).token(&anna).send().await.ok();
}

#[tokio::test]
async fn lists_come_in_pages() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        app.clock.advance(Duration::from_secs(1));
        ids.push(app.image(&token).await);
    }
    ids.reverse();
    let mut path = "/images?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let answer = app.get(&path).token(&token).send().await.ok();
        let json = answer.json();
        seen.extend(
            json["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = json["next"].as_str() else {
            assert_eq!(answer.header("link"), "");
            break;
        };
        assert_eq!(answer.header("link"), format!("</images?limit=2&after={next}>; rel=\"next\""));
        path = format!("/images?limit=2&after={next}");
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn deleted_images_are_gone() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let id = app.image(&token).await;
    let path = format!("/images/{id}");
    let link = app.get(&path).token(&token).send().await.ok().json()["url"].as_str().unwrap().to_owned();
    let answer = app.delete(&path).token(&token).send().await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    app.get(&path).token(&token).send().await.problem(404, "unknown_image");
    app.delete(&path).token(&token).send().await.problem(404, "unknown_image");
    let link = link.strip_prefix("http://pixmill.test").unwrap();
    app.get(link).send().await.problem(404, "unknown_image");
}

#[tokio::test]
async fn content_is_conditional_and_in_ranges() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let id = app.image(&token).await;
    let file = fixtures::png(40, 30);
    let path = format!("/images/{id}/content");
    let whole = app.get(&path).token(&token).send().await.ok();
    let etag = whole.header("etag").to_owned();
    assert_eq!(whole.body, file);
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-length", file.len().to_string().as_str()),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("content-disposition", format!("inline; filename=\"{id}.png\"").as_str()),
        ("cross-origin-resource-policy", "cross-origin"),
        ("cache-control", "private, no-cache"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(whole.header(name), value, "{name}");
    }

    let same = app.get(&path).token(&token).header("if-none-match", &etag).send().await;
    assert_eq!((same.status.as_u16(), same.body.len(), same.header("etag")), (304, 0, etag.as_str()));
    let other = app.get(&path).token(&token).header("if-none-match", "\"other\"").send().await;
    assert_eq!(other.status, 200);

    let part = app.get(&path).token(&token).header("range", "bytes=8-15").send().await;
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &file[8..16]));
    assert_eq!(part.header("content-range"), format!("bytes 8-15/{}", file.len()));
    assert_eq!(part.header("content-length"), "8");
    let resumed =
        app.get(&path).token(&token).header("range", "bytes=8-").header("if-range", &etag).send().await;
    assert_eq!((resumed.status.as_u16(), &resumed.body[..]), (206, &file[8..]));
    let changed =
        app.get(&path).token(&token).header("range", "bytes=8-").header("if-range", "\"old\"").send().await;
    assert_eq!((changed.status.as_u16(), changed.body.len()), (200, file.len()));
    let outside = app.get(&path).token(&token).header("range", "bytes=99999999-").send().await;
    outside.problem(416, "range_not_satisfiable");
    assert_eq!(outside.header("content-range"), format!("bytes */{}", file.len()));

    let head = app.request(Method::HEAD, &path).token(&token).header("range", "bytes=8-15").send().await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(
        (head.header("content-length"), head.header("etag")),
        (file.len().to_string().as_str(), etag.as_str())
    );
}

#[tokio::test]
async fn signed_links_work_until_they_expire() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let id = app.image(&token).await;
    let json = app.get(&format!("/images/{id}")).token(&token).send().await.ok().json();
    let link = json["url"].as_str().unwrap().strip_prefix("http://pixmill.test").unwrap().to_owned();
    app.clock.advance(Duration::from_secs(100));
    let answer = app.get(&link).send().await.ok();
    assert_eq!(answer.header("cache-control"), "private, immutable, max-age=800");
    assert_eq!(answer.header("content-disposition"), format!("inline; filename=\"{id}.png\""));
    let again = app.get(&link).header("if-none-match", answer.header("etag")).send().await;
    assert_eq!(again.status, 304);
    assert_eq!(app.get(&link).header("range", "bytes=0-3").send().await.body, answer.body[..4]);
    assert_eq!(app.request(Method::HEAD, &link).send().await.status, 200);

    let forged = [
        link.replace("signature=", "signature=00"),
        link.replace("/1?", "/2?"),
        link.replace("expires=1", "expires=2"),
        link.replace("expires", "expired"),
        link.replace(&id, "0123456789abcdef01234567"),
        link.replace(&id, "nonsense"),
        format!("{link}&signature=00"),
        link.split('?').next().unwrap().to_owned(),
    ];
    for forged in forged {
        app.get(&forged).send().await.problem(403, "link_invalid");
    }
    app.clock.advance(Duration::from_secs(800));
    app.get(&link).send().await.problem(403, "link_expired");
}

#[tokio::test]
async fn files_beyond_the_cache_are_streamed() {
    let app = TestApp::with(|_| {}, |settings| settings.max_cached_bytes = 0);
    let token = app.user("anna").await;
    let file = fixtures::png(200, 150);
    let answer = app.post("/images/upload").token(&token).file(&file).send().await.ok();
    let path = format!("/images/{}/content", answer.json()["id"].as_str().unwrap());
    assert_eq!(app.get(&path).token(&token).send().await.ok().body, file);
}
