//! The one thread that writes. A durable commit costs milliseconds however much is in it, so the thread takes all
//! that waits, runs each operation in a savepoint of one transaction, commits once and then answers everybody.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::DatabaseError;

/// Most operations in one transaction: enough to fill a commit, few enough to keep the first from waiting long.
const BATCH: usize = 256;
/// Operations that may wait for the next transaction; whoever comes later waits to be let in.
const WAITING: usize = 1024;

/// What an operation needs of its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Survives a loss of power.
    Durable,
    /// Survives the end of the process. A loss of power may undo it, but nothing durable that came before it; so
    /// it is for what is repeated or corrected anyway.
    Relaxed,
}

/// The writer thread's inbox. Dropping it runs what waits, and ends the thread.
#[derive(Debug)]
pub(crate) struct Writer {
    inbox: Option<mpsc::Sender<Box<dyn Operation>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on a connection of its own.
    pub(crate) fn start(connection: Connection) -> std::io::Result<Self> {
        let (inbox, operations) = mpsc::channel(WAITING);
        let thread = thread::Builder::new().name("pixmill-writer".to_owned()).spawn(move || {
            Batches { connection, synchronous: None }.serve(operations);
        })?;
        Ok(Self { inbox: Some(inbox), thread: Some(thread) })
    }

    /// Runs `body` in a transaction. When that is committed, `committed` turns what `body` gave into the answer,
    /// still on the writer's thread: so what it does to memory happens in the order of the commits, and before
    /// anybody hears of them. If there is no commit, `committed` is dropped with all that it owns.
    ///
    /// Dropping the future before the operation is let in does nothing; later the operation runs all the same.
    pub(crate) async fn write<T: Send + 'static, R: Send + 'static>(
        &self,
        durability: Durability,
        body: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
        committed: impl FnOnce(T) -> R + Send + 'static,
    ) -> Result<R, DatabaseError> {
        let answered = self.post(durability, body, committed).await?;
        answered.await.map_err(|_| DatabaseError::Closed)?
    }

    /// Like [`write`](Self::write), and returns as soon as the operation is let in; what comes of it is told through the
    /// channel, to whoever wants to know.
    pub(crate) async fn post<T: Send + 'static, R: Send + 'static>(
        &self,
        durability: Durability,
        body: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
        committed: impl FnOnce(T) -> R + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<R, DatabaseError>>, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        let operation = Write { durability, body: Some(body), result: None, committed, answer };
        let inbox = self.inbox.as_ref().expect("only drop takes the inbox");
        inbox.send(Box::new(operation)).await.map_err(|_| DatabaseError::Closed)?;
        Ok(answered)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.inbox = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // A panic of the thread was logged by the panic hook; there is nothing to add here.
            drop(thread.join());
        }
    }
}

/// An operation, from the inbox to its answer.
trait Operation: Send {
    fn durability(&self) -> Durability;

    /// Runs it and says whether what it did is to be kept.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Answers, after the commit or instead of it.
    fn settle(self: Box<Self>, commit: Result<(), DatabaseError>);
}

struct Write<T, R, B, C> {
    durability: Durability,
    body: Option<B>,
    result: Option<Result<T, DatabaseError>>,
    committed: C,
    answer: oneshot::Sender<Result<R, DatabaseError>>,
}

impl<T, R, B, C> Operation for Write<T, R, B, C>
where
    T: Send,
    R: Send,
    B: FnOnce(&Connection) -> Result<T, DatabaseError> + Send,
    C: FnOnce(T) -> R + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run(&mut self, connection: &Connection) -> bool {
        let Some(body) = self.body.take() else { return false };
        let result = guarded(|| body(connection)).and_then(|result| result);
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn settle(self: Box<Self>, commit: Result<(), DatabaseError>) {
        let Self { result, committed, answer, .. } = *self;
        let answered = match (result, commit) {
            (Some(Ok(value)), Ok(())) => guarded(|| committed(value)),
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(DatabaseError::Closed),
        };
        // Whoever asked may have gone away; what was done stays done.
        drop(answer.send(answered));
    }
}

