//! Answers to probes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::State;
use crate::json::Json;
use crate::reply;
use crate::routes::Group;
use crate::wire::health;

pub(crate) struct Health(pub(super) Arc<State>);

#[expect(clippy::unused_async, reason = "poem-openapi takes operations as async functions only")]
#[OpenApi(tag = "Group::Operators")]
impl Health {
    /// Whether the server runs
    ///
    /// If this does not answer, the process should be replaced.
    #[oai(path = "/health/live", method = "get", operation_id = "getLiveness")]
    async fn live(&self) -> Live {
        Live
    }

    /// Whether the server takes requests
    ///
    /// While this says no, requests should go elsewhere: the server is starting or stopping.
    #[oai(path = "/health/ready", method = "get", operation_id = "getReadiness")]
    async fn ready(&self) -> Ready {
        Ready(self.0.config.ready.load(Ordering::Relaxed))
    }
}

fn answer(ok: bool) -> Response {
    let (status, word) =
        if ok { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    Json(health::Health { status: word.to_owned() }).response(status)
}

struct Live;

impl IntoResponse for Live {
    fn into_response(self) -> Response {
        answer(true)
    }
}

impl ApiResponse for Live {
    fn meta() -> MetaResponses {
        reply::success(200, "The server runs.", vec![reply::json::<health::Health>()], vec![])
    }

    fn register(registry: &mut Registry) {
        health::Health::register(registry);
    }
}

struct Ready(bool);

impl IntoResponse for Ready {
    fn into_response(self) -> Response {
        answer(self.0)
    }
}

impl ApiResponse for Ready {
    fn meta() -> MetaResponses {
        let body = || vec![reply::json::<health::Health>()];
        MetaResponses {
            responses: vec![
                reply::response(200, "The server takes requests.", body(), vec![]),
                reply::response(503, "The server is starting or stopping.", body(), vec![]),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        health::Health::register(registry);
    }
}
