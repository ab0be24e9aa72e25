//! Registration, login and tokens, and one's own account.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use pixmill::HEARTBEAT;
use pixmill::ports::PortErrorKind;
use pixmill_testkit::{Calls, Fault, TestClock};
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

/// What a token of this user says, as it was before users had epochs.
fn claims(user: &str) -> Value {
    let now = TestClock::START.secs();
    json!({"iss": "pixmill", "aud": "pixmill-api", "sub": user, "iat": now, "exp": now + 60})
}

#[tokio::test]
async fn only_our_own_tokens_are_taken() {
    let app = TestApp::new();
    let anna = app.user("anna").await;
    let account = app.get("/account").token(&anna).send().await.ok().json();
    let claims = || claims(account["id"].as_str().unwrap());
    let changed = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
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
        ("GET", "/account"),
        ("DELETE", "/account"),
        ("POST", "/account/password"),
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

fn change(current: &str, new: &str) -> Value {
    json!({"currentPassword": current, "newPassword": new})
}

#[tokio::test]
async fn an_account_can_be_looked_at() {
    let app = TestApp::new();
    let token = app.user("Anna").await;
    let account = app.get("/account").token(&token).send().await.ok().json();
    assert_eq!(account["username"], "Anna");
    assert_eq!(account["role"], "user");
    assert_eq!(account["id"].as_str().unwrap().len(), 24);
    assert_eq!(account["createdAt"], app.get("/account").token(&token).send().await.json()["createdAt"]);
}

#[tokio::test]
async fn a_new_password_ends_the_tokens_from_before() {
    let app = TestApp::new();
    let (old, bob) = (app.user("anna").await, app.user("bob").await);
    let call = |body: &Value| app.post("/account/password").token(&old).json(body).send();
    call(&change("wrongPassword!", "newPassword!")).await.problem(403, "wrong_password");
    call(&change("short", "newPassword!")).await.problem(403, "wrong_password");
    let refused = call(&change(PASSWORD, "short")).await;
    refused.problem(422, "invalid_password");
    assert_eq!(refused.fields(), ["newPassword"]);
    app.get("/account").token(&old).send().await.ok();

    let answer = call(&change(PASSWORD, "newPassword!")).await.ok().json();
    assert_eq!(answer["message"], "Password changed");
    app.get("/account").token(answer["token"].as_str().unwrap()).send().await.ok();
    let revoked = app.get("/account").token(&old).send().await;
    revoked.problem(401, "token_revoked");
    assert!(revoked.header("www-authenticate").contains("error=\"invalid_token\""));
    app.get("/account").token(&bob).send().await.ok();

    let login = async |password: &str| {
        app.post("/auth/login").json(&json!({"username": "anna", "password": password})).send().await
    };
    login(PASSWORD).await.problem(401, "login_refused");
    app.get("/account")
        .token(login("newPassword!").await.json()["token"].as_str().unwrap())
        .send()
        .await
        .ok();
}

#[tokio::test]
async fn guesses_at_the_current_password_are_counted() {
    let app = TestApp::limited(20);
    let token = app.user_within_limits("anna").await;
    let guess =
        || app.post("/account/password").token(&token).json(&change("a guess at it", "newPassword!")).send();
    for _ in 0..5 {
        guess().await.problem(403, "wrong_password");
    }
    let refused = guess().await;
    refused.problem(429, "rate_limited");
    assert_eq!(refused.header("ratelimit-policy"), "\"password\";q=5;w=600");
}

#[tokio::test]
async fn a_deleted_account_takes_everything_along() {
    let app = TestApp::new();
    let (anna, bob) = (app.user("anna").await, app.user("bob").await);
    let image = app.image(&anna).await;
    let link = app.get(&format!("/images/{image}")).token(&anna).send().await.json()["url"].clone();
    let link = link.as_str().unwrap().strip_prefix("http://pixmill.test").unwrap().to_owned();
    app.get(&link).send().await.ok();

    assert_eq!(app.delete("/account").token(&anna).send().await.status, 204);
    app.get("/images").token(&anna).send().await.problem(401, "token_revoked");
    assert_eq!(app.get(&link).send().await.status, 404);
    let credentials = json!({"username": "anna", "password": PASSWORD});
    app.post("/auth/login").json(&credentials).send().await.problem(401, "login_refused");
    app.post("/auth/register").json(&credentials).send().await.problem(409, "username_taken");
    app.get("/account").token(&bob).send().await.ok();
}

#[tokio::test]
async fn a_closed_account_is_noticed_within_seconds_wherever_it_was_closed() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let id = app.get("/account").token(&token).send().await.json()["id"].as_str().unwrap().parse().unwrap();
    app.services.user_admin.set_disabled(id, true).await.unwrap();
    app.clock.advance(Duration::from_secs(5));
    app.get("/account").token(&token).send().await.problem(401, "token_revoked");
    let credentials = json!({"username": "anna", "password": PASSWORD});
    app.post("/auth/login").json(&credentials).send().await.problem(403, "account_closed");

    app.services.user_admin.set_disabled(id, false).await.unwrap();
    app.clock.advance(Duration::from_secs(5));
    app.get("/account").token(&token).send().await.problem(401, "token_revoked");
    let again = app.post("/auth/login").json(&credentials).send().await.ok().json();
    app.get("/account").token(again["token"].as_str().unwrap()).send().await.ok();
}

#[tokio::test]
async fn without_the_repository_nobody_is_let_in() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    app.faults.inject("users.get", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    app.get("/images").token(&token).send().await.problem(503, "unavailable");
}

#[tokio::test]
async fn a_stream_of_events_ends_with_the_login() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let job = app.job(&token, &image, false).await;
    let path = format!("/jobs/{job}/events");
    let end = async {
        app.clock.until_sleeping(1).await;
        app.clock.advance(HEARTBEAT);
        app.clock.until_sleeping(1).await;
        let body = change(PASSWORD, "newPassword!");
        app.post("/account/password").token(&token).json(&body).send().await.ok();
        app.clock.advance(HEARTBEAT);
    };
    let (events, ()) = tokio::join!(app.get(&path).token(&token).send(), end);
    let text = String::from_utf8(events.ok().body.to_vec()).unwrap();
    assert!(text.contains("\"state\":\"queued\""), "{text}");
    assert_eq!(text.matches(":\n\n").count(), 1, "{text}");
}
