//! Paths and methods that there are not, probes, and the documents that the server gives of itself.

use pixmill_e2e::{Answer, Server};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn unknown_paths_and_methods_are_named_as_such() {
    let server = Server::start(&[]).await;
    let client = server.user("anna").await;
    for path in ["/", "/imagez", "/images/upload/x", "/..%2f..%2fetc/passwd", "/api/jobstatus/x", "/docs/x"] {
        client.get(path).await.problem(404, "not_found");
        server.client().get(path).await.problem(404, "not_found");
    }
    for (method, path, allowed) in [
        ("GET", "/auth/login", "POST"),
        ("DELETE", "/images", "GET"),
        ("PUT", "/images/0123456789abcdef01234567", "DELETE"),
        ("GET", "/images/transform/0123456789abcdef01234567", "POST"),
        ("POST", "/api/JobStatus/0123456789abcdef01234567", "GET"),
        ("POST", "/health/live", "GET"),
        ("PATCH", "/openapi.json", "GET"),
    ] {
        let answer = Answer::to(client.request(method.parse().unwrap(), path)).await;
        answer.problem(405, "method_not_allowed");
        assert!(answer.header("allow").split(", ").any(|known| known == allowed), "{method} {path}");
    }
}

#[tokio::test]
async fn probes_and_documents_need_no_login() {
    let server = Server::start(&[]).await;
    let anybody = server.client();
    for path in ["/health/live", "/health/ready"] {
        let answer = anybody.get(path).await.expect(200);
        assert_eq!(answer.json()["status"], "ok");
        let head = Answer::to(anybody.request(Method::HEAD, path)).await.expect(200);
        assert!(head.body.is_empty());
    }
    let document: Value = anybody.get("/openapi.json").await.expect(200).json();
    let printed = server.home().run(&[], &["openapi"]);
    assert!(printed.succeeded, "{printed:?}");
    assert_eq!(document, serde_json::from_str::<Value>(&printed.stdout).unwrap());
    for path in [
        "/auth/register",
        "/auth/login",
        "/images/upload",
        "/images/transform/{imageId}",
        "/api/JobStatus/{jobId}",
        "/images/transformedImage/{jobId}",
    ] {
        assert!(document["paths"][path].is_object(), "{path} is not in the document");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let server = Server::start(&[]).await;
    let page = server.client().get("/docs").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    // The browser itself is told to fetch nothing from anywhere else.
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
    let html = outside_scripts(&page.text());
    assert!(html.contains("<title>"), "the page is one: {html}");
    for attribute in ["src=", "href=", "url(", "@import"] {
        for (at, _) in html.match_indices(attribute) {
            let target: String = html[at..].chars().take(80).collect();
            assert!(!target.contains("//"), "the page refers to another host: {target}");
        }
    }
}

/// The page without the text of its scripts and styles, in which addresses are only words.
fn outside_scripts(page: &str) -> String {
    let mut html = page.to_owned();
    for element in ["script", "style"] {
        let (open, close) = (format!("<{element}"), format!("</{element}>"));
        let mut kept = String::new();
        let mut rest = html.as_str();
        while let Some((before, inside)) = rest.split_once(&open) {
            // The tag itself stays: its attributes are what a browser would fetch.
            let (tag, inside) = inside.split_once('>').unwrap_or((inside, ""));
            kept.push_str(before);
            kept.extend([open.as_str(), tag, ">"]);
            rest = inside.split_once(&close).map_or("", |(_, rest)| rest);
        }
        kept.push_str(rest);
        html = kept;
    }
    html
}
