//! Pixmill over RabbitMQ: the queue of job messages.
//!
//! Messages lie in a quorum queue, those to be delivered later in quorum queues that hand them back when their time has
//! come, and those that nobody can read in one for operators. Connections and channels are made again whenever they were
//! lost; what was under way then comes again, and jobs are safe to repeat.

mod config;
mod consumer;
mod error;
mod link;
mod publisher;
mod queue;
mod topology;

pub use config::RabbitConfig;
pub use error::ConnectError;
pub use queue::RabbitQueue;
