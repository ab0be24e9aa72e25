//! Values made to do harm: numbers at every edge, texts of every kind, names of files, and words that some database,
//! file system, log or browser would take for more than they are.

use futures::TryStreamExt;
use pixmill::{BlobPrefix, ports::BlobStore};
use pixmill_testkit::fixtures;
use serde_json::{Value, json};

use crate::support::{FORM, Log, PASSWORD, TestApp};

async fn asked(app: &TestApp, token: &str, image: &str, body: &str) -> Option<Value> {
    let answer = app.post(&format!("/images/transform/{image}")).token(token).text(body).send().await;
    match answer.status.as_u16() {
        202 => {
            app.work().await;
            let job = answer.json()["jobId"].as_str().unwrap().to_owned();
            Some(app.get(&format!("/jobs/{job}")).token(token).send().await.ok().json())
        }
        400 | 422 => {
            let code = answer.json()["code"].as_str().unwrap().to_owned();
            answer.problem(answer.status.as_u16(), &code);
            None
        }
        _ => panic!("{body}: {answer:?}"),
    }
}

#[tokio::test]
async fn numbers_at_every_edge_are_refused_or_worked_on() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let edges = [
        "-0",
        "-0.0",
        "0",
        "0.1",
        "-1",
        "1e308",
        "-1e308",
        "1e-308",
        "1e309",
        "2147483647",
        "2147483648",
        "-2147483649",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "1e19",
        "NaN",
        "Infinity",
        "\"1\"",
        "true",
        "null",
        "[]",
        "{\"$gt\":0}",
    ];
    let (mut refused, mut done) = (0, 0);
    for field in [
        r#""width":N"#,
        r#""height":N"#,
        r#""quality":N,"format":"jpeg""#,
        r#""version":N,"flip":true"#,
        r#""rotation":N"#,
        r#""blur":N"#,
        r#""watermarkText":"a","watermarkOpacity":N"#,
        r#""watermark":{"text":"a","size":N}"#,
        r#""watermark":{"text":"a","margin":N}"#,
        r#""watermark":{"text":"a","rotation":N,"tile":true}"#,
        r#""crop":{"left":N,"top":0,"width":1,"height":1}"#,
        r#""crop":{"left":0,"top":0,"width":N,"height":1}"#,
    ] {
        for edge in edges {
            let body = format!(r#"{{"saveImage":false,{}}}"#, field.replace('N', edge));
            match asked(&app, &token, &image, &body).await {
                None => refused += 1,
                Some(job) => {
                    assert_eq!(job["state"], "completed", "{body}: {job}");
                    done += 1;
                }
            }
        }
    }
    assert!(refused > 200 && done > 10, "{refused} refused, {done} done");
}

