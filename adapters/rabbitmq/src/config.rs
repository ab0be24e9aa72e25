//! What has to be known to reach RabbitMQ.

use std::fmt;
use std::time::Duration;

/// Which broker, and how its queue is used.
#[derive(Clone)]
pub struct RabbitConfig {
    /// `amqp://` or `amqps://` (TLS), user and password, host, port and virtual host.
    pub url: String,
    /// The name of the queue. Those beside it have names that begin with it.
    pub queue: String,
    /// How many messages this process holds at once: as many as it works on.
    pub prefetch: u16,
    /// The times after which messages can come again, ascending: a message waits for the first that is long enough. Each
    /// is a queue of its own.
    pub delays: Vec<Duration>,
}

impl RabbitConfig {
    /// The queue `image_transformation_queue` of the broker at `url`, for `prefetch` messages at once.
    pub fn new(url: impl Into<String>, prefetch: u16) -> Self {
        let halves_to_minutes = (0..9).map(|step| Duration::from_millis(250 << step));
        let long = [300, 3600, 86_400].map(Duration::from_secs);
        Self {
            url: url.into(),
            queue: "image_transformation_queue".to_owned(),
            prefetch,
            delays: halves_to_minutes.chain(long).collect(),
        }
    }
}

impl fmt::Debug for RabbitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds a password.
        let Self { url: _, queue, prefetch, delays } = self;
        f.debug_struct("RabbitConfig")
            .field("queue", queue)
            .field("prefetch", prefetch)
            .field("delays", delays)
            .finish_non_exhaustive()
    }
}
