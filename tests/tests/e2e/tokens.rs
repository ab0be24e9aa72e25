//! Tokens that the server did not make, or that work no more.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use pixmill_e2e::{Answer, Server};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "a secret that only this test and its server know";

#[tokio::test]
async fn only_good_tokens_open_the_door() {
    let server = Server::start(&[("JWT_SECRET", SECRET)]).await;
    let client = server.user("anna").await;
    let genuine = client.token().unwrap();
    let claims = claims(genuine);
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let hs256 = json!({ "alg": "HS256", "typ": "JWT" });
    let forged = |header: &Value, claims: &Value| sign(header, claims, SECRET);

    // The forgery is good enough that only what is wrong with it can be the reason for a refusal.
    client.with_token(&forged(&hs256, &claims)).get("/images").await.expect(200);

    let unsigned = forged(&json!({ "alg": "none" }), &claims);
    let mut tampered = genuine.to_owned().into_bytes();
    let middle = genuine.find('.').unwrap() + 10;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    for (what, token, code) in [
        ("expired", forged(&hs256, &with("exp", json!(now - 60))), "token_expired"),
        ("another key", sign(&hs256, &claims, "another secret of sufficient length"), "token_invalid"),
        ("an empty key", sign(&hs256, &claims, ""), "token_invalid"),
        ("no algorithm", unsigned.clone(), "token_invalid"),
        ("no signature", unsigned.rsplit_once('.').unwrap().0.to_owned() + ".", "token_invalid"),
        ("another algorithm", forged(&json!({ "alg": "HS512" }), &claims), "token_invalid"),
        ("another issuer", forged(&hs256, &with("iss", json!("somebody"))), "token_invalid"),
        ("another audience", forged(&hs256, &with("aud", json!("others"))), "token_invalid"),
        ("no user", forged(&hs256, &with("sub", json!("admin"))), "token_invalid"),
        ("changed", String::from_utf8(tampered).unwrap(), "token_invalid"),
        ("cut short", genuine[..genuine.len() - 5].to_owned(), "token_invalid"),
        ("nonsense", "nonsense".to_owned(), "token_invalid"),
    ] {
        let answer = client.with_token(&token).get("/images").await;
        let problem = answer.about(what).problem(401, code);
        assert!(!problem.to_string().contains(&token), "a token is never repeated");
        let upload = client.with_token(&token).send_file(b"x", "x.png", "image/png").await;
        upload.problem(401, code);
    }
    for (method, path) in [("GET", "/images"), ("GET", "/jobs"), ("POST", "/images/upload")] {
        let answer = server.client().request(method.parse().unwrap(), path);
        Answer::to(answer).await.problem(401, "token_missing");
    }
    let basic = server.client().request(Method::GET, "/images").basic_auth("anna", Some("x"));
    Answer::to(basic).await.problem(401, "token_missing");
    assert!(!server.log().contains(genuine), "tokens stay out of the log");
    assert!(!server.log().contains(SECRET), "the key stays out of the log");
}

#[tokio::test]
async fn links_work_only_as_they_were_signed() {
    let server = Server::start(&[]).await;
    let client = server.user("anna").await;
    let (one, other) = (client.upload_png(4, 3).await, client.upload_png(5, 3).await);
    let anybody = server.client();
    anybody.get(&one.url).await.expect(200);
    let later = change(&one.url, "expires=", |value| format!("{}", value.parse::<u64>().unwrap() + 1));
    let (start, end) = one.url.split_at(one.url.len() - 1);
    let last = if end == "0" { "1" } else { "0" };
    for url in [
        one.url.replace(&one.id, &other.id),
        later,
        change(&one.url, "signature=", |_| String::new()),
        change(&one.url, "signature=", |_| "0".repeat(64)),
        format!("{start}{last}"),
        one.url.split('?').next().unwrap().to_owned(),
    ] {
        assert_ne!(url, one.url);
        anybody.get(&url).await.problem(403, "link_invalid");
    }
    let signature = one.url.split("signature=").nth(1).unwrap();
    assert!(!server.log().contains(signature), "signatures stay out of the log");
}

/// Replaces the value of a parameter.
fn change(url: &str, name: &str, value: impl Fn(&str) -> String) -> String {
    let (before, rest) = url.split_once(name).unwrap_or_else(|| panic!("no {name} in {url}"));
    let end = rest.find('&').unwrap_or(rest.len());
    format!("{before}{name}{}{}", value(&rest[..end]), &rest[end..])
}

fn claims(token: &str) -> Value {
    let middle = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(middle).unwrap()).unwrap()
}

/// RFC 7515, section 3.1: header, claims and signature, each in base64url.
fn sign(header: &Value, claims: &Value, secret: &str) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let message =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    format!("{message}.{}", encode(&mac.finalize().into_bytes()))
}