#[tokio::test]
async fn depth_is_refused_before_it_hurts() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let path = format!("/images/transform/{image}");
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [200, 9_000] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for body in [deep.clone(), format!(r#"{{"saveImage":true,"crop":{deep}}}"#)] {
                let answer = app.post(&path).token(&token).text(&body).send().await;
                assert_eq!(answer.status, 400, "{depth} times {open}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn texts_of_every_kind_are_written_as_they_are() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let marks = format!("a{}", "\u{301}".repeat(499));
    let family = "👨‍👩‍👧‍👦".repeat(20);
    let long = "W".repeat(500);
    for text in [
        "مرحبا بالعالم \u{202e}abc",
        "\u{202e}\u{202d}\u{2066}\u{2069}",
        "नमस्ते שלום 你好",
        &family,
        &marks,
        &long,
        "<b>bold</b><script>alert(1)</script>&amp;",
        "<span foreground='red' size='9999pt'>x</span>",
        "%s%n%x {0} ${HOME} $(id) `id`",
        "'; DROP TABLE jobs; --",
        "@/etc/passwd",
        "a\nb\r\nc\td",
        "left\u{2029}\u{10ac0}\u{2028}שלום\u{85}left\u{1c}שלום",
        "\u{0}\u{1}\u{7f}\u{feff}\u{fffd}\u{10ffff}",
        " ",
    ] {
        for body in [
            json!({"watermarkText": text, "saveImage": false}),
            json!({"watermark": {"text": text, "tile": true, "rotation": 30}, "saveImage": false}),
        ] {
            let job = asked(&app, &token, &image, &body.to_string()).await;
            assert!(job.as_ref().is_none_or(|job| job["state"] == "completed"), "{body}: {job:?}");
            assert!(job.is_some() || text.trim().is_empty() || text.contains('\0'), "{body} was refused");
        }
    }
    for text in ["", &"ä".repeat(501), &"x".repeat(10_000)] {
        let body = json!({"watermarkText": text, "saveImage": false});
        let answer = app.post(&format!("/images/transform/{image}")).token(&token).json(&body).send().await;
        answer.problem(422, "invalid_transformation");
        assert_eq!(answer.fields(), ["watermarkText"]);
    }
}

#[tokio::test]
async fn the_name_of_a_file_leads_nowhere() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let long = "n".repeat(10_000);
    for name in [
        "../../../../etc/passwd",
        "..\\..\\windows\\win.ini",
        "/etc/cron.d/evil",
        "a%0d%0aX-Evil: 1",
        "a%00.png",
        "a\\\"; filename=\\\"b.html",
        "\u{202e}gnp.exe",
        "con.png",
        "<img src=x onerror=alert(1)>",
        &long,
    ] {
        let head = format!("--XYZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n");
        let kind = "Content-Type: text/html\r\n\r\n";
        let body = [head.as_bytes(), kind.as_bytes(), &fixtures::png(40, 30), b"\r\n--XYZ--\r\n"].concat();
        let call = app.post("/images/upload").token(&token).header("content-type", FORM).body(body);
        let uploaded = call.send().await.ok();
        let id = uploaded.json()["id"].as_str().unwrap().to_owned();
        let read = app.get(&format!("/images/{id}/content")).token(&token).send().await.ok();
        assert_eq!(read.header("content-disposition"), format!("inline; filename=\"{id}.png\""));
        for answer in [uploaded, read] {
            assert!(!answer.headers.contains_key("x-evil") && answer.header("content-type") != "text/html");
        }
    }
    let keys: Vec<_> = app.memory.blobs.list(BlobPrefix::all()).await.unwrap().try_collect().await.unwrap();
    for key in keys {
        let ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'/';
        assert!(key.as_str().bytes().all(ours), "{key} is not ours");
    }
}

#[tokio::test]
async fn an_operator_of_a_database_is_no_password() {
    let app = TestApp::new();
    app.user("anna").await;
    for value in [json!({"$gt": ""}), json!({"$ne": null}), json!(["anna"]), json!(true), json!(0)] {
        for path in ["/auth/login", "/auth/register"] {
            for field in ["username", "password"] {
                let mut body = json!({"username": "anna", "password": PASSWORD});
                body[field] = value.clone();
                let answer = app.post(path).json(&body).send().await;
                answer.problem(400, "invalid_request");
                assert_eq!(answer.fields(), [field], "{path} {body}");
            }
        }
    }
    let token = app.user("berta").await;
    for query in ["after[$gt]=", "state[$ne]=queued", "after=%7B%22%24gt%22%3A%22%22%7D", "limit[]=1"] {
        let answer = app.get(&format!("/jobs?{query}")).token(&token).send().await;
        assert!(matches!(answer.status.as_u16(), 200 | 400), "{query}: {answer:?}");
        assert!(answer.status != 200 || answer.json()["items"] == json!([]), "{query}: {answer:?}");
    }
    app.get("/images/%7B%22%24gt%22%3A%22%22%7D").token(&token).send().await.problem(404, "unknown_image");
    for name in ["$where", "a'or'1'='1", "anna\n", "anna\0", "<b>anna</b>", "../anna", "{anna}"] {
        let body = json!({"username": name, "password": PASSWORD});
        app.post("/auth/register").json(&body).send().await.problem(422, "invalid_credentials");
    }
}

#[tokio::test]
async fn nobody_writes_lines_into_the_log_or_headers_into_an_answer() {
    let app = TestApp::new();
    let path = "/forged-7f3a%0d%0aX-Evil:%201%0a2026-01-01T00:00:00Z%20%20INFO%20forged";
    let call = app.get(path).header("x-request-id", "a b; forged=1").header("user-agent", "forged\tagent");
    let answer = call.send().await;
    answer.problem(404, "not_found");
    assert!(!answer.headers.contains_key("x-evil"), "{answer:?}");
    assert!(!String::from_utf8_lossy(&answer.body).contains("forged"), "{answer:?}");
    let body = json!({"username": "forged-7f3a\nINFO forged", "password": PASSWORD});
    app.post("/auth/login").json(&body).send().await.problem(401, "login_refused");
    let text = Log::text();
    let forged: Vec<_> = text.lines().filter(|line| line.contains("forged")).collect();
    assert!(forged.iter().all(|line| line.contains("forged-7f3a%0d%0a")), "{forged:?}");
}
