//! What holds for one process holds for many: the same tests against two servers and two workers over real systems, each
//! request at the other server than the one before. And what only many processes can show.

use pixmill_e2e::Server;

#[path = "../e2e/bad_requests.rs"]
mod bad_requests;
#[path = "../e2e/bad_uploads.rs"]
mod bad_uploads;
#[path = "../e2e/batches.rs"]
mod batches;
mod faults;
#[path = "../e2e/fixtures.rs"]
mod fixtures;
#[path = "../e2e/formats.rs"]
mod formats;
#[path = "../e2e/idempotency.rs"]
mod idempotency;
#[path = "../e2e/live.rs"]
mod live;
#[path = "../e2e/load.rs"]
mod load;
mod names;
mod outages;
#[path = "../e2e/ownership.rs"]
mod ownership;
#[path = "../e2e/rate_limit.rs"]
mod rate_limit;
#[path = "../e2e/versions.rs"]
mod versions;
#[path = "../e2e/walk.rs"]
mod walk;
mod workers;

/// What the tests that hold for every form of Pixmill run against here.
async fn start(variables: &[(&str, &str)]) -> Server {
    Server::start_distributed(variables).await
}
