//! Runs the API on a listener. This is the loop of poem's own server with what a server on the open network
//! needs besides: limits on time and on connections, and no waiting of small answers for more (Nagle).

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use poem::http::HeaderValue;
use poem::http::header::CONNECTION;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::socket::Socket;
use crate::unread::Unread;

/// What a server allows its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// How long running requests may go on after the shutdown began.
    pub grace: Duration,
    /// How many connections may be open; more wait in the system's queue.
    pub max_connections: usize,
    /// How long the head of a request may take, and how long a connection may be idle before it.
    pub header_timeout: Duration,
    /// How long a client may refuse to take any bytes of an answer.
    pub write_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(30),
            max_connections: 4096,
            header_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
        }
    }
}

/// The most bytes that the head of a request may have, and the size of a connection's buffers.
const BUFFER_BYTES: usize = 64 << 10;
/// How long to wait after the system could not accept a connection: it is out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `app` over HTTP/1.1 until `shutdown` is ready; then lets running requests finish within the grace.
///
/// # Errors
/// If the listener has no address.
pub async fn serve<E>(
    listener: TcpListener,
    app: E,
    shutdown: impl Future<Output = ()>,
    limits: ServeLimits,
) -> io::Result<()>
where
    E: Endpoint<Output = Response> + 'static,
{
    let server = Arc::new(Server { app, local: LocalAddr(listener.local_addr()?.into()), limits });
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let (closing, _) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
            listener.accept().await.map(|(stream, peer)| (slot, stream, peer))
        };
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = accepted => match accepted {
                Ok((slot, stream, peer)) => {
                    let (server, closing) = (server.clone(), closing.subscribe());
                    connections.spawn(async move {
                        server.connection(stream, peer, closing).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    closing.send_replace(true);
    let finished = async {
        while connections.join_next().await.is_some() {}
        // What has left HTTP is no connection any more, but has something to say in farewell.
        closing.closed().await;
    };
    if tokio::time::timeout(limits.grace, finished).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests cut off at the end of the grace");
        connections.shutdown().await;
    }
    Ok(())
}

/// Tells answers that do not end by themselves when the server stops. The server waits, within the grace, for those who have
/// one.
#[derive(Clone)]
pub(crate) struct Stopping(Option<watch::Receiver<bool>>);

impl Stopping {
    /// That of the server which took `request`. A server that is not this one never says that it stops.
    pub(crate) fn of(request: &Request) -> Self {
        request.data().cloned().unwrap_or(Self(None))
    }

    /// Is ready when the server stops.
    pub(crate) async fn begun(self) {
        let Some(mut stopping) = self.0 else { return std::future::pending().await };
        // An error means that the server is gone, which is a reason to end as well.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}

struct Server<E> {
    app: E,
    local: LocalAddr,
    limits: ServeLimits,
}

impl<E: Endpoint<Output = Response> + 'static> Server<E> {
    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        closing: watch::Receiver<bool>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            // The client is gone already.
            tracing::debug!(%peer, %error, "connection lost");
            return;
        }
        let limits = self.limits;
        let remote = RemoteAddr(peer.into());
        let stopping = Stopping(Some(closing));
        let closing = stopping.clone().begun();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (server, remote, stopping) = (self.clone(), remote.clone(), stopping.clone());
            async move {
                let mut request = Request::from((request, server.local.clone(), remote, Scheme::HTTP));
                request.set_data(stopping);
                let unread = Unread::watch(&mut request);
                let mut response = server.app.get_response(request).await;
                if unread.more_to_come() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(hyper::Response::from(response))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(BUFFER_BYTES)
            .serve_connection(TokioIo::new(Socket::new(stream, limits.write_timeout)), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = closing => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection broken");
        }
    }
}
