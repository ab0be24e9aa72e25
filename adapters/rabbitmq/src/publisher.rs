//! Sending messages: done once the broker has confirmed that it keeps them.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation};
use pixmill::ports::{PortError, PortErrorKind};
use tokio::sync::Mutex;

use crate::error::{error, from_driver};
use crate::link::Link;

/// How long the broker may take to confirm.
const CONFIRM: Duration = Duration::from_secs(4);
const PERSISTENT: u8 = 2;

/// Sends on a channel of its own.
#[derive(Debug)]
pub(crate) struct Publisher {
    link: Arc<Link>,
    channel: Mutex<Option<Channel>>,
}

impl Publisher {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, channel: Mutex::new(None) }
    }

    /// Puts a message into a queue.
    pub(crate) async fn send(
        &self,
        queue: &str,
        payload: &[u8],
        operation: &'static str,
    ) -> Result<(), PortError> {
        let channel = self.channel(operation).await?;
        let sent = tokio::time::timeout(CONFIRM, publish(&channel, queue, payload)).await;
        match sent {
            Ok(Ok(Confirmation::Ack(None))) => Ok(()),
            // Without its queue a message has nowhere to go; a new connection declares the queue again.
            Ok(Ok(Confirmation::Ack(Some(_)))) => {
                self.link.drop_connection().await;
                self.forget(&channel).await;
                Err(error(PortErrorKind::Unavailable, operation).with_source("the queue is gone"))
            }
            Ok(Ok(_)) => {
                Err(error(PortErrorKind::Full, operation).with_source("the broker refused the message"))
            }
            Ok(Err(error)) => {
                self.forget(&channel).await;
                Err(from_driver(error, operation))
            }
            Err(_) => {
                self.link.drop_connection().await;
                self.forget(&channel).await;
                Err(error(PortErrorKind::TimedOut, operation))
            }
        }
    }

    async fn channel(&self, operation: &'static str) -> Result<Channel, PortError> {
        let mut held = self.channel.lock().await;
        if let Some(channel) = held.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        let channel = self.link.channel().await.map_err(|error| error.into_port(operation))?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        match tokio::time::timeout(CONFIRM, confirms).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(from_driver(error, operation)),
            Err(_) => return Err(error(PortErrorKind::TimedOut, operation)),
        }
        *held = Some(channel.clone());
        Ok(channel)
    }

    /// Does not use this channel again.
    async fn forget(&self, channel: &Channel) {
        let mut held = self.channel.lock().await;
        if held.as_ref().is_some_and(|held| held.id() == channel.id()) {
            *held = None;
        }
    }
}

async fn publish(channel: &Channel, queue: &str, payload: &[u8]) -> lapin::Result<Confirmation> {
    // A message for which there is no queue comes back instead of vanishing.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into());
    channel.basic_publish("".into(), queue.into(), options, payload, properties).await?.await
}
