//! Answers to whoever watches over the server.

use poem_openapi::Object;
use serde::Serialize;

/// Whether the server is well.
#[derive(Object, Serialize)]
pub(crate) struct Health {
    /// `ok`, or `unavailable` while the server starts or stops.
    pub(crate) status: String,
}
