//! The port, over one publisher and one consumer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use pixmill::ports::{Delivery, JobMessage, PortError, PortErrorKind, Queue, Settlement};

use crate::config::RabbitConfig;
use crate::consumer::Consumer;
use crate::error::{ConnectError, error, from_driver};
use crate::link::Link;
use crate::publisher::Publisher;
use crate::topology;

const SETTLE: &str = "queue.settle";
/// How long the broker may take to hear of a settlement.
const HEAR: Duration = Duration::from_secs(4);

/// A queue in RabbitMQ. A message to retry after longer than the longest delay comes after that.
#[derive(Debug)]
pub struct RabbitQueue {
    link: Arc<Link>,
    publisher: Arc<Publisher>,
    consumer: Consumer,
}

impl RabbitQueue {
    /// Connects and declares the queues.
    ///
    /// # Errors
    /// [`ConnectError`] says what is wrong with the URL, the broker or the queues.
    pub async fn connect(config: RabbitConfig) -> Result<Self, ConnectError> {
        let link = Arc::new(Link::new(config)?);
        // A channel shows that all of it works.
        link.channel().await?;
        let publisher = Arc::new(Publisher::new(link.clone()));
        Ok(Self { consumer: Consumer::new(link.clone()), publisher, link })
    }

    /// Whether the broker answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), PortError> {
        self.link.channel().await.map(drop).map_err(|error| error.into_port("queue.ping"))
    }
}

#[async_trait]
impl Queue for RabbitQueue {
    async fn publish(&self, message: JobMessage) -> Result<(), PortError> {
        self.publisher.send(&self.link.config().queue, &message.to_bytes(), "queue.publish").await
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, PortError> {
        let lapin::message::Delivery { data, acker, .. } = self.consumer.next().await?;
        let (link, publisher) = (self.link.clone(), self.publisher.clone());
        Ok(Box::new(RabbitDelivery { payload: data, acker: Some(acker), link, publisher }))
    }
}

/// A message that the broker keeps until it hears what became of it.
struct RabbitDelivery {
    payload: Vec<u8>,
    acker: Option<Acker>,
    link: Arc<Link>,
    publisher: Arc<Publisher>,
}

impl RabbitDelivery {
    /// The queue for a message that is to come again after this time.
    fn waiting(&self, after: Duration) -> String {
        let RabbitConfig { queue, delays, .. } = self.link.config();
        let delay = delays.iter().find(|delay| **delay >= after).or(delays.last());
        delay.map_or_else(|| queue.clone(), |delay| topology::waiting(queue, *delay))
    }
}

#[async_trait]
impl Delivery for RabbitDelivery {
    fn payload(&self) -> &[u8] {
        &self.payload
    }

    async fn settle(mut self: Box<Self>, settlement: Settlement) -> Result<(), PortError> {
        if let Settlement::Retry { after } = settlement {
            // First the new message, then the end of the old one: in between there are two, never none.
            self.publisher.send(&self.waiting(after), &self.payload, SETTLE).await?;
        }
        let acker = self.acker.take().expect("it is there until it is settled");
        let told = tokio::time::timeout(HEAR, async {
            match settlement {
                Settlement::Ack | Settlement::Retry { .. } => acker.ack(BasicAckOptions::default()).await,
                Settlement::Reject => acker.nack(back(false)).await,
            }
        });
        match told.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(from_driver(error, SETTLE)),
            Err(_) => Err(error(PortErrorKind::TimedOut, SETTLE)),
        }
    }
}

impl Drop for RabbitDelivery {
    fn drop(&mut self) {
        let Some(acker) = self.acker.take() else { return };
        // Without a runtime the program ends, and with it the connection: then the broker knows.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = acker.nack(back(true)).await {
                    tracing::debug!(%error, "a message comes again because its connection was lost");
                }
            });
        }
    }
}

fn back(requeue: bool) -> BasicNackOptions {
    BasicNackOptions { requeue, ..BasicNackOptions::default() }
}

impl fmt::Debug for RabbitDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitDelivery")
            .field("payload", &String::from_utf8_lossy(&self.payload))
            .finish_non_exhaustive()
    }
}
