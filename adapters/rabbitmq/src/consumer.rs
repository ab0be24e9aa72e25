//! Taking messages. Nothing is consumed before somebody asks for a message.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use pixmill::ports::PortError;
use tokio::sync::Mutex;

use crate::error::from_driver;
use crate::link::Link;

const OPERATION: &str = "queue.receive";
/// How long the broker may take to begin to deliver.
const BEGIN: Duration = Duration::from_secs(4);

/// Consumes on a channel of its own.
#[derive(Debug)]
pub(crate) struct Consumer {
    link: Arc<Link>,
    stream: Mutex<Option<lapin::Consumer>>,
}

impl Consumer {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, stream: Mutex::new(None) }
    }

    /// The next message. Those who wait are served one after the other.
    pub(crate) async fn next(&self) -> Result<Delivery, PortError> {
        let mut held = self.stream.lock().await;
        loop {
            let stream = match &mut *held {
                Some(stream) => stream,
                None => held.insert(self.begin().await?),
            };
            match stream.next().await {
                Some(Ok(delivery)) => return Ok(delivery),
                lost => {
                    *held = None;
                    if let Some(Err(error)) = lost {
                        tracing::warn!(%error, "the queue was lost; connecting again");
                    }
                }
            }
        }
    }

    async fn begin(&self) -> Result<lapin::Consumer, PortError> {
        let channel = self.link.channel().await.map_err(|error| error.into_port(OPERATION))?;
        let config = self.link.config();
        let begun = tokio::time::timeout(BEGIN, async {
            channel.basic_qos(config.prefetch.max(1), BasicQosOptions::default()).await?;
            let (queue, options) = (config.queue.as_str().into(), BasicConsumeOptions::default());
            channel.basic_consume(queue, "".into(), options, FieldTable::default()).await
        });
        match begun.await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(from_driver(error, OPERATION)),
            Err(_) => {
                self.link.drop_connection().await;
                Err(crate::error::error(pixmill::ports::PortErrorKind::TimedOut, OPERATION))
            }
        }
    }
}
