//! Rate limits, other origins, readiness.

use std::time::Duration;

use pixmill::ports::PortErrorKind;
use pixmill_testkit::{Calls, Fault, fixtures};
use poem::http::Method;
use serde_json::{Value, json};

use crate::support::{FORM, PASSWORD, TestApp, part};

#[tokio::test]
async fn writes_are_counted_for_each_user() {
    let app = TestApp::limited(10);
    let (anna, bob) = (app.user("anna").await, app.user("bob").await);
    let upload =
        async |token: &str| app.post("/images/upload").token(token).file(&fixtures::png(4, 3)).send().await;
    for left in (2..10).rev() {
        let answer = upload(&anna).await.ok();
        assert_eq!(answer.header("ratelimit-policy"), "\"write\";q=10;w=600");
        let full_in = (10 - left) * 60;
        assert_eq!(answer.header("ratelimit"), format!("\"write\";r={left};t={full_in}"));
    }
    app.delete("/images/nonsense").token(&anna).send().await.problem(404, "unknown_image");
    let transform = app.post("/images/transform/nonsense").token(&anna).text("{}");
    transform.send().await.problem(404, "unknown_image");

    let refused = upload(&anna).await;
    refused.problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(refused.header("ratelimit"), "\"write\";r=0;t=600");
    assert_eq!(refused.header("ratelimit-policy"), "\"write\";q=10;w=600");
    let polled = app.get("/images").token(&anna).send().await.ok();
    assert_eq!(polled.header("ratelimit"), "", "reads are not counted");
    upload(&bob).await.ok();

    app.clock.advance(Duration::from_secs(wait));
    upload(&anna).await.ok();
    upload(&anna).await.problem(429, "rate_limited");
}

#[tokio::test]
async fn a_refused_upload_is_not_read() {
    let app = TestApp::limited(1);
    let token = app.user_within_limits("anna").await;
    app.delete("/images/nonsense").token(&token).send().await.problem(404, "unknown_image");
    let body = poem::Body::from_bytes_stream(futures::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Vec<u8>, std::io::Error>>> { panic!("the body was read") },
    ));
    let call = app.post("/images/upload").token(&token).header("content-type", FORM).body(body);
    call.send().await.problem(429, "rate_limited");
}

#[tokio::test]
async fn logins_are_counted_for_each_account_and_each_address() {
    let app = TestApp::limited(20);
    let login = async |username: &str| {
        app.post("/auth/login").json(&json!({"username": username, "password": PASSWORD})).send().await
    };
    for _ in 0..5 {
        login("anna").await.problem(401, "login_refused");
    }
    let refused = login("ANNA").await;
    refused.problem(429, "rate_limited");
    assert!(!refused.header("retry-after").is_empty());
    for _ in 0..5 {
        login("bob").await.problem(401, "login_refused");
    }
    for n in 0..9 {
        login(&format!("carl{n}")).await.problem(401, "login_refused");
    }
    login("dora").await.problem(429, "rate_limited");
    let register = app.post("/auth/register").json(&json!({"username": "dora", "password": PASSWORD}));
    register.send().await.problem(429, "rate_limited");
}

#[tokio::test]
async fn a_forged_address_gives_no_further_guesses() {
    let app = TestApp::limited(10);
    let login = async |n: u32, username: &str| {
        let call = app.post("/auth/login").header("x-forwarded-for", &format!("198.51.100.{n}"));
        let call =
            call.header("x-real-ip", &format!("198.51.100.{n}")).header("forwarded", "for=198.51.100.9");
        call.json(&json!({"username": username, "password": PASSWORD})).send().await
    };
    for n in 0..10 {
        login(n, &format!("carl{n}")).await.problem(401, "login_refused");
    }
    login(10, "dora").await.problem(429, "rate_limited");
}

/// A form whose file never comes to its end.
fn unending() -> poem::Body {
    let head = part("file", &fixtures::png(40, 30))[..200].to_vec();
    let head = futures::stream::iter([Ok::<_, std::io::Error>(head)]);
    poem::Body::from_bytes_stream(futures::StreamExt::chain(head, futures::stream::pending()))
}

fn unread() -> poem::Body {
    poem::Body::from_bytes_stream(futures::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Vec<u8>, std::io::Error>>> { panic!("the body was read") },
    ))
}

