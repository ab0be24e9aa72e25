//! The connection, the server's time, and the way in which the driver is called.

use std::future::Future;
use std::time::{Duration, Instant};

use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Collection, Database};
use pixmill::Timestamp;
use pixmill::ports::{PortError, PortErrorKind};
use tokio::sync::Mutex;

use crate::config::MongoConfig;
use crate::error::{ConnectError, error, from_driver, unreadable};

/// How long a server that can take the request is looked for, and how long an answer may take in all.
const SELECTION: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(4);
/// How long the server's time is believed before it is asked again.
const CLOCK: Duration = Duration::from_secs(10);
const DATABASE: &str = "pixmill";

/// A database on a server.
#[derive(Debug)]
pub(crate) struct Server {
    database: Database,
    place: String,
    /// When the server was asked for its time, and what it said.
    clock: Mutex<Option<(Instant, Timestamp)>>,
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
        let mut clock = self.clock.lock().await;
        if let Some((asked, said)) = *clock
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
        // It was said somewhere in between. Time never goes back for those who were told a later one.
        let asked = before + before.elapsed() / 2;
        let told = clock.map_or(said, |(asked_before, said)| said + asked_before.elapsed());
        let said = said.max(told - Duration::from_millis(1));
        *clock = Some((asked, said));
        Ok(said + asked.elapsed())
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
