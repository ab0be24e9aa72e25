//! What the log says of a request, and what it never says.

use std::io;
use std::sync::{Arc, Mutex};

use pixmill::ports::PortErrorKind;
use pixmill_testkit::{Calls, Fault};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{PASSWORD, TestApp};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines about requests to this path.
    fn about(&self, path: &str) -> Vec<String> {
        let path = format!("path=\"{path}\"");
        self.text().lines().filter(|line| line.contains(&path)).map(str::to_owned).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn one_line_a_request_without_secrets() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let path = format!("/images/{image}");
    let json = app.get(&path).token(&token).header("x-request-id", "look-1").send().await.ok().json();
    let link = json["url"].as_str().unwrap().strip_prefix("http://pixmill.test").unwrap().to_owned();
    app.get(&link).send().await.ok();
    app.faults.inject("images.get", Calls::All, Fault::Before(PortErrorKind::Corrupt));
    app.get(&format!("{path}/content")).token(&token).send().await.problem(500, "internal");

    let [line] = &lines.about(&path)[..] else { panic!("{}", lines.text()) };
    for part in ["INFO", "method=\"GET\"", "status=200", "ms=", "request=\"look-1\"", "user=\"", "bytes="] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    let [line] = &lines.about(link.split('?').next().unwrap())[..] else { panic!("{}", lines.text()) };
    assert!(!line.contains("user="), "{line}");
    let [line] = &lines.about(&format!("{path}/content"))[..] else { panic!("{}", lines.text()) };
    for part in ["ERROR", "status=500", "faulty holds data that can't be read (images.get)"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }

    let text = lines.text();
    let signature = link.rsplit_once('=').unwrap().1;
    for secret in [token.as_str(), PASSWORD, signature, crate::support::SECRET] {
        assert!(!text.contains(secret), "{secret} was logged: {text}");
    }
}
