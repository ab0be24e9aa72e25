//! What the whole-system tests and measurements stand on: servers as processes of their own, clients over real
//! sockets, and a look at the processes from outside. It knows of Pixmill what a client and an operator know.
//!
//! Everything here panics with an explanation when something goes wrong, because its callers are tests.

mod amqp;
mod answer;
mod broker;
mod client;
mod draw;
pub mod faults;
mod load;
mod mongo;
mod picture;
mod process;
mod program;
mod proxy;
mod raw;
mod redis;
mod s3;
mod server;
mod systems;
mod wait;

pub use amqp::Amqp;
pub use answer::Answer;
pub use broker::Broker;
pub use client::{Client, PASSWORD, Uploaded};
pub use draw::Draw;
pub use load::{LoadReport, load, percentile};
pub use picture::{Kind, Picture};
pub use process::{ProcessTree, kill, peak_memory, reset_peak_memory, signal, stands_still};
pub use program::{Ended, Home, program};
pub use proxy::Proxy;
pub use raw::{Connection, Reply};
pub use server::Server;
pub use systems::{Bucket, behind_a_proxy, redis_url, systems};
pub use wait::{DEADLINE, eventually};
