//! The methods of one path. What is readable answers HEAD too, and whoever comes with another method learns
//! which ones there are.

use http_body_util::combinators::BoxBody;
use hyper::body::Body as _;
use poem::endpoint::BoxEndpoint;
use poem::http::header::{ALLOW, CONTENT_LENGTH, RANGE};
use poem::http::{HeaderValue, Method, StatusCode};
use poem::{Body, Endpoint, EndpointExt, IntoEndpoint, Request, Response, Result};

use crate::problem::Problem;

/// The endpoints of a path by method.
pub(crate) struct Methods {
    endpoints: Vec<(Method, BoxEndpoint<'static>)>,
    allow: HeaderValue,
}

impl Methods {
    pub(crate) fn new(endpoints: Vec<(Method, BoxEndpoint<'static>)>) -> Self {
        let mut names: Vec<&str> = endpoints.iter().map(|(method, _)| method.as_str()).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.push("OPTIONS");
        names.sort_unstable();
        let allow = HeaderValue::from_str(&names.join(", ")).expect("names of methods are visible ASCII");
        Self { endpoints, allow }
    }

    /// A path that can only be read.
    pub(crate) fn get<E>(endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        Self::new(vec![(Method::GET, endpoint.into_endpoint().map_to_response().boxed())])
    }

    fn find(&self, method: &Method) -> Option<&BoxEndpoint<'static>> {
        self.endpoints.iter().find(|(known, _)| known == method).map(|(_, endpoint)| endpoint)
    }
}

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        if let Some(endpoint) = self.find(request.method()) {
            return endpoint.call(request).await;
        }
        match *request.method() {
            Method::HEAD if let Some(endpoint) = self.find(&Method::GET) => {
                request.set_method(Method::GET);
                // Ranges are defined for GET alone.
                request.headers_mut().remove(RANGE);
                endpoint.call(request).await.map(without_body)
            }
            Method::OPTIONS => {
                Ok(Response::builder().status(StatusCode::NO_CONTENT).header(ALLOW, &self.allow).finish())
            }
            _ => {
                let detail = "this path does not have this method; Allow names those that it has";
                Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
                    .with_header(ALLOW, self.allow.clone())
                    .into())
            }
        }
    }
}

/// Drops the body, but still says how long it would be.
fn without_body(mut response: Response) -> Response {
    if let Some(length) = body_length(&mut response)
        && !response.headers().contains_key(CONTENT_LENGTH)
        && response.status() != StatusCode::NOT_MODIFIED
    {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response.set_body(Body::empty());
    response
}

/// The length of the body where it is known beforehand. poem shows bodies to their owner alone, so it takes a
/// moment of ownership.
pub(crate) fn body_length(response: &mut Response) -> Option<u64> {
    let body: BoxBody<_, _> = response.take_body().into();
    let length = body.size_hint().exact();
    response.set_body(body);
    length
}
