//! News of jobs, over one channel that every process listens to.
//!
//! A process passes on to its own listeners what concerns them. While Redis is away they still hear what happens in
//! their own process, and a listener reads the repository now and then anyway.

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use pixmill::ports::{Event, Events, PortError, PortErrorKind};
use pixmill::{JobId, JobStatus, UserId};
use redis::Client;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use crate::connection::Connection;
use crate::error::error;

/// How many events a listener may be behind before it loses the oldest.
const BACKLOG: usize = 1024;
/// How long a new listener waits for the channel to be open.
const OPENING: Duration = Duration::from_secs(2);
/// Time between two tries to open the channel.
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// How often the channel is tried out, so that a connection that died in silence is noticed.
const BETWEEN_PINGS: Duration = Duration::from_secs(15);

/// The carrier of events. A listener that falls behind by more than 1024 events, of whatever users, loses some.
#[derive(Debug)]
pub struct RedisEvents {
    connection: Connection,
    channel: String,
    local: broadcast::Sender<Event>,
    open: watch::Receiver<bool>,
    ear: JoinHandle<()>,
}

impl RedisEvents {
    pub(crate) fn start(connection: Connection, client: Client, prefix: &str) -> Self {
        let channel = format!("{prefix}events");
        let local = broadcast::Sender::new(BACKLOG);
        let (opened, open) = watch::channel(false);
        let ear = tokio::spawn(listen(client, channel.clone(), local.clone(), opened));
        Self { connection, channel, local, open, ear }
    }
}

impl Drop for RedisEvents {
    fn drop(&mut self) {
        self.ear.abort();
    }
}

#[async_trait]
impl Events for RedisEvents {
    async fn publish(&self, event: Event) -> Result<(), PortError> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(&self.channel).arg(written(&event));
        let told: Result<u64, PortError> = self.connection.run("events.publish", command).await;
        if told.is_err() {
            // The one error is that nobody listens.
            let _ = self.local.send(event);
        }
        told.map(drop)
    }

    async fn subscribe(&self, owner: UserId) -> Result<BoxStream<'static, Event>, PortError> {
        let receiver = self.local.subscribe();
        let mut open = self.open.clone();
        match tokio::time::timeout(OPENING, open.wait_for(|open| *open)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(error(PortErrorKind::Internal, "events.subscribe")),
            Err(_) => tracing::debug!("a listener begins without news of other processes"),
        }
        let events = stream::unfold(receiver, move |mut receiver| async move {
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

/// Keeps the channel open and passes on what comes through it.
async fn listen(client: Client, channel: String, local: broadcast::Sender<Event>, open: watch::Sender<bool>) {
    let mut away = false;
    loop {
        match listen_once(&client, &channel, &local, &open).await {
            Ok(()) => tracing::warn!("the channel for news of jobs was closed by Redis; opening it again"),
            Err(error) if !away => {
                tracing::warn!(%error, "no news of jobs from other processes until Redis answers");
            }
            Err(_) => {}
        }
        away = !*open.borrow();
        open.send_replace(false);
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

async fn listen_once(
    client: &Client,
    channel: &str,
    local: &broadcast::Sender<Event>,
    open: &watch::Sender<bool>,
) -> redis::RedisResult<()> {
    let (mut sink, mut messages) = client.get_async_pubsub().await?.split();
    sink.subscribe(channel).await?;
    open.send_replace(true);
    let mut ping = tokio::time::interval(BETWEEN_PINGS);
    loop {
        tokio::select! {
            message = messages.next() => match message {
                Some(message) => match read(message.get_payload_bytes()) {
                    // The one error is that nobody listens.
                    Some(event) => drop(local.send(event)),
                    None => tracing::warn!("news in a form that this version does not know were passed over"),
                },
                None => return Ok(()),
            },
            _ = ping.tick() => {
                let answer = tokio::time::timeout(OPENING, sink.ping::<redis::Value>()).await;
                answer.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))?;
            }
        }
    }
}

/// An event as it travels: a JSON list of owner, job, state and revision.
fn written(event: &Event) -> Vec<u8> {
    let Event { owner, job, status, revision } = event;
    serde_json::to_vec(&(owner, job, status, revision)).expect("ids, a name and a number are JSON")
}

fn read(bytes: &[u8]) -> Option<Event> {
    let (owner, job, status, revision): (UserId, JobId, JobStatus, u64) =
        serde_json::from_slice(bytes).ok()?;
    Some(Event { owner, job, status, revision })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_travel_and_others_are_passed_over() {
        let event = Event {
            owner: UserId::random(),
            job: JobId::random(),
            status: JobStatus::Failed,
            revision: u64::MAX,
        };
        assert_eq!(read(&written(&event)), Some(event));
        for other in ["", "[]", "{}", "[1,2,3,4]"] {
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
    }
}
