//! Registration, login and tokens.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use pixmill_testkit::TestClock;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{PASSWORD, SECRET, TestApp};

#[tokio::test]
async fn the_documented_answers() {
    let app = TestApp::new();
    let credentials = json!({"username": "XYZ", "password": PASSWORD});
    let answer = app.post("/auth/register").json(&credentials).send().await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (200, json!({"message": "User registered successfully"}))
    );
    let answer = app.post("/auth/login").json(&credentials).send().await;
    assert_eq!((answer.status.as_u16(), answer.json()["message"].as_str()), (200, Some("Login successful")));
    assert_eq!(answer.header("cache-control"), "no-store");
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    app.get("/images").token(&token).send().await.ok();
}

#[tokio::test]
async fn a_name_exists_once_whatever_its_case() {
    let app = TestApp::new();
    app.user("Anna").await;
    let again = json!({"username": "aNNA", "password": PASSWORD});
    app.post("/auth/register").json(&again).send().await.problem(409, "username_taken");
}

#[tokio::test]
async fn registration_can_be_closed() {
    let app = TestApp::with(|_| {}, |settings| settings.allow_registration = false);
    let credentials = json!({"username": "anna", "password": PASSWORD});
    app.post("/auth/register").json(&credentials).send().await.problem(403, "registration_closed");
}

#[tokio::test]
async fn rules_for_names_and_passwords() {
    let app = TestApp::new();
    for (username, password, fields) in [
        ("ab", PASSWORD, vec!["username"]),
        ("a b c", PASSWORD, vec!["username"]),
        ("anna", "short", vec!["password"]),
        ("", "", vec!["username", "password"]),
    ] {
        let credentials = json!({"username": username, "password": password});
        let answer = app.post("/auth/register").json(&credentials).send().await;
        answer.problem(422, "invalid_credentials");
        assert_eq!(answer.fields(), fields);
    }
}

#[tokio::test]
async fn wrong_logins_look_alike() {
    let app = TestApp::new();
    app.user("anna").await;
    let mut answers = Vec::new();
    for (username, password) in
        [("anna", "wrongPassword!"), ("nobody", PASSWORD), ("anna", "short"), ("no such name", PASSWORD)]
    {
        let credentials = json!({"username": username, "password": password});
        let answer = app.post("/auth/login").header("x-request-id", "same").json(&credentials).send().await;
        answer.problem(401, "login_refused");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

fn encode(json: &Value) -> String {
    base64(json.to_string().as_bytes())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |digit| DIGITS[(bits >> (18 - 6 * digit)) as usize & 63] as char)
    });
    digits.collect()
}

/// A token with these parts, signed with HMAC-SHA256 whatever its header says.
fn token(header: &Value, claims: &Value, key: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap().chain_update(&message).finalize();
    format!("{message}.{}", base64(&mac.into_bytes()))
}

fn claims() -> Value {
    let now = TestClock::START.secs();
    json!({"iss": "pixmill", "aud": "pixmill-api", "sub": "671cd3df6b14c65a5537b3b3", "iat": now, "exp": now + 60})
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn only_our_own_tokens_are_taken() {
    let app = TestApp::new();
    let hs256 = json!({"alg": "HS256", "typ": "JWT"});
    let good = token(&hs256, &claims(), SECRET);
    app.get("/images").token(&good).send().await.ok();
    app.get("/images").header("authorization", &format!("bearer {good}")).send().await.ok();

    let unsigned = format!("{}.{}.", encode(&json!({"alg": "none"})), encode(&claims()));
    let other_signature = format!("{}.{}", good.rsplit_once('.').unwrap().0, base64(&[0; 32]));
    for (what, bad) in [
        ("no algorithm", unsigned),
        ("no algorithm, signed", token(&json!({"alg": "none"}), &claims(), SECRET)),
        ("another algorithm", token(&json!({"alg": "HS512"}), &claims(), SECRET)),
        ("a public-key algorithm", token(&json!({"alg": "RS256"}), &claims(), SECRET)),
        ("another key", token(&hs256, &claims(), "another key, also with 32 bytes..")),
        ("another signature", other_signature),
        ("another audience", token(&hs256, &changed("aud", json!("other-api")), SECRET)),
        ("another issuer", token(&hs256, &changed("iss", json!("other")), SECRET)),
        ("no audience", token(&hs256, &without("aud"), SECRET)),
        ("no issuer", token(&hs256, &without("iss"), SECRET)),
        ("no subject", token(&hs256, &without("sub"), SECRET)),
        ("no expiry", token(&hs256, &without("exp"), SECRET)),
        ("an expiry of another type", token(&hs256, &changed("exp", json!("tomorrow")), SECRET)),
        ("a subject that is no id", token(&hs256, &changed("sub", json!("admin")), SECRET)),
        ("garbage", "garbage".to_owned()),
        ("dots", "..".to_owned()),
        ("nothing", String::new()),
    ] {
        let answer = app.get("/images").token(&bad).send().await;
        assert_eq!(answer.status, 401, "{what}");
        answer.problem(401, "token_invalid");
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""), "{what}");
    }
}

#[tokio::test]
async fn tokens_expire_by_the_services_clock() {
    let app = TestApp::with(|config| config.jwt_ttl = Duration::from_secs(100), |_| {});
    let token = app.user("anna").await;
    app.clock.advance(Duration::from_secs(104));
    app.get("/images").token(&token).send().await.ok();
    app.clock.advance(Duration::from_secs(1));
    let answer = app.get("/images").token(&token).send().await;
    answer.problem(401, "token_expired");
    assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn without_a_token_nothing_is_done() {
    let app = TestApp::new();
    for (method, path) in [
        ("GET", "/images"),
        ("POST", "/images/upload"),
        ("GET", "/images/671cd3df6b14c65a5537b3b3"),
        ("DELETE", "/images/671cd3df6b14c65a5537b3b3"),
        ("GET", "/images/671cd3df6b14c65a5537b3b3/content"),
        ("POST", "/images/transform/671cd3df6b14c65a5537b3b3"),
        ("GET", "/images/transformedImage/671cd3df6b14c65a5537b3b3"),
        ("GET", "/api/JobStatus/671cd3df6b14c65a5537b3b3"),
        ("GET", "/jobs"),
        ("GET", "/jobs/nonsense"),
    ] {
        let answer = app.request(method.parse().unwrap(), path).send().await;
        answer.problem(401, "token_missing");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"pixmill\"", "{method} {path}");
    }
    app.get("/images").header("authorization", "Basic YTpi").send().await.problem(401, "token_missing");
}

#[tokio::test]
async fn the_body_is_not_read_before_the_token() {
    let app = TestApp::new();
    let body = poem::Body::from_bytes_stream(futures::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Vec<u8>, std::io::Error>>> { panic!("the body was read") },
    ));
    let upload = app.post("/images/upload").header("content-type", crate::support::FORM).body(body);
    upload.send().await.problem(401, "token_missing");
}
