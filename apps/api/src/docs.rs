//! The OpenAPI document, and the page that shows it.

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;
use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use poem::http::{HeaderValue, Method};
use poem::{Body, Endpoint, Response};
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};

use crate::reply;
use crate::routes::Api;

/// The OpenAPI document: JSON, indented, the same at every call, with a line feed at the end.
pub fn document() -> String {
    let mut document = service().spec();
    document.push('\n');
    document
}

fn service() -> OpenApiService<Described, ()> {
    let description = "Upload images, have them transformed by asynchronous jobs, follow the jobs, and fetch, \
        save and share the results.\n\nEvery error is `application/problem+json` with a stable `code`. Everything \
        but registration, login, health and signed links needs the token that login answers, or an API key, as \
        `Authorization: Bearer`. Tokens are for people and end with a new password; API keys are for programs, with \
        scopes and an end of their own, and can't change the account. A user sees only what is theirs: what belongs \
        to somebody else does not exist.";
    OpenApiService::new(Described, "Pixmill", env!("CARGO_PKG_VERSION"))
        .description(description)
        .license(LicenseObject::new("MIT").url("https://opensource.org/licenses/MIT"))
}

/// The API's description without anything to run it: the document needs no services.
struct Described;

impl OpenApi for Described {
    fn meta() -> Vec<MetaApi> {
        Api::meta()
    }

    fn register(registry: &mut Registry) {
        Api::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

static JSON: LazyLock<Bytes> = LazyLock::new(|| document().into());
static PAGE: LazyLock<Bytes> = LazyLock::new(|| service().swagger_ui_html().into());

/// Answers the document.
pub(crate) fn openapi_json() -> impl Endpoint<Output = Response> + 'static {
    make_sync(|_| serve(&JSON, reply::JSON))
}

/// Answers a page for people, with everything in it: it loads nothing from elsewhere.
pub(crate) fn page() -> impl Endpoint<Output = Response> + 'static {
    make_sync(|_| {
        let mut response = serve(&PAGE, "text/html; charset=utf-8");
        // The page has its script and its styles inline. It may call this server and nobody else.
        let policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
            img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        response
    })
}

fn serve(bytes: &Bytes, media_type: &'static str) -> Response {
    let mut response = Response::builder().body(Body::from_bytes(bytes.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
