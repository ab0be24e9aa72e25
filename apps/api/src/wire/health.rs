//! Answers to whoever watches over the server.

use poem_openapi::Object;
use serde::Serialize;

/// Whether the server is well.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    /// `ok`, or `unavailable`.
    pub(crate) status: String,
    /// The systems without which the server can do nothing, while they are away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waiting_for: Option<Vec<String>>,
}
