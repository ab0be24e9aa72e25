//! The WebSocket when something fails. What it says otherwise is tested with whole servers.

use std::future::pending;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use pixmill::ports::PortErrorKind;
use pixmill_api::ServeLimits;
use pixmill_testkit::{Calls, Fault};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::TestApp;

const PATIENCE: Duration = Duration::from_secs(30);

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Serves the app, opens a conversation with it and says this.
    async fn open(app: &TestApp, first: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(pixmill_api::serve(listener, app.endpoint.clone(), pending(), ServeLimits::default()));
        let stream = TcpStream::connect(address).await.unwrap();
        let request = format!("ws://{address}/ws");
        let mut socket = Self(tokio_tungstenite::client_async(request, stream).await.unwrap().0);
        socket.say(first).await;
        socket
    }

    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message; the close code if it was the last.
    async fn hear(&mut self) -> Result<Value, u16> {
        let next = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something said in time");
        match next.expect("a farewell before the end").unwrap() {
            Message::Text(text) => Ok(serde_json::from_str(&text).unwrap()),
            Message::Close(frame) => Err(frame.expect("a reason").code.into()),
            other => panic!("neither told nor closed: {other:?}"),
        }
    }
}

#[tokio::test]
async fn whoever_cannot_be_told_of_a_job_is_sent_away_to_come_back() {
    let app = TestApp::new();
    let token = app.user("anna").await;
    let image = app.image(&token).await;
    let job = app.job(&token, &image, true).await;
    app.work().await;
    let named = json!({"token": token, "jobs": [job]});
    // The link to what was saved needs the version.
    app.faults.inject("images.version", Calls::All, Fault::Before(PortErrorKind::Unavailable));
    let mut at_first = Socket::open(&app, &named).await;
    let told = at_first.hear().await.unwrap();
    assert_eq!(
        (told["type"].as_str(), told["code"].as_str()),
        (Some("problem"), Some("unavailable")),
        "{told}"
    );
    assert_eq!(at_first.hear().await, Err(1011));
    let mut later = Socket::open(&app, &json!({"token": token})).await;
    later.say(&json!({"jobs": [job]})).await;
    assert_eq!(later.hear().await.unwrap()["code"], "unavailable");
    assert_eq!(later.hear().await, Err(1011));
    app.faults.clear();
    let told = Socket::open(&app, &named).await.hear().await.unwrap();
    assert_eq!((told["job"]["id"].as_str(), told["job"]["state"].as_str()), (Some(&*job), Some("completed")));
    assert!(told["job"]["result"]["url"].is_string(), "{told}");
}
