//! The carrier of events, within one process.

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use pixmill::UserId;
use pixmill::ports::{Event, Events, PortError};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How many events a listener may be behind before it loses the oldest.
const BACKLOG: usize = 1024;

/// Events in memory. A listener that falls behind by more than 1024 events, of whatever users, loses some.
pub struct MemoryEvents {
    sender: broadcast::Sender<Event>,
}

impl MemoryEvents {
    /// A carrier without listeners.
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG) }
    }

    /// How many listen at the moment.
    pub fn listeners(&self) -> usize {
        self.sender.receiver_count()
    }
}

impl Default for MemoryEvents {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Events for MemoryEvents {
    async fn publish(&self, event: Event) -> Result<(), PortError> {
        // The one error is that nobody listens.
        let _ = self.sender.send(event);
        Ok(())
    }

    async fn subscribe(&self, owner: UserId) -> Result<BoxStream<'static, Event>, PortError> {
        let events = stream::unfold(self.sender.subscribe(), move |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(event) if event.owner == owner => return Some((event, receiver)),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        });
        Ok(events.boxed())
    }
}
