//! The connection to the broker, made when it is needed and again when it was lost.

use std::fmt;
use std::time::{Duration, Instant};

use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::sync::Mutex;

use crate::config::RabbitConfig;
use crate::error::ConnectError;
use crate::topology;

/// How long it may take to connect and to declare the queues.
const CONNECT: Duration = Duration::from_secs(4);
/// Seconds between two signs of life. After two without one the connection counts as lost.
const HEARTBEAT: u16 = 5;
/// How long nobody tries again after a failure, so that requests do not wait for it one by one.
const PAUSE: Duration = Duration::from_secs(1);

/// A connection that outlives the broker's absence.
pub(crate) struct Link {
    config: RabbitConfig,
    uri: AMQPUri,
    place: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    failed: Option<(Instant, ConnectError)>,
}

impl Link {
    /// # Errors
    /// [`ConnectError::Url`].
    pub(crate) fn new(config: RabbitConfig) -> Result<Self, ConnectError> {
        // The driver's message would repeat what it read, and with it the password.
        let mut uri: AMQPUri =
            config.url.parse().map_err(|_| ConnectError::Url("it is no AMQP URL".to_owned()))?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        uri.query.connection_timeout.get_or_insert(CONNECT.as_millis() as u64);
        let place = format!("{}:{}", uri.authority.host, uri.authority.port);
        Ok(Self { config, uri, place, state: Mutex::default() })
    }

    pub(crate) fn config(&self) -> &RabbitConfig {
        &self.config
    }

    /// A fresh channel, on a new connection if the last one was lost.
    pub(crate) async fn channel(&self) -> Result<Channel, ConnectError> {
        let mut state = self.state.lock().await;
        if let Some((when, error)) = &state.failed
            && when.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        let outcome = tokio::time::timeout(CONNECT, self.open(&mut state.connection)).await;
        let outcome = outcome
            .unwrap_or_else(|_| Err(ConnectError::Unreachable { place: self.place.clone(), source: None }));
        state.failed = outcome.as_ref().err().map(|error| (Instant::now(), error.clone()));
        if outcome.is_err() {
            state.connection = None;
        }
        outcome
    }

    /// Gives up the connection: whoever asks next gets a new one.
    pub(crate) async fn drop_connection(&self) {
        self.state.lock().await.connection = None;
    }

    async fn open(&self, held: &mut Option<Connection>) -> Result<Channel, ConnectError> {
        if let Some(connection) = held
            && connection.status().connected()
            && let Ok(channel) = connection.create_channel().await
        {
            return Ok(channel);
        }
        *held = None;
        let unusable = |source| ConnectError::of_connection(source, self.place.clone());
        let properties = ConnectionProperties::default().with_connection_name("pixmill".into());
        let connection = Connection::connect_uri(self.uri.clone(), properties).await.map_err(unusable)?;
        // On a channel of its own: a clash of settings closes it.
        let declaring = connection.create_channel().await.map_err(unusable)?;
        topology::declare(&declaring, &self.config, &self.place).await?;
        let channel = connection.create_channel().await.map_err(unusable)?;
        *held = Some(connection);
        Ok(channel)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("place", &self.place).finish_non_exhaustive()
    }
}
