//! The API over real sockets: what only shows there.

use std::time::Duration;

use pixmill_api::ServeLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{FORM, MAX_UPLOAD, TestApp};

struct Server {
    address: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<std::io::Result<()>>,
    token: String,
}

impl Server {
    async fn start(limits: ServeLimits) -> Self {
        let app = TestApp::new();
        let token = app.user("anna").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let running = tokio::spawn(async move {
            // The test's adapters live as long as the server.
            let TestApp { endpoint, .. } = app;
            pixmill_api::serve(listener, endpoint, shutdown, limits).await
        });
        Self { address, stop: Some(stop), running, token }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends this and reads until the server closes.
    async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.running.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn answers_arrive() {
    let server = Server::start(ServeLimits::default()).await;
    let answer = server.exchange(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
    let head = server.exchange(b"HEAD /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(head.contains("content-length: 15\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    server.stop().await;
}

#[tokio::test]
async fn a_giant_is_refused_while_it_is_still_sending() {
    let server = Server::start(ServeLimits::default()).await;
    let length = MAX_UPLOAD * 64;
    let head = format!(
        "POST /images/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: {FORM}\r\n\
         Content-Length: {length}\r\n\r\n",
        server.token
    );
    let mut request = head.into_bytes();
    request.resize(request.len() + length as usize, b'x');
    let answer = server.exchange(&request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"payload_too_large\""), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_chunked_giant_is_refused_at_the_limit() {
    let server = Server::start(ServeLimits::default()).await;
    let head = format!(
        "POST /images/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: {FORM}\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        server.token
    );
    let mut request = head.into_bytes();
    let part = b"--XYZ\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n";
    request.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
    request.extend_from_slice(part);
    request.extend_from_slice(b"\r\n");
    for _ in 0..MAX_UPLOAD * 8 / 65_536 {
        request.extend_from_slice(b"10000\r\n");
        request.resize(request.len() + 65_536, b'x');
        request.extend_from_slice(b"\r\n");
    }
    let answer = server.exchange(&request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_never_finishes_its_headers_is_dropped() {
    let limits = ServeLimits { header_timeout: Duration::from_millis(50), ..ServeLimits::default() };
    let server = Server::start(limits).await;
    server.exchange(b"GET /health/live HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    server.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_waits() {
    let limits = ServeLimits { max_connections: 1, ..ServeLimits::default() };
    let server = Server::start(limits).await;
    let request = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut first = server.connect().await;
    first.write_all(request).await.unwrap();
    assert!(first.read(&mut [0; 1024]).await.unwrap() > 0);
    let mut second = server.connect().await;
    second.write_all(request).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(100), second.read(&mut [0; 1024])).await;
    assert!(waiting.is_err(), "the second connection was served beside the first");
    drop(first);
    assert!(second.read(&mut [0; 1024]).await.unwrap() > 0);
    drop(second);
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_closes_idle_connections() {
    let server = Server::start(ServeLimits::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut [0; 1024]).await.unwrap() > 0);
    let address = server.address;
    let closed = tokio::spawn(async move { idle.read(&mut [0; 1024]).await });
    server.stop().await;
    assert_eq!(closed.await.unwrap().unwrap(), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_grace_ends() {
    let limits = ServeLimits { grace: Duration::from_millis(50), ..ServeLimits::default() };
    let server = Server::start(limits).await;
    let head = format!(
        "POST /images/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: {FORM}\r\n\
         Content-Length: 1000\r\n\r\n--XYZ\r\n",
        server.token
    );
    let mut stuck = server.connect().await;
    stuck.write_all(head.as_bytes()).await.unwrap();
    // One answer on another connection shows that the server runs and has had its turn to read the first.
    server.exchange(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    server.stop().await;
}
