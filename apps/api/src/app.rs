//! Puts the API together: the state that handlers share, the routes, and the edge around them.

use std::collections::HashMap;
use std::sync::Arc;

use pixmill::Services;
use pixmill::ports::{Clock, Limiter};
use poem::{Endpoint, Response, Route};
use poem_openapi::OpenApi;

use crate::config::ApiConfig;
use crate::cors::Cors;
use crate::docs;
use crate::edge::Edge;
use crate::logins::Logins;
use crate::methods::Methods;
use crate::routes;
use crate::token::Tokens;
use crate::upload_slots::UploadSlots;

/// What all requests share.
pub(crate) struct State {
    pub(crate) services: Services,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) logins: Logins,
    pub(crate) upload_slots: Arc<UploadSlots>,
    pub(crate) config: ApiConfig,
}

/// The API as an endpoint that answers every request: errors and panics become problems too.
///
/// It belongs at the root of its host. Give it to [`serve`](crate::serve), or to a server of poem's.
pub fn app(
    services: Services,
    limiter: Arc<dyn Limiter>,
    clock: Arc<dyn Clock>,
    config: ApiConfig,
) -> impl Endpoint<Output = Response> + 'static {
    let tokens = Tokens::new(&config.jwt_secret, config.jwt_ttl, clock.clone());
    let logins = Logins::new(tokens, services.accounts.clone(), services.keys.clone(), clock.clone());
    let cors = Cors::new(&config.cors_allowed_origins);
    let upload_slots = UploadSlots::new(config.max_uploads);
    let state = Arc::new(State { services, limiter, clock, logins, upload_slots, config });
    Edge::new(router(&state), state, cors)
}

fn router(state: &Arc<State>) -> Route {
    // poem-openapi's own router answers 405 without saying which methods there are.
    let mut paths = HashMap::new();
    routes::api(state).add_routes(&mut paths);
    let router = paths.into_iter().fold(Route::new(), |router, (path, endpoints)| {
        router.at(path, Methods::new(endpoints.into_iter().collect()))
    });
    router
        .at("/files/:image/:version", Methods::get(routes::files::follow))
        .at("/ws", Methods::get(routes::socket::converse))
        .at("/openapi.json", Methods::get(docs::openapi_json()))
        .at("/docs", Methods::get(docs::page()))
}
