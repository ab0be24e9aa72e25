//! The queue: hints to workers that a job waits. It decides nothing; the lease in [`Jobs`](super::Jobs) does.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ids::JobId;
use crate::ports::PortError;

/// What is sent through the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobMessage {
    /// The shape of this message; readers refuse shapes that they do not know.
    pub schema: u32,
    /// The job that waits.
    pub job_id: JobId,
}

/// A message that this version can't read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not the JSON of a job message.
    #[error("not a job message: {0}")]
    Malformed(String),
    /// A shape that this version does not know.
    #[error("job message of schema {0}; this version reads schema {known}", known = JobMessage::SCHEMA)]
    Schema(u32),
}

impl JobMessage {
    /// The shape that this version writes.
    pub const SCHEMA: u32 = 1;

    /// The message for a job.
    pub fn new(job_id: JobId) -> Self {
        Self { schema: Self::SCHEMA, job_id }
    }

    /// The message as JSON.
    pub fn to_bytes(self) -> Vec<u8> {
        serde_json::to_vec(&self).expect("a number and a string")
    }

    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        // The schema first: other fields may have changed with it.
        #[derive(Deserialize)]
        struct Schema {
            schema: u32,
        }
        let malformed = |error: serde_json::Error| MessageError::Malformed(error.to_string());
        match serde_json::from_slice::<Schema>(bytes).map_err(malformed)?.schema {
            Self::SCHEMA => serde_json::from_slice(bytes).map_err(malformed),
            other => Err(MessageError::Schema(other)),
        }
    }
}

/// How a delivery ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Done with; forget it.
    Ack,
    /// Deliver it again after this time.
    Retry {
        /// How long to wait.
        after: Duration,
    },
    /// Can't be read by anybody: put it aside where an operator finds it.
    Reject,
}

/// A message in the hands of a worker. Dropping it unsettled means that it is delivered again.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Delivery: Send + fmt::Debug {
    /// The message as it was received.
    fn payload(&self) -> &[u8];

    /// Ends the delivery.
    ///
    /// # Behavior
    /// - An acknowledged message is not delivered again.
    /// - A message to retry is delivered again, and not before its time.
    /// - A rejected message is not delivered again.
    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), PortError>;
}

/// The queue of job messages.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Sends a message. When the call returns, the message survives a crash of whatever the queue survives.
    ///
    /// # Behavior
    /// - A published message is delivered, to one receiver at a time.
    /// - A message published twice is delivered at least once and at most twice.
    ///
    /// # Cancellation
    /// Dropping the future may or may not have sent the message.
    async fn publish(&self, message: JobMessage) -> Result<(), PortError>;

    /// Waits for the next message.
    ///
    /// # Behavior
    /// - Messages that wait are delivered in about the order of their publication.
    /// - A delivery that is dropped unsettled is delivered again.
    ///
    /// # Cancellation
    /// Dropping the future loses no message.
    async fn receive(&self) -> Result<Box<dyn Delivery>, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_the_queue() {
        let message = JobMessage::new(JobId::random());
        assert_eq!(JobMessage::parse(&message.to_bytes()), Ok(message));
    }

    #[test]
    fn other_schemas_are_named_whatever_else_they_hold() {
        assert_eq!(JobMessage::parse(br#"{"schema":7,"job":[1]}"#), Err(MessageError::Schema(7)));
        assert!(matches!(JobMessage::parse(b"not json"), Err(MessageError::Malformed(_))));
        assert!(matches!(JobMessage::parse(br#"{"schema":1,"jobId":"x"}"#), Err(MessageError::Malformed(_))));
    }
}
