//! Pages of other origins. Those that are allowed get the headers that let a browser hand the answer to them;
//! for all others nothing changes, and their browsers refuse it. Tokens travel in a header, never in cookies, so
//! no credentials are involved.

use poem::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode};
use poem::{Request, Response};

/// Which origins are allowed.
pub(crate) struct Cors {
    origins: Vec<String>,
    any: bool,
}

impl Cors {
    /// `None` if no origin is allowed.
    pub(crate) fn new(origins: &[String]) -> Option<Self> {
        let origins: Vec<String> =
            origins.iter().map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect();
        let any = origins.iter().any(|origin| origin == "*");
        (!origins.is_empty()).then_some(Self { origins, any })
    }

    /// The origin to allow in the answer to this request.
    pub(crate) fn allow(&self, request: &Request) -> Allowed {
        let Some(origin) = request.headers().get(ORIGIN) else { return Allowed(None) };
        if self.any {
            return Allowed(Some(HeaderValue::from_static("*")));
        }
        let listed = self.origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes());
        Allowed(listed.then(|| origin.clone()))
    }

    /// Whether the request only asks what would be allowed.
    pub(crate) fn is_preflight(request: &Request) -> bool {
        request.method() == Method::OPTIONS
            && request.headers().contains_key(ORIGIN)
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The answer to such a request; [`Allowed::apply`] completes it.
    pub(crate) fn preflight() -> Response {
        let mut response = Response::from(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        headers
            .insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE"));
        let allowed = "authorization, content-type, idempotency-key, if-none-match, if-range, last-event-id, range, \
                       x-request-id";
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        response
    }
}

/// The origin that a request came from, if it is allowed.
pub(crate) struct Allowed(Option<HeaderValue>);

impl Allowed {
    /// Adds the headers to an answer.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        // The answer depends on the origin even where it is not allowed.
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Self(Some(origin)) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed =
                "content-range, etag, link, location, ratelimit, ratelimit-policy, retry-after, x-request-id";
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
        }
    }
}
