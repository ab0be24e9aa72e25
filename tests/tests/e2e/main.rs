//! Whole-system tests: real server processes over real sockets, seen as a client and an operator see them. Each
//! test has a server, a folder and a port of its own, so that all can run at once. What one part promises is
//! tested beside that part.

mod backup;
mod bad_requests;
mod bad_uploads;
mod batches;
mod crash;
mod dead_letters;
mod faults;
mod fixtures;
mod fonts;
mod formats;
mod full_disk;
mod idempotency;
mod live;
mod load;
mod memory;
mod operators;
mod ownership;
mod paths;
mod poison;
mod rate_limit;
mod start;
mod stop;
mod systems;
mod tokens;
mod versions;
mod walk;

use pixmill_e2e::Server;

/// What the tests that hold for every form of Pixmill run against here: all of it in one process.
async fn start(variables: &[(&str, &str)]) -> Server {
    Server::start(variables).await
}
