//! The outermost layer, and the only one: it gives each request its scope, turns every error and panic into a
//! problem, adds the headers that all answers have, and writes one line to the log.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use poem::error::NotFoundError;
use poem::http::header::{CACHE_CONTROL, CONTENT_LENGTH, X_CONTENT_TYPE_OPTIONS};
use poem::http::{HeaderValue, Method, StatusCode, Uri};
use poem::{Endpoint, Error, Request, Response, Result};

use crate::app::State;
use crate::cors::{Allowed, Cors};
use crate::methods::body_length;
use crate::problem::Problem;
use crate::scope::{REQUEST_ID, Scope};

/// The edge around the routes.
pub(crate) struct Edge<E> {
    routes: E,
    state: Arc<State>,
    cors: Option<Cors>,
}

impl<E> Edge<E> {
    pub(crate) fn new(routes: E, state: Arc<State>, cors: Option<Cors>) -> Self {
        Self { routes, state, cors }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Edge<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let started = Instant::now();
        let scope = Scope::new(self.state.clone(), request.headers());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let allowed = self.cors.as_ref().map(|cors| cors.allow(&request));
        request.set_data(scope.clone());

        let outcome = if allowed.is_some() && Cors::is_preflight(&request) {
            Ok(Cors::preflight())
        } else {
            let call = AssertUnwindSafe(self.routes.call(request)).catch_unwind();
            match call.await {
                Ok(outcome) => outcome.map_err(into_problem),
                Err(panic) => Err(Problem::internal().with_cause(describe(&*panic))),
            }
        };
        let (mut response, cause) = match outcome {
            Ok(response) => (response, None),
            Err(problem) => {
                let cause = problem.status().is_server_error().then(|| problem.cause_chain()).flatten();
                let mut response = problem.into_response(scope.id());
                if method == Method::HEAD {
                    response.set_body(());
                }
                (response, cause)
            }
        };
        finish(&mut response, &scope, allowed);
        log(&method, &uri, &mut response, &scope, started, cause.as_deref());
        Ok(response)
    }
}

/// What poem could not do, in our form.
fn into_problem(error: Error) -> Problem {
    let error = match error.downcast::<Problem>() {
        Ok(problem) => return problem,
        Err(error) => error,
    };
    let status = error.status();
    if error.is::<NotFoundError>() || status == StatusCode::NOT_FOUND {
        return Problem::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing at this path; /docs lists all paths",
        );
    }
    if status.is_client_error() {
        return Problem::new(status, "bad_request", error.to_string());
    }
    Problem::internal().with_cause(error.to_string())
}

fn describe(panic: &(dyn std::any::Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", message.unwrap_or("without a message"))
}

fn finish(response: &mut Response, scope: &Scope, allowed: Option<Allowed>) {
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, scope.id.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Answers belong to one user and change; those that may be kept say so themselves.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // A refusal says more of it.
    if let Some(allowance) = scope.allowance.get()
        && response.status() != StatusCode::TOO_MANY_REQUESTS
    {
        allowance.apply(response.headers_mut());
    }
    if let Some(allowed) = allowed {
        allowed.apply(response.headers_mut());
    }
}

/// The query stays out: it holds the signatures of links.
fn log(
    method: &Method,
    uri: &Uri,
    response: &mut Response,
    scope: &Scope,
    started: Instant,
    cause: Option<&str>,
) {
    let status = response.status();
    // The macros compute nothing for a line that nobody reads.
    macro_rules! line {
        ($level:ident, $message:literal $(, $cause:ident)?) => {
            tracing::$level!(
                method = method.as_str(),
                path = uri.path(),
                status = status.as_u16(),
                ms = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3,
                request = scope.id(),
                user = scope.user.get().map(tracing::field::display),
                bytes = length(response),
                $($cause,)?
                $message
            )
        };
    }
    if status.is_server_error() {
        line!(error, "request failed", cause);
    } else {
        line!(info, "request");
    }
}

fn length(response: &mut Response) -> Option<u64> {
    let header = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    header.or_else(|| body_length(response))
}
