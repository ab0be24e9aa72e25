//! Answers to probes.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi};

use crate::app;
use crate::json::Json;
use crate::readiness::State;
use crate::reply;
use crate::routes::Group;
use crate::wire::health;

pub(crate) struct Health(pub(super) Arc<app::State>);

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
    /// While this says no, requests should go elsewhere: the server is stopping, or waits for a system that it needs.
    #[oai(path = "/health/ready", method = "get", operation_id = "getReadiness")]
    async fn ready(&self) -> Ready {
        Ready(self.0.config.readiness.state())
    }
}

fn ok() -> Response {
    Json(health::Health { status: "ok".to_owned(), waiting_for: None }).response(StatusCode::OK)
}

fn unavailable(waiting_for: Option<Vec<String>>) -> Response {
    let health = health::Health { status: "unavailable".to_owned(), waiting_for };
    Json(health).response(StatusCode::SERVICE_UNAVAILABLE)
}

struct Live;

impl IntoResponse for Live {
    fn into_response(self) -> Response {
        ok()
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

struct Ready(State);

impl IntoResponse for Ready {
    fn into_response(self) -> Response {
        match self.0 {
            State::Waiting(systems) if systems.is_empty() => ok(),
            State::Waiting(systems) => unavailable(Some(systems.into_iter().map(str::to_owned).collect())),
            State::Stopping => unavailable(None),
        }
    }
}

impl ApiResponse for Ready {
    fn meta() -> MetaResponses {
        let body = || vec![reply::json::<health::Health>()];
        MetaResponses {
            responses: vec![
                reply::response(200, "The server takes requests.", body(), vec![]),
                reply::response(
                    503,
                    "The server is stopping, or waits for a system that it needs.",
                    body(),
                    vec![],
                ),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        health::Health::register(registry);
    }
}
