//! One job as it changes, as server-sent events.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use pixmill::{JobId, Update};
use poem::http::header::CONTENT_TYPE;
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::{Body, FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponses, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::State;
use crate::auth::{self, Caller};
use crate::faults::unknown_job;
use crate::params::Path;
use crate::refusal::{Refusal, UNAUTHENTICATED, UNKNOWN};
use crate::reply::response;
use crate::routes::Group;
use crate::routes::jobs::view;
use crate::serve::Stopping;
use crate::wire::job::JobView;

const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks proxies in front not to collect events before they pass them on.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(crate) struct Events(pub(super) Arc<State>);

type FollowRefusal = Refusal<{ UNAUTHENTICATED | UNKNOWN }>;

#[OpenApi(tag = "Group::Jobs")]
impl Events {
    /// Follow a job
    ///
    /// Server-sent events: the job as it is now, then each change, until it is final; then the stream ends. Each
    /// event is named `job` and carries the job as JSON and its revision as id. While nothing changes, a comment
    /// comes every 15 seconds. Whoever comes back sends `Last-Event-ID` and misses nothing; if that was the end,
    /// the answer is 204, after which browsers do not come back. The stream also ends with the login.
    #[oai(path = "/jobs/:id/events", method = "get", operation_id = "followJob")]
    async fn follow(&self, caller: Caller, id: Path<JobId>, place: Place) -> Result<Followed, FollowRefusal> {
        let services = &self.0.services;
        let updates = services.live.job(caller.0, id.0).await?.ok_or_else(unknown_job)?;
        let mut updates = updates.peekable();
        if let Some(Update::Job(job)) = Pin::new(&mut updates).peek().await
            && job.status().is_final()
            && place.seen == Some(job.revision)
        {
            return Ok(Followed::Nothing);
        }
        let (state, seen, token) = (self.0.clone(), place.seen, Arc::new(place.token));
        let logins = self.0.clone();
        let updates = updates.take_while(move |update| {
            let quiet = matches!(update, Update::Quiet);
            let (state, token) = (logins.clone(), token.clone());
            async move { !quiet || state.logins.check(&token).await.is_ok() }
        });
        let events = updates.filter_map(move |update| {
            let state = state.clone();
            async move {
                match update {
                    Update::Quiet => Some(Bytes::from_static(b":\n\n")),
                    Update::Job(job) if Some(job.revision) == seen => None,
                    Update::Job(job) => {
                        let revision = job.revision;
                        // Without its link the job is not told of: whoever comes back with the id before learns it then.
                        let job = view(&state, *job).await.ok()?;
                        Some(event(revision, &job))
                    }
                }
            }
        });
        let events = events.take_until(Box::pin(place.stopping.begun())).map(io::Result::Ok);
        Ok(Followed::Events(Body::from_bytes_stream(events)))
    }
}

/// JSON has no line breaks, so one line of data holds it.
fn event(revision: u64, job: &JobView) -> Bytes {
    let json = serde_json::to_string(job).expect("wire types are plain data");
    format!("id: {revision}\nevent: job\ndata: {json}\n\n").into()
}

/// Where a client stopped listening, and until when it is talked to.
struct Place {
    seen: Option<u64>,
    token: String,
    stopping: Stopping,
}

impl<'a> FromRequest<'a> for Place {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let seen = request.headers().get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()?.parse().ok());
        let token = auth::bearer(request.headers()).unwrap_or_default().to_owned();
        Ok(Self { seen, token, stopping: Stopping::of(request) })
    }
}

enum Followed {
    Events(Body),
    Nothing,
}

impl IntoResponse for Followed {
    fn into_response(self) -> Response {
        match self {
            Self::Events(body) => Response::builder()
                .header(CONTENT_TYPE, EVENT_STREAM)
                .header(X_ACCEL_BUFFERING, HeaderValue::from_static("no"))
                .body(body),
            Self::Nothing => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

impl ApiResponse for Followed {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        let events = vec![MetaMediaType { content_type: EVENT_STREAM, schema }];
        MetaResponses {
            responses: vec![
                response(200, "The events.", events, vec![]),
                response(204, "The job is final, and the client knows how it ended.", vec![], vec![]),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}
