//! What is said over a WebSocket, in both directions.

use serde::{Deserialize, Serialize};

use crate::wire::job::JobView;

/// What a client says. The first message of a connection without an `Authorization` header names the token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Asked {
    /// The token that login answered.
    #[serde(default)]
    pub(crate) token: Option<String>,
    /// Ids of jobs to tell of at once, whatever their state: those that the client still waited for when its last
    /// connection broke.
    #[serde(default)]
    pub(crate) jobs: Vec<String>,
}

/// What the server says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub(crate) enum Told {
    /// A job as it is now.
    Job { job: Box<JobView> },
    /// The server has no more to say: the connection closes.
    Problem { code: &'static str, detail: String },
}
