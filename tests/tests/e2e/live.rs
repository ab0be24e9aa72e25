//! Following jobs as they change, over server-sent events and a WebSocket, and cancelling them.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use pixmill_e2e::{Answer, Client, Server, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// How long a message may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A worker of which one job takes all.
const ONE_AT_A_TIME: [(&str, &str); 2] = [("WORKER_CONCURRENCY", "1"), ("RATE_LIMIT_REQUESTS", "0")];

/// Submits jobs that keep the only worker busy, and one after them.
async fn submit_behind_others(client: &Client) -> (Vec<String>, String) {
    let image = client.upload_png(1600, 1200).await;
    let mut others = Vec::new();
    for quality in 80..84 {
        let slow = json!({ "format": "avif", "quality": quality, "saveImage": false });
        others.push(client.transform(&image.id, &slow).await);
    }
    (others, client.transform(&image.id, &json!({ "width": 9, "saveImage": true })).await)
}

/// The events of a stream that ends by itself, as (id, data).
fn events(text: &str) -> Vec<(u64, Value)> {
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("no {name} in {event:?}"))
    };
    let blocks = text.split("\n\n").filter(|block| !block.is_empty() && *block != ":");
    let read = |event: &str| {
        assert_eq!(field(event, "event: "), "job");
        let data = serde_json::from_str(&field(event, "data: ")).unwrap();
        (field(event, "id: ").parse().unwrap(), data)
    };
    blocks.map(read).collect()
}

#[tokio::test]
async fn a_job_is_followed_to_its_end_and_not_beyond() {
    let server = crate::start(&ONE_AT_A_TIME).await;
    let client = server.user("anna").await;
    let (_, job) = submit_behind_others(&client).await;
    let path = format!("/jobs/{job}/events");
    let answer = client.get(&path).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let events = events(&answer.text());
    let states: Vec<&str> = events.iter().filter_map(|(_, job)| job["state"].as_str()).collect();
    assert_eq!(states.first(), Some(&"queued"));
    assert_eq!(states.last(), Some(&"completed"));
    assert!(events.is_sorted_by(|a, b| a.0 < b.0), "revisions grow");
    let (last, completed) = events.last().unwrap();
    assert_eq!(completed["result"]["version"], 2);
    assert!(completed["result"]["url"].is_string());

    let again = |seen: u64| client.request(Method::GET, &path).header("Last-Event-ID", seen);
    Answer::to(again(*last)).await.expect(204);
    let missed = Answer::to(again(*last - 1)).await.expect(200);
    assert!(missed.text().contains("completed"));
    server.user("bert").await.get(&path).await.problem(404, "unknown_job");
}

#[tokio::test]
async fn a_job_can_be_cancelled_until_it_is_done() {
    let server = crate::start(&ONE_AT_A_TIME).await;
    let client = server.user("anna").await;
    let (others, job) = submit_behind_others(&client).await;
    let path = format!("/jobs/{job}");
    server.user("bert").await.delete(&path).await.problem(404, "unknown_job");
    for _ in 0..2 {
        let cancelled = client.delete(&path).await.expect(200).json();
        assert_eq!(cancelled["state"], "cancelled");
    }
    assert_eq!(client.status(&job).await, json!({ "status": "cancelled" }));
    client.get(&format!("/images/transformedImage/{job}")).await.problem(409, "job_cancelled");
    client.completed(&others[0]).await;
    client.delete(&format!("/jobs/{}", others[0])).await.problem(409, "job_finished");
    for other in &others {
        client.delete(&format!("/jobs/{other}")).await;
    }
    // What ran while it was cancelled leaves nothing behind but the upload and what was completed.
    let jobs = client.list("/jobs").await;
    let completed = jobs.iter().filter(|job| job["state"] == "completed").count();
    if !server.keeps_files() {
        return;
    }
    eventually("only results that somebody can fetch", || async {
        (server.home().blobs().len() == 1 + completed).then_some(())
    })
    .await;
}

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn open(server: &Server, authorization: Option<&str>) -> Self {
        let address = server.address().trim_start_matches("http://");
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        if let Some((name, value)) = authorization.and_then(|line| line.split_once(": ")) {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        Self(tokio_tungstenite::client_async(request, stream).await.unwrap().0)
    }

    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message; the close code if it was the last.
    async fn hear(&mut self) -> Result<Value, u16> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time");
            match message.expect("a farewell before the end").unwrap() {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return Err(frame.expect("a reason").code.into()),
                _ => {}
            }
        }
    }

    /// Listens until the job is in this state, and returns it.
    async fn until(&mut self, job: &str, state: &str) -> Value {
        loop {
            let told = self.hear().await.unwrap();
            assert_eq!(told["type"], "job");
            if told["job"]["id"] == job && told["job"]["state"] == state {
                return told["job"].clone();
            }
        }
    }
}

#[tokio::test]
async fn one_socket_tells_of_all_jobs_of_its_user() {
    let server = crate::start(&[]).await;
    let (client, other) = (server.user("anna").await, server.user("bert").await);
    let missed = client
        .transform(&client.upload_png(20, 20).await.id, &json!({ "width": 5, "saveImage": false }))
        .await;
    client.completed(&missed).await;

    let mut socket = Socket::open(&server, None).await;
    socket.say(&json!({ "token": client.token(), "jobs": [missed] })).await;
    socket.until(&missed, "completed").await;
    let foreign = other.upload_png(20, 20).await;
    let foreign = other.transform(&foreign.id, &json!({ "width": 5, "saveImage": false })).await;
    other.completed(&foreign).await;
    let image = client.upload_png(30, 20).await;
    let job = client.transform(&image.id, &json!({ "width": 7, "saveImage": true })).await;
    let completed = socket.until(&job, "completed").await;
    assert_eq!(completed["result"]["version"], 2);
    // Whatever is named is answered, if it is one's own.
    socket.say(&json!({ "jobs": [foreign, "nonsense", job] })).await;
    assert_eq!(socket.hear().await.unwrap()["job"]["id"], job.as_str());

    let mut headed = Socket::open(&server, Some(&client.authorization())).await;
    headed.say(&json!({ "jobs": [job] })).await;
    headed.until(&job, "completed").await;
}

#[tokio::test]
async fn a_socket_says_why_it_closes() {
    let mut server = crate::start(&[]).await;
    let client = server.user("anna").await;
    for (message, problem, code) in [
        (json!({ "token": "x.y.z" }), "token_invalid", 4401),
        (json!({ "jobs": [] }), "token_missing", 4401),
        (json!({ "tokn": "x" }), "malformed_message", 4400),
        (json!(7), "malformed_message", 4400),
    ] {
        let mut socket = Socket::open(&server, None).await;
        socket.say(&message).await;
        assert_eq!(socket.hear().await.unwrap()["code"], problem, "{message}");
        assert_eq!(socket.hear().await, Err(code), "{message}");
    }
    client.get("/ws").await.problem(400, "websocket_expected");
    let forged = client.with_token("x.y.z");
    forged.get("/ws").await.problem(401, "token_invalid");

    let mut socket = Socket::open(&server, Some(&client.authorization())).await;
    socket.say(&json!({ "jobs": [] })).await;
    let stopped = tokio::join!(server.terminate(), socket.hear());
    assert!(stopped.0.success());
    assert_eq!(stopped.1, Err(1001), "a server that stops says so");
}
