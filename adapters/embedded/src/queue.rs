//! The queue: rows that survive, delivered from the backlog in memory.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pixmill::ports::{Clock, Delivery, JobMessage, PortError, Queue, Settlement};
use rusqlite::Connection;

use crate::backlog::{Backlog, InFlight};
use crate::database::Database;
use crate::queue_rows::{self, Entry};
use crate::writer::Durability::{Durable, Relaxed};

/// The queue in the database.
#[derive(Clone)]
pub struct SqliteQueue {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    backlog: Arc<Backlog>,
}

impl SqliteQueue {
    pub(crate) fn new(database: Arc<Database>, clock: Arc<dyn Clock>, backlog: Arc<Backlog>) -> Self {
        Self { database, clock, backlog }
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn publish(&self, message: JobMessage) -> Result<(), PortError> {
        let (clock, backlog) = (Arc::clone(&self.clock), Arc::clone(&self.backlog));
        let body = move |connection: &Connection| queue_rows::upsert(connection, message, clock.now());
        self.database.write("queue.publish", Durable, body, move |entry| backlog.put(entry)).await
    }

    async fn receive(&self) -> Result<Box<dyn Delivery>, PortError> {
        let (entry, in_flight) = self.backlog.next().await;
        Ok(Box::new(SqliteDelivery {
            payload: entry.payload(),
            entry,
            in_flight,
            database: Arc::clone(&self.database),
            clock: Arc::clone(&self.clock),
        }))
    }
}

/// A message in a worker's hands.
struct SqliteDelivery {
    entry: Entry,
    payload: Bytes,
    in_flight: InFlight,
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for SqliteDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDelivery").field("job", &self.entry.job).finish_non_exhaustive()
    }
}

#[async_trait]
impl Delivery for SqliteDelivery {
    fn payload(&self) -> &[u8] {
        &self.payload
    }

    // None of this needs to survive a loss of power: a message that is delivered once more finds the job done.
    // `in_flight` goes along with the operation, so that the message is given back if there is no commit.
    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<(), PortError> {
        let Self { entry, in_flight, database, clock, .. } = *self;
        match settlement {
            Settlement::Ack => {
                let body = move |c: &Connection| queue_rows::remove(c, entry.job, entry.generation);
                // Nothing hangs on when it is done, so the worker goes on to its next job at once.
                database.post("queue.ack", body, |gone| in_flight.end(gone)).await
            }
            Settlement::Reject => {
                let body = move |c: &Connection| {
                    queue_rows::reject(c, &entry, clock.now())?;
                    queue_rows::remove(c, entry.job, entry.generation)
                };
                database.write("queue.reject", Relaxed, body, |gone| in_flight.end(gone)).await
            }
            Settlement::Retry { after } => {
                let body = move |c: &Connection| queue_rows::delay(c, &entry, clock.now() + after);
                database.write("queue.retry", Relaxed, body, |entry| in_flight.put_back(entry)).await
            }
        }
    }
}
