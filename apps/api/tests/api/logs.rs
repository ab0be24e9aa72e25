//! What the log says of a request, and what it never says.

use pixmill::ports::PortErrorKind;
use pixmill_testkit::{Calls, Fault};

use crate::support::{Log, PASSWORD, SECRET, TestApp};

/// The lines about requests to this path.
fn about(path: &str) -> Vec<String> {
    let path = format!("path=\"{path}\"");
    Log::text().lines().filter(|line| line.contains(&path)).map(str::to_owned).collect()
}

#[tokio::test]
async fn one_line_a_request_without_secrets() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let path = format!("/images/{image}");
    let json = app.get(&path).token(&token).header("x-request-id", "look-1").send().await.ok().json();
    let link = json["url"].as_str().unwrap().strip_prefix("http://pixmill.test").unwrap().to_owned();
    app.get(&link).send().await.ok();
    app.faults.inject("images.get", Calls::All, Fault::Before(PortErrorKind::Corrupt));
    app.get(&format!("{path}/content")).token(&token).send().await.problem(500, "internal");

    let [found] = &about(&path)[..] else { panic!("{}", Log::text()) };
    for part in ["INFO", "method=\"GET\"", "status=200", "ms=", "request=\"look-1\"", "user=", "bytes="] {
        assert!(found.contains(part), "{part} is not in {found}");
    }
    let [found] = &about(link.split('?').next().unwrap())[..] else { panic!("{}", Log::text()) };
    assert!(!found.contains("user="), "{found}");
    let [found] = &about(&format!("{path}/content"))[..] else { panic!("{}", Log::text()) };
    for part in ["ERROR", "status=500", "faulty holds data that can't be read (images.get)"] {
        assert!(found.contains(part), "{part} is not in {found}");
    }

    let text = Log::text();
    let signature = link.rsplit_once('=').unwrap().1;
    for secret in [token.as_str(), PASSWORD, signature, SECRET] {
        assert!(!text.contains(secret), "{secret} was logged: {text}");
    }
}
