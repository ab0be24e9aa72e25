//! The threads that read, each with a connection of its own, so that no query runs on a thread of the runtime and
//! none waits for the writer.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::DatabaseError;
use crate::writer::guarded;

/// Queries that may wait for a thread; whoever comes later waits to be let in.
const WAITING: usize = 1024;

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// The reader threads' shared inbox. Dropping it ends the threads.
#[derive(Debug)]
pub(crate) struct Readers {
    inbox: Option<mpsc::Sender<Query>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts one thread for each connection.
    pub(crate) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let (inbox, queries) = mpsc::channel(WAITING);
        let queries = Arc::new(Mutex::new(queries));
        let mut readers = Self { inbox: Some(inbox), threads: Vec::with_capacity(connections.len()) };
        for connection in connections {
            let queries = Arc::clone(&queries);
            let thread = thread::Builder::new().name("pixmill-reader".to_owned());
            readers.threads.push(thread.spawn(move || serve(&connection, &queries))?);
        }
        Ok(readers)
    }

    /// Runs `body`, which sees everything that was committed before.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        let query = Box::new(move |connection: &Connection| {
            // Whoever asked may have gone away: then there is no need to look.
            if !answer.is_closed() {
                drop(answer.send(guarded(|| body(connection)).and_then(|result| result)));
            }
        });
        let inbox = self.inbox.as_ref().expect("only drop takes the inbox");
        inbox.send(query).await.map_err(|_| DatabaseError::Closed)?;
        answered.await.map_err(|_| DatabaseError::Closed)?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.inbox = None;
        for thread in self.threads.drain(..) {
            if thread.thread().id() != thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

fn serve(connection: &Connection, queries: &Mutex<mpsc::Receiver<Query>>) {
    loop {
        // The lock is held while waiting: the others queue up for it as they would for the inbox.
        let next = queries.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match next {
            Some(query) => query(connection),
            None => return,
        }
    }
}
