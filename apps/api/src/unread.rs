//! What is left of a request's body when its answer is ready. A connection carries the next request only once
//! the body of this one is over; if more of it is to come, the answer says that the connection closes, so that
//! the client does not find out by a broken one.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use poem::Request;

/// How many bytes that have arrived already are thrown away to keep a connection.
const SPARED: usize = 64 << 10;

type Inner = BoxBody<Bytes, io::Error>;

/// The body of a request that somebody else may be reading, or may have dropped.
pub(crate) struct Unread(Option<Arc<Mutex<Inner>>>);

impl Unread {
    /// Keeps an eye on the body of `request`.
    pub(crate) fn watch(request: &mut Request) -> Self {
        let body = Inner::from(request.take_body());
        if body.is_end_stream() {
            request.set_body(body);
            return Self(None);
        }
        let body = Arc::new(Mutex::new(body));
        request.set_body(Inner::new(Shared(body.clone())));
        Self(Some(body))
    }

    /// Whether the connection is still needed for the rest of the body.
    pub(crate) fn more_to_come(self) -> bool {
        let Some(body) = self.0 else { return false };
        let mut body = body.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spared = 0;
        while !body.is_end_stream() {
            // Looks at what is there, and waits for nothing.
            match body.frame().now_or_never() {
                Some(None) => return false,
                Some(Some(Ok(frame))) => spared += frame.data_ref().map_or(0, Bytes::len),
                Some(Some(Err(_))) | None => return true,
            }
            if spared > SPARED {
                return true;
            }
        }
        false
    }
}

/// The body as the routes read it.
struct Shared(Arc<Mutex<Inner>>);

impl Shared {
    fn with<T>(&self, act: impl FnOnce(Pin<&mut Inner>) -> T) -> T {
        act(Pin::new(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Body for Shared {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.with(|body| body.poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};

    use super::*;

    fn request(body: poem::Body) -> Request {
        Request::builder().body(body)
    }

    /// A body of which `here` has arrived, and the rest never does.
    fn slow(here: usize) -> poem::Body {
        let here = stream::iter([io::Result::Ok(vec![0; here])]);
        poem::Body::from_bytes_stream(here.chain(stream::pending()))
    }

    #[tokio::test]
    async fn a_body_read_to_its_end_needs_nothing() {
        let mut request = request(poem::Body::from_bytes_stream(stream::iter([io::Result::Ok("all")])));
        let unread = Unread::watch(&mut request);
        assert_eq!(request.take_body().into_string().await.unwrap(), "all");
        assert!(!unread.more_to_come());
    }

    #[test]
    fn no_body_needs_nothing() {
        assert!(!Unread::watch(&mut request(poem::Body::empty())).more_to_come());
    }

    #[test]
    fn what_has_arrived_is_thrown_away() {
        let mut request = request(poem::Body::from_bytes_stream(stream::iter([io::Result::Ok("all")])));
        let unread = Unread::watch(&mut request);
        drop(request);
        assert!(!unread.more_to_come());
    }

    #[test]
    fn what_is_still_to_come_needs_the_connection() {
        for here in [0, 10, SPARED + 1] {
            let mut request = request(slow(here));
            let unread = Unread::watch(&mut request);
            drop(request);
            assert!(unread.more_to_come(), "{here}");
        }
    }
}