#[tokio::test]
async fn uploads_beyond_the_places_are_refused_unread() {
    let app = TestApp::with(|config| config.max_uploads = 5, |_| {});
    let (anna, bob, carl) = (app.user("anna").await, app.user("bob").await, app.user("carl").await);
    let upload = |token: &str, body| {
        app.post("/images/upload").token(token).header("content-type", FORM).body(body).send()
    };
    let begun: Vec<_> = [&anna, &anna, &bob, &bob].map(|token| upload(token, unending())).into();
    let mut begun = futures::future::join_all(begun);
    assert!(futures::poll!(&mut begun).is_pending());
    let refused = upload(&anna, unread()).await;
    refused.problem(429, "too_many_uploads");
    assert_eq!(refused.header("retry-after"), "2");
    app.image(&carl).await;

    let mut last = Box::pin(upload(&carl, unending()));
    assert!(futures::poll!(&mut last).is_pending());
    let refused = upload(&carl, unread()).await;
    refused.problem(503, "busy");
    assert_eq!(refused.header("retry-after"), "2");
    app.get("/images").token(&carl).send().await.ok();
    drop(begun);
    app.image(&anna).await;
}

#[tokio::test]
async fn a_broken_limiter_keeps_nobody_out() {
    let app = TestApp::limited(1);
    app.faults.inject("limiter.check", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    let token = app.user("anna").await;
    for _ in 0..3 {
        app.image(&token).await;
    }
}

#[tokio::test]
async fn readiness_follows_the_switch() {
    let app = TestApp::new();
    let ready = app.get("/health/ready").send().await;
    assert_eq!((ready.status.as_u16(), ready.json()), (200, json!({"status": "ok"})));
    app.readiness.wait_for(vec!["S3"]);
    let waiting = app.get("/health/ready").send().await;
    let expected = json!({"status": "unavailable", "waitingFor": ["S3"]});
    assert_eq!((waiting.status.as_u16(), waiting.json()), (503, expected));
    app.readiness.stop();
    let unready = app.get("/health/ready").send().await;
    assert_eq!((unready.status.as_u16(), unready.json()), (503, json!({"status": "unavailable"})));
    assert_eq!(app.get("/health/live").send().await.status, 200);
}

#[tokio::test]
async fn pages_of_listed_origins_may_call() {
    let app =
        TestApp::with(|config| config.cors_allowed_origins = vec!["https://app.test".to_owned()], |_| {});
    let allowed = app.get("/health/live").header("origin", "https://app.test").send().await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.test");
    assert!(allowed.header("access-control-expose-headers").contains("retry-after"));
    assert_eq!(allowed.header("vary"), "origin");
    let refused = app.get("/images").header("origin", "https://app.test").send().await;
    refused.problem(401, "token_missing");
    assert_eq!(refused.header("access-control-allow-origin"), "https://app.test");
    for origin in ["https://evil.test", "null", "https://app.test.evil.test", "http://app.test"] {
        let other = app.get("/health/live").header("origin", origin).send().await;
        assert_eq!(
            (other.status.as_u16(), other.header("access-control-allow-origin")),
            (200, ""),
            "{origin}"
        );
    }
    let preflight = app.request(Method::OPTIONS, "/images/upload").header("origin", "https://app.test");
    let preflight = preflight.header("access-control-request-method", "POST").send().await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert!(preflight.header("access-control-allow-headers").contains("authorization"));
}

#[tokio::test]
async fn without_listed_origins_nothing_is_said_of_them() {
    let app = TestApp::new();
    let answer = app.get("/health/live").header("origin", "https://app.test").send().await;
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), ("", ""));
}

#[tokio::test]
async fn pages_of_other_origins_may_use_all_that_the_document_knows() {
    let app =
        TestApp::with(|config| config.cors_allowed_origins = vec!["http://page.test".to_owned()], |_| {});
    let document: Value = serde_json::from_str(&pixmill_api::document()).unwrap();
    let mut used = 0;
    for operations in document["paths"].as_object().unwrap().values() {
        for (method, operation) in operations.as_object().unwrap() {
            let call = app.request(Method::OPTIONS, "/images").header("origin", "http://page.test");
            let answer = call.header("access-control-request-method", &method.to_uppercase()).send().await;
            let listed = |header: &str, wanted: &str| {
                answer.header(header).split(", ").any(|known| known.eq_ignore_ascii_case(wanted))
            };
            assert!(listed("access-control-allow-methods", method), "{method}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "header" {
                    used += 1;
                    let name = parameter["name"].as_str().unwrap();
                    assert!(listed("access-control-allow-headers", name), "{name}");
                }
            }
        }
    }
    assert!(used > 0, "no operation has a header");
}
