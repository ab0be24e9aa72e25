//! The API over real sockets: what only shows there.

use std::time::Duration;

use pixmill_api::{ApiConfig, ServeLimits};
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
        Self::start_with(limits, |_| {}).await
    }

    async fn start_with(limits: ServeLimits, configure: impl FnOnce(&mut ApiConfig)) -> Self {
        let app = TestApp::with(configure, |_| {});
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
async fn a_head_that_is_too_long_is_refused() {
    let server = Server::start(ServeLimits::default()).await;
    let long = "a".repeat(200 << 10);
    let many = "X-A: a\r\n".repeat(2_000);
    for head in [
        format!("GET /health/live HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET /health/live HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
    ] {
        let mut stream = server.connect().await;
        // The server may close before it has read all, so that neither all is sent nor its answer arrives.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let answer = server.exchange(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_request_has_one_end() {
    let server = Server::start(ServeLimits::default()).await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    for (what, framing) in [
        ("two lengths", "Content-Length: 2\r\nContent-Length: 40\r\n"),
        ("a length and chunks", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
        ("no number", "Content-Length: +2\r\n"),
        ("a code that is not the last", "Transfer-Encoding: chunked, identity\r\n"),
        ("a folded line", "X-A: b\r\n c\r\nContent-Length: 2\r\n"),
    ] {
        let head = format!("POST /auth/login HTTP/1.1\r\nHost: a\r\n{framing}\r\n0\r\n\r\n{hidden}");
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let answers = answer.matches("HTTP/1.1 ").count();
        assert!(answers <= 1 && !answer.contains("404"), "{what}: a second request was seen: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_only_drips_is_given_up() {
    let impatient = |config: &mut ApiConfig| config.body_timeout = Duration::from_millis(100);
    let server = Server::start_with(ServeLimits::default(), impatient).await;
    let token = &server.token;
    let upload = format!("/images/upload HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: {FORM}");
    let login = "/auth/login HTTP/1.1\r\nContent-Type: application/json".to_owned();
    for request in [upload, login] {
        let head = format!("POST {request}\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut reading, mut writing) = stream.into_split();
        // One byte now and then, each soon after the other, for as long as anybody listens.
        let dripping = tokio::spawn(async move {
            let mut pause = tokio::time::interval(Duration::from_millis(5));
            while writing.write_all(b"1\r\n-\r\n").await.is_ok() {
                pause.tick().await;
            }
        });
        let mut answer = [0; 12];
        reading.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408", "{request}");
        drop(reading);
        dripping.await.unwrap();
    }
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
