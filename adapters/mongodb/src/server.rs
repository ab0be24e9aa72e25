//! The connection, the server's time, and the way in which the driver is called.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Collection, Database};
use pixmill::Timestamp;
use pixmill::ports::{PortError, PortErrorKind};

use crate::config::MongoConfig;
use crate::error::{ConnectError, error, from_driver, unreadable};

/// How long a server that can take the request is looked for, and how long an answer may take in all.
const SELECTION: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(4);
/// How long the server's time is believed before it is asked again.
const CLOCK: Duration = Duration::from_secs(10);
const DATABASE: &str = "pixmill";

/// When the server was asked for its time, and what it said.
type Asked = (Instant, Timestamp);

/// A database on a server.
#[derive(Debug)]
pub(crate) struct Server {
    database: Database,
    place: String,
    /// The last answer.
    clock: Mutex<Option<Asked>>,
}

impl Server {
    pub(crate) async fn connect(config: MongoConfig) -> Result<Self, ConnectError> {
        let MongoConfig { uri, database } = config;
        // The driver's message may repeat what it read, and with it the password.
        let mut options = ClientOptions::parse(uri)
            .await
            .map_err(|_| ConnectError::Uri("it is no URI of MongoDB".to_owned()))?;
        options.server_selection_timeout = Some(SELECTION);
        options.connect_timeout = Some(SELECTION);
        options.app_name = Some("pixmill".to_owned());
        // What is confirmed survives a crash: a majority alone promises that only where its journal is left at its default.
        options.write_concern =
            Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
        let place = options.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let name =
            database.or_else(|| options.default_database.clone()).unwrap_or_else(|| DATABASE.to_owned());
        let client =
            Client::with_options(options).map_err(|error| ConnectError::Uri(error.kind.to_string()))?;
        let server = Self { database: client.database(&name), place, clock: Mutex::new(None) };
        server.ping().await.map_err(|error| server.unusable(error))?;
        Ok(server)
    }

    /// Why the server can't be used at the start.
    pub(crate) fn unusable(&self, error: PortError) -> ConnectError {
        use mongodb::error::{Error, ErrorKind};
        let place = self.place.clone();
        let driver = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Error>());
        match driver.map(|driver| driver.kind.as_ref()) {
            Some(ErrorKind::Authentication { .. }) => ConnectError::Refused { place },
            // Unauthorized.
            Some(ErrorKind::Command(said)) if said.code == 13 => ConnectError::Refused { place },
            _ => ConnectError::Unreachable { place, source: Some(error) },
        }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }

    pub(crate) async fn ping(&self) -> Result<(), PortError> {
        let database = self.database.clone();
        run("ping", async move { database.run_command(doc! { "ping": 1 }).await }).await.map(drop)
    }

    /// The server's time: several processes agree on it, whatever their own clocks say.
    pub(crate) async fn now(&self, operation: &'static str) -> Result<Timestamp, PortError> {
        if let Some((asked, said)) = *self.clock()
            && asked.elapsed() < CLOCK
        {
            return Ok(said + asked.elapsed());
        }
        let database = self.database.clone();
        let before = Instant::now();
        let answer = run(operation, async move { database.run_command(doc! { "hello": 1 }).await }).await?;
        let said: &DateTime = answer
            .get_datetime("localTime")
            .map_err(|error| unreadable(format!("the answer to hello: {error}"), operation))?;
        let said = Timestamp::from_millis(said.timestamp_millis().max(0).unsigned_abs());
        // It was said somewhere in between.
        let asked = before + before.elapsed() / 2;
        let mut clock = self.clock();
        let (asked, said) = later(*clock, (asked, said));
        *clock = Some((asked, said));
        Ok(said + asked.elapsed())
    }

    /// The lock is never held while anything is waited for: whoever asks may be left unfinished.
    fn clock(&self) -> MutexGuard<'_, Option<Asked>> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is believed after this answer. Time goes back for nobody who was told a later one, but for the millisecond by which a
/// clock that is too fast falls back each time.
fn later(before: Option<Asked>, (asked, said): Asked) -> Asked {
    match before {
        // Of two who asked at the same time the other one has heard something newer.
        Some(newer @ (asked_before, _)) if asked_before >= asked => newer,
        Some((asked_before, said_before)) => {
            let told = said_before + (asked - asked_before);
            (asked, said.max(told - Duration::from_millis(1)))
        }
        None => (asked, said),
    }
}

/// Calls the driver, for at most as long as an answer may take. The driver wants its futures polled to their end, so
/// that whoever stops waiting leaves them to themselves.
pub(crate) async fn run<T: Send + 'static>(
    operation: &'static str,
    call: impl Future<Output = mongodb::error::Result<T>> + Send + 'static,
) -> Result<T, PortError> {
    match tokio::time::timeout(ANSWER, tokio::spawn(call)).await {
        Ok(Ok(answer)) => answer.map_err(|source| from_driver(source, operation)),
        Ok(Err(panic)) => Err(error(PortErrorKind::Internal, operation).with_source(panic)),
        Err(_) => Err(error(PortErrorKind::TimedOut, operation)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_go_back_nor_run_away() {
        let (begin, said) = (Instant::now(), Timestamp::EPOCH + Duration::from_hours(1));
        let after = |secs| (begin + Duration::from_secs(secs), said + Duration::from_secs(secs));
        let first = after(0);
        assert_eq!(later(None, first), first);
        // However long answers take, a clock that is right stays right.
        assert_eq!(
            (1..100).map(|turn| after(10 * turn)).fold(first, |at, next| later(Some(at), next)),
            after(990)
        );
        // A server that is behind makes it fall back a little each time, and one ahead is believed at once.
        let (asked, right) = after(10);
        assert_eq!(later(Some(first), (asked, said)), (asked, right - Duration::from_millis(1)));
        assert_eq!(
            later(Some(first), (asked, right + Duration::from_secs(5))).1,
            right + Duration::from_secs(5)
        );
        // An answer that comes after one to a later question tells nothing.
        assert_eq!(later(Some(after(10)), after(7)), after(10));
    }
}
