//! Work that goes on when the client leaves, because the client is going to ask how it went.

use std::future::Future;

use tokio::task::JoinError;

use crate::problem::Problem;

/// Runs `work` to its end, also if nobody waits for it any more.
pub(crate) async fn detached<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.map_err(|error: JoinError| Problem::internal().with_cause(error))
}
