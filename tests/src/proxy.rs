//! A proxy for TCP between Pixmill and a system, that a test can make as bad as networks are: cut off, half-open, slow.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// How the system behind the proxy seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    There,
    /// Connections break, and new ones end at once.
    Gone,
    /// Connections stay, and nothing comes through.
    Silent,
    /// Connections stay, and what the system says does not come through.
    Deaf,
    /// Each piece comes through this much later.
    Late(Duration),
    /// One byte comes through at a time.
    Trickling,
    /// Every HTTP request is answered with this status, whatever it asks for; connections from before break.
    Failing(u16),
}

impl State {
    /// Whether connections of this state can't go on after it: something of theirs was kept back.
    fn holds_back(self) -> bool {
        matches!(self, Self::Silent | Self::Deaf)
    }

    /// Whether connections from before break.
    fn breaks(self) -> bool {
        matches!(self, Self::Gone | Self::Failing(_))
    }
}

/// The direction in which something is passed on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToSystem,
    ToClient,
}

/// How long a trickle takes from one byte to the next.
const DRIP: Duration = Duration::from_secs(1);

/// A proxy on a port of its own, for as long as the runtime runs.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

impl Proxy {
    /// Passes on whatever comes to the system at `target`, such as `127.0.0.1:6379`.
    ///
    /// # Panics
    /// If the system has no ports.
    pub async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(watch::Sender::new(State::There));
        let (target, seen) = (target.to_owned(), state.subscribe());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, target.clone(), seen.clone()));
            }
        });
        Self { address, state }
    }

    /// Where it listens, `HOST:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Makes the system seem gone, as when its process has ended.
    pub fn cut(&self) {
        self.state.send_replace(State::Gone);
    }

    /// Makes the system seem to hang.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Makes the way half-open: what is sent arrives, and what is answered does not.
    pub fn deafen(&self) {
        self.state.send_replace(State::Deaf);
    }

    /// Lets each piece, of 16 KiB at most, arrive this much later.
    pub fn delay(&self, time: Duration) {
        self.state.send_replace(State::Late(time));
    }

    /// Lets one byte a second through.
    pub fn trickle(&self) {
        self.state.send_replace(State::Trickling);
    }

    /// Makes the system, which must be one that speaks HTTP, answer every request with this status.
    pub fn fail(&self, status: u16) {
        self.state.send_replace(State::Failing(status));
    }

    /// Makes the system seem to be back. Connections from before break if something was kept from them; new ones work.
    pub fn restore(&self) {
        self.state.send_replace(State::There);
    }
}

async fn pass(client: TcpStream, target: String, mut state: watch::Receiver<State>) {
    let found = *state.borrow_and_update();
    match found {
        State::Gone => return,
        State::Failing(status) => return refuse(client, status).await,
        _ => {}
    }
    if found.holds_back() {
        let _ = state.changed().await;
        return;
    }
    let Ok(server) = TcpStream::connect(&target).await else { return };
    // What is slow here is slow on purpose.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let up = pump(from_client, to_server, Way::ToSystem, state.clone());
    let down = pump(from_server, to_client, Way::ToClient, state.clone());
    tokio::select! {
        _ = async { tokio::join!(up, down) } => {}
        () = broken(state) => {}
    }
}

/// Answers one request with this status as an S3 does, and ends the connection. Who waits for an answer before the body need not
/// send that.
async fn refuse(mut client: TcpStream, status: u16) {
    let body = "<Error><Code>InternalError</Code><Message>no space left</Message></Error>";
    let answer = format!(
        "HTTP/1.1 {status} Failing\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match client.read(&mut buffer).await {
            Ok(length) if length > 0 => head.extend_from_slice(&buffer[..length]),
            _ => return,
        }
    }
    if client.write_all(answer.as_bytes()).await.is_ok() && client.shutdown().await.is_ok() {
        // Whoever is closed in the middle of a body may lose the answer.
        while client.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
    }
}

/// Returns once the connections of now have no future.
async fn broken(mut state: watch::Receiver<State>) {
    loop {
        let before = *state.borrow_and_update();
        if state.changed().await.is_err() || state.borrow().breaks() || before.holds_back() {
            return;
        }
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let now = *state.borrow_and_update();
            let mut passed = rest.len();
            match now {
                State::There => {}
                State::Deaf if way == Way::ToSystem => {}
                State::Late(time) => sleep(time).await,
                State::Trickling => {
                    passed = 1;
                    tokio::select! { () = sleep(DRIP) => {} _ = state.changed() => {} }
                }
                // The connection ends with the next change.
                State::Gone | State::Failing(_) | State::Silent | State::Deaf => {
                    let _ = state.changed().await;
                    return Ok(());
                }
            }
            to.write_all(&rest[..passed]).await?;
            rest = &rest[passed..];
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    /// A connection through a proxy to somebody who says back what they hear.
    async fn echo() -> (Proxy, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::to(&listener.local_addr().unwrap().to_string()).await;
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let client = TcpStream::connect(proxy.address()).await.unwrap();
        (proxy, client)
    }

    async fn hear(client: &mut TcpStream, text: &[u8]) -> bool {
        let mut heard = vec![0; text.len()];
        client.write_all(text).await.unwrap();
        client.read_exact(&mut heard).await.is_ok() && heard == text
    }

    #[tokio::test]
    async fn a_slow_way_is_slow_and_whole() {
        let (proxy, mut client) = echo().await;
        assert!(hear(&mut client, b"hello").await);
        proxy.delay(Duration::from_millis(5));
        assert!(hear(&mut client, b"hello").await);
        proxy.trickle();
        client.write_all(b"a long text").await.unwrap();
        proxy.restore();
        let mut heard = [0; 11];
        client.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"a long text", "what was held up comes at once when the way is good again");
    }

    #[tokio::test]
    async fn a_failing_system_says_so_until_it_is_well_again() {
        let (proxy, mut client) = echo().await;
        assert!(hear(&mut client, b"hello").await);
        proxy.fail(503);
        let mut heard = [0; 5];
        assert!(client.read_exact(&mut heard).await.is_err(), "what was connected before is cut off");
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        client.write_all(b"PUT /file HTTP/1.1\r\nContent-Length: 9\r\n\r\nall of it").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        proxy.restore();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(hear(&mut client, b"hello").await);
    }

    #[tokio::test]
    async fn a_half_open_way_breaks_when_it_is_over() {
        for bother in [Proxy::deafen, Proxy::silence] {
            let (proxy, mut client) = echo().await;
            assert!(hear(&mut client, b"hello").await);
            bother(&proxy);
            client.write_all(b"hello").await.unwrap();
            let mut heard = [0; 5];
            let silent = timeout(Duration::from_millis(50), client.read_exact(&mut heard)).await;
            assert!(silent.is_err(), "nothing comes back");
            proxy.restore();
            assert!(client.read_exact(&mut heard).await.is_err(), "and the connection is of no more use");
            let mut client = TcpStream::connect(proxy.address()).await.unwrap();
            assert!(hear(&mut client, b"hello").await);
        }
    }
}