/// Runs code that must not take the thread down.
pub(crate) fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, DatabaseError> {
    catch_unwind(AssertUnwindSafe(code))
        .map_err(|panic| DatabaseError::Panicked(panic_message(panic.as_ref())))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

struct Batches {
    connection: Connection,
    /// What `PRAGMA synchronous` was last set for; none if that is not known.
    synchronous: Option<Durability>,
}

impl Batches {
    fn serve(mut self, mut operations: mpsc::Receiver<Box<dyn Operation>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while operations.blocking_recv_many(&mut batch, BATCH) > 0 {
            let commit = self.run(&mut batch);
            if let Err(error) = &commit {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    operations = batch.len(),
                    "a commit failed"
                );
            }
            for operation in batch.drain(..) {
                operation.settle(commit.clone());
            }
        }
    }

    fn run(&mut self, batch: &mut [Box<dyn Operation>]) -> Result<(), DatabaseError> {
        let durable = batch.iter().any(|operation| operation.durability() == Durability::Durable);
        self.set_synchronous(if durable { Durability::Durable } else { Durability::Relaxed })?;
        let done = self.transact(batch);
        if done.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        Ok(done?)
    }

    fn transact(&self, batch: &mut [Box<dyn Operation>]) -> rusqlite::Result<()> {
        let run = |sql| self.connection.prepare_cached(sql)?.execute([]).map(drop);
        run("BEGIN IMMEDIATE")?;
        for operation in batch {
            run("SAVEPOINT operation")?;
            if !operation.run(&self.connection) {
                // If the disk is full SQLite may have ended the transaction by itself: then this fails, and
                // with it the whole batch.
                run("ROLLBACK TO operation")?;
            }
            run("RELEASE operation")?;
        }
        run("COMMIT")
    }

    /// FULL syncs the log at each commit, NORMAL leaves that to the next FULL commit or checkpoint. It can't be
    /// changed inside a transaction.
    fn set_synchronous(&mut self, durability: Durability) -> Result<(), DatabaseError> {
        if self.synchronous != Some(durability) {
            let level = if durability == Durability::Durable { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.synchronous = Some(durability);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tokio::task::unconstrained;

    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE numbers (number INTEGER UNIQUE) STRICT").unwrap();
        Writer::start(connection).unwrap()
    }

    async fn add(writer: &Writer, number: i64) -> Result<i64, DatabaseError> {
        let insert = move |connection: &Connection| {
            connection.execute("INSERT INTO numbers VALUES (?)", [number])?;
            Ok(number)
        };
        writer.write(Durability::Durable, insert, |number| number).await
    }

    async fn count(writer: &Writer) -> i64 {
        let query = |connection: &Connection| {
            Ok(connection.query_row("SELECT count(*) FROM numbers", [], |row| row.get(0))?)
        };
        writer.write(Durability::Relaxed, query, |count| count).await.unwrap()
    }

    #[tokio::test]
    async fn an_operation_that_fails_undoes_itself_alone() {
        let writer = writer();
        let half = writer.write(
            Durability::Durable,
            |connection| {
                connection.execute("INSERT INTO numbers VALUES (100)", [])?;
                connection.execute("INSERT INTO numbers VALUES (100)", [])?;
                Ok(())
            },
            |()| (),
        );
        let (first, half, second) = tokio::join!(add(&writer, 1), half, add(&writer, 2));
        assert!(first.is_ok() && second.is_ok());
        assert!(matches!(half, Err(DatabaseError::Sqlite(_))));
        assert_eq!(count(&writer).await, 2);
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_the_thread_goes_on() {
        let writer = writer();
        let panicking = writer.write(
            Durability::Durable,
            |connection| {
                connection.execute("INSERT INTO numbers VALUES (100)", [])?;
                panic!("for {}", "the test");
                #[allow(unreachable_code, reason = "it gives the closure its type")]
                Ok(())
            },
            |()| (),
        );
        assert!(matches!(panicking.await, Err(DatabaseError::Panicked(why)) if why == "for the test"));
        add(&writer, 1).await.unwrap();
        assert_eq!(count(&writer).await, 1);
    }

    #[tokio::test]
    async fn a_transaction_that_ends_early_fails_everybody_in_it() {
        let writer = writer();
        let ending = writer.write(
            Durability::Durable,
            |connection| Ok(connection.execute_batch("ROLLBACK")?),
            |()| panic!("not committed"),
        );
        let (first, ending): (_, Result<(), _>) = tokio::join!(add(&writer, 1), ending);
        assert!(ending.is_err());
        let kept = i64::from(first.is_ok());
        assert_eq!(count(&writer).await, kept, "an answer must tell what happened");
        add(&writer, 2).await.unwrap();
    }

    #[tokio::test]
    async fn what_waits_is_written_before_the_writer_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE numbers (number INTEGER UNIQUE) STRICT").unwrap();
        let writer = Writer::start(connection).unwrap();
        // Polled once, each has sent its operation; none waits for the answer.
        let mut adding: Vec<_> =
            (0..500).map(|number| Box::pin(unconstrained(add(&writer, number)))).collect();
        for add in &mut adding {
            let _ = futures::poll!(add);
        }
        drop(adding);
        drop(writer);
        let count: i64 = Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM numbers", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 500);
    }

    #[tokio::test]
    async fn more_than_fit_into_the_inbox_get_in_one_after_the_other() {
        let writer = writer();
        let added = join_all((0..3000).map(|number| add(&writer, number))).await;
        assert!(added.iter().all(Result::is_ok));
        assert_eq!(count(&writer).await, 3000);
    }
}
