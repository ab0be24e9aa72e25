//! The one connection for commands, and what keeps a dead Redis from slowing everybody down.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pixmill::ports::{PortError, PortErrorKind};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, FromRedisValue, RedisResult};

use crate::error::{error, from_driver};

/// How long an answer may take. All that is asked is quick; whoever waits has another way.
const RESPONSE: Duration = Duration::from_secs(1);
const CONNECT: Duration = Duration::from_secs(1);
/// How long nothing is asked after Redis was found to be away, so that a request does not wait for it every time.
const PAUSE: Duration = Duration::from_secs(1);

/// Commands over one connection, which is made again when it was lost. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    manager: ConnectionManager,
    pause: Arc<Pause>,
}

impl Connection {
    pub(crate) fn new(client: &Client) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(RESPONSE))
            .set_number_of_retries(1);
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Self { manager, pause: Arc::new(Pause::new()) })
    }

    /// Sends a command, unless Redis was just found to be away.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        operation: &'static str,
        command: Cmd,
    ) -> Result<T, PortError> {
        if self.pause.is_on() {
            return Err(
                error(PortErrorKind::Unavailable, operation).with_source("it did not answer a moment ago")
            );
        }
        let mut manager = self.manager.clone();
        // The driver's time-outs are for each try to connect; this one is for all.
        let answer = tokio::time::timeout(CONNECT + RESPONSE, command.query_async(&mut manager)).await;
        let outcome = match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(source)) => Err(from_driver(source, operation)),
            Err(_) => Err(error(PortErrorKind::TimedOut, operation)),
        };
        if let Err(error) = &outcome
            && matches!(error.kind(), PortErrorKind::Unavailable | PortErrorKind::TimedOut)
        {
            self.pause.begin();
        }
        outcome
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Until when nothing is asked, in milliseconds after `start`.
struct Pause {
    start: Instant,
    until: AtomicU64,
}

impl Pause {
    fn new() -> Self {
        Self { start: Instant::now(), until: AtomicU64::new(0) }
    }

    fn is_on(&self) -> bool {
        self.now() < self.until.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        self.until.store(self.now() + PAUSE.as_millis() as u64, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }
}
