//! The systems that a distributed run has for itself, and what an operator can do to them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::amqp::Amqp;
use crate::broker::Broker;
use crate::mongo::{Between, drop_database};
use crate::redis::forget;
use crate::systems::{Bucket, between_mongo, systems};

/// A bucket, a database and queues that nobody else has, and a whole broker where one is to suffer.
pub(super) struct Place {
    systems: Vec<(&'static str, String)>,
    bucket: Bucket,
    database: Between,
    broker: Option<Broker>,
}

/// How long the broker may take to put aside what nobody could read.
const PUTTING_ASIDE: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// The delays of the queues in which messages wait, in milliseconds.
const DELAYS: [u64; 12] =
    [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 300_000, 3_600_000, 86_400_000];

impl Place {
    /// Takes one that is empty.
    ///
    /// # Errors
    /// Why there can be no broker of one's own.
    pub(super) async fn take(own_broker: bool) -> Result<Self, String> {
        let broker = if own_broker { Some(Broker::start().await?) } else { None };
        let mut systems = systems();
        let bucket = Bucket::for_tests().named(value(&systems, "RABBITMQ_QUEUE"));
        bucket.make().await;
        let own = bucket.variables().into_iter();
        let own = own.chain(broker.iter().map(|broker| ("RABBITMQ_URL", broker.url())));
        for (name, value) in own {
            if let Some(known) = systems.iter_mut().find(|(known, _)| *known == name) {
                known.1 = value;
            }
        }
        let database = between_mongo(&mut systems).await;
        Ok(Self { systems, bucket, database, broker })
    }

    /// The variables by which a Pixmill finds them.
    pub(super) fn variables(&self) -> &[(&'static str, String)] {
        &self.systems
    }

    /// The keys of all blobs.
    pub(super) async fn blobs(&self) -> BTreeSet<String> {
        self.bucket.keys().await
    }

    /// The database, whose clock and disk nobody else sees.
    pub(super) fn database(&self) -> &Between {
        &self.database
    }

    /// The broker, which only those may harm who have it for themselves.
    pub(super) fn broker(&mut self) -> &mut Broker {
        self.broker.as_mut().expect("the scenario asks for a broker of its own")
    }

    fn queue(&self) -> &str {
        value(&self.systems, "RABBITMQ_QUEUE")
    }

    fn amqp(&self) -> Amqp {
        Amqp::at(value(&self.systems, "RABBITMQ_URL"))
    }

    /// Removes the queue of jobs with all messages in it.
    pub(super) async fn delete_queue(&self) {
        self.amqp().delete(self.queue()).await.expect("the broker removes a queue");
    }

    /// Removes whatever is in Redis.
    pub(super) async fn forget(&self) {
        let (url, prefix) = (value(&self.systems, "REDIS_URL"), value(&self.systems, "REDIS_PREFIX"));
        forget(url, prefix).await.expect("Redis forgets what it is told to");
    }

    /// Puts a message before the workers.
    pub(super) async fn publish(&self, message: &[u8]) {
        self.amqp().publish(self.queue(), message).await.expect("the broker takes a message");
    }

    /// How many messages were put aside, once there are as many as `expected`, or there won't be.
    pub(super) async fn put_aside(&self, expected: u64) -> u64 {
        let (amqp, dead, deadline) =
            (self.amqp(), format!("{}.dead", self.queue()), Instant::now() + PUTTING_ASIDE);
        loop {
            let count = amqp.count(&dead).await.expect("the broker counts messages").unwrap_or(0).into();
            if count >= expected || Instant::now() > deadline {
                return count;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Removes all that is left in the systems. What is left at others' would make them slow for the next runs.
    pub(super) async fn leave(self) {
        if self.broker.is_none() {
            let (amqp, queue) = (self.amqp(), self.queue());
            let waiting = DELAYS.map(|delay| format!("{queue}.after.{delay}ms"));
            for queue in [queue.to_owned(), format!("{queue}.dead")].iter().chain(&waiting) {
                amqp.delete(queue).await.expect("the broker removes a queue");
            }
        }
        self.forget().await;
        drop_database(value(&self.systems, "MONGO_URI")).await.expect("the database is removed");
        self.bucket.remove().await;
    }
}

fn value<'a>(systems: &'a [(&'static str, String)], wanted: &str) -> &'a str {
    let found = systems.iter().find(|(name, _)| *name == wanted);
    &found.unwrap_or_else(|| panic!("{wanted} is one of the variables of systems")).1
}
