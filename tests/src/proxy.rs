//! A proxy for TCP between Pixmill and a system, that a test can cut off as if the system were gone.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the system behind the proxy seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    There,
    /// Connections break, and new ones end at once.
    Gone,
    /// Connections stay, and nothing comes through.
    Silent,
}

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

    /// Makes the system seem to be back: connections from before break, new ones work.
    pub fn restore(&self) {
        self.state.send_replace(State::There);
    }
}

async fn pass(mut client: TcpStream, target: String, mut state: watch::Receiver<State>) {
    let found = *state.borrow_and_update();
    match found {
        State::Gone => return,
        State::Silent => {
            let _ = state.changed().await;
            return;
        }
        State::There => {}
    }
    let Ok(mut server) = TcpStream::connect(&target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => return,
        _ = state.changed() => {}
    }
    let now = *state.borrow_and_update();
    if now == State::Silent {
        // Both ends stay open until the next change.
        let _ = state.changed().await;
    }
}
