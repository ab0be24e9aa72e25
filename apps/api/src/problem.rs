//! The one error of this crate: an answer in the form of RFC 9457, with what the log has to know and the client
//! must not.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use pixmill::FieldError;
use pixmill::ports::{PortError, Retry};
use poem::error::ResponseError;
use poem::http::header::{CONTENT_TYPE, RETRY_AFTER};
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::{Body, Response};

use crate::wire::problem::{FieldProblem, ProblemBody};

/// The media type of every error answer.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request is not answered as it was meant.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem with a stable word for programs and a sentence for people: what was wrong, what would be right.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), headers: Vec::new(), cause: None }
    }

    /// A fault of ours. The client learns nothing but that.
    pub(crate) fn internal() -> Self {
        let detail = "something went wrong on the server; the requestId helps its operator to find out what";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Names the fields that are wrong.
    pub(crate) fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says when to try again, in whole seconds, at least one.
    pub(crate) fn with_retry_after(self, after: Duration) -> Self {
        self.with_header(RETRY_AFTER, whole_seconds(after).into())
    }

    /// Keeps what went wrong, for the log.
    pub(crate) fn with_cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What went wrong with all its sources in one line, for the log.
    pub(crate) fn cause_chain(&self) -> Option<String> {
        let mut error: &dyn Error = self.cause.as_deref()?;
        let mut chain = error.to_string();
        while let Some(source) = error.source() {
            chain.push_str(": ");
            chain.push_str(&source.to_string());
            error = source;
        }
        Some(chain)
    }

    /// The answer.
    pub(crate) fn into_response(self, request_id: &str) -> Response {
        let Self { status, code, detail, errors, headers, cause: _ } = self;
        let body = ProblemBody {
            r#type: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into_owned(),
            request_id: request_id.to_owned(),
            errors: (!errors.is_empty()).then(|| errors.into_iter().map(FieldProblem::from).collect()),
        };
        let json = serde_json::to_vec(&body).expect("strings and a number");
        let mut response = Response::builder().status(status).body(Body::from_vec(json));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.headers_mut().extend(headers);
        response
    }
}

/// Rounds up, because a client that comes back too early only comes back twice.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    (duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).max(1)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl Error for Problem {}

/// What makes `?` carry a problem through poem. The edge takes it out again and answers it.
impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        match error.retry() {
            Retry::Later(after) => {
                let detail =
                    "a system that this service depends on does not work at the moment; try again later";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
                    .with_retry_after(after)
                    .with_cause(error)
            }
            Retry::Never => Self::internal().with_cause(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use pixmill::ports::PortErrorKind;

    use super::*;

    #[test]
    fn port_errors_say_whether_to_come_back() {
        let later =
            PortError::new(PortErrorKind::Unavailable, "store", "get").with_source("the cable is cut");
        let problem = Problem::from(later);
        assert_eq!(problem.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(problem.cause_chain().as_deref(), Some("store is unavailable (get): the cable is cut"));
        assert_eq!(problem.into_response("r").headers()[RETRY_AFTER], "1");
        let never = Problem::from(PortError::new(PortErrorKind::Corrupt, "store", "get"));
        assert_eq!(never.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn clients_do_not_see_causes() {
        let problem = Problem::internal().with_cause("secret path /var/lib");
        let body = problem.into_response("id-1").into_body().into_string().await.unwrap();
        assert!(!body.contains("secret"), "{body}");
        assert!(body.contains("\"requestId\":\"id-1\""), "{body}");
    }

    #[test]
    fn waiting_times_are_rounded_up() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(3)), 3);
    }
}
