//! Pixmill over MongoDB: users, API keys, images, jobs and idempotency keys.
//!
//! Each of them is one document, and each change replaces a document under the condition that nobody else has since it was
//! read. So no transaction is needed, and a rule stands once, in the domain. Times are the server's.

mod api_keys;
mod config;
mod documents;
mod error;
mod images;
mod jobs;
mod once_keys;
mod schema;
mod server;
mod users;

use std::sync::Arc;

pub use api_keys::MongoApiKeys;
pub use config::MongoConfig;
pub use error::ConnectError;
pub use images::MongoImages;
pub use jobs::MongoJobs;
pub use once_keys::MongoOnceKeys;
pub use users::MongoUsers;

use pixmill::ports::PortError;
use server::Server;

/// The repositories in one database. A cheap handle: clones share connections.
#[derive(Debug, Clone)]
pub struct MongoStore {
    server: Arc<Server>,
}

impl MongoStore {
    /// Connects, and brings the collections up to date. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// [`ConnectError`] says what is wrong with the URI, the server or the database.
    pub async fn connect(config: MongoConfig) -> Result<Self, ConnectError> {
        let server = Arc::new(Server::connect(config).await?);
        schema::prepare(&server).await?;
        Ok(Self { server })
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), PortError> {
        self.server.ping().await
    }

    /// Notes where the bytes of the images in this database are, unless that is noted already, and says what is noted.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn note_blobs(&self, place: &str) -> Result<String, PortError> {
        schema::note_blobs(&self.server, place).await
    }

    /// The users.
    pub fn users(&self) -> Arc<MongoUsers> {
        Arc::new(MongoUsers::new(&self.server))
    }

    /// The API keys.
    pub fn api_keys(&self) -> Arc<MongoApiKeys> {
        Arc::new(MongoApiKeys::new(&self.server))
    }

    /// The images.
    pub fn images(&self) -> Arc<MongoImages> {
        Arc::new(MongoImages::new(&self.server))
    }

    /// The jobs. The queue is another system, so accepted jobs are to be published.
    pub fn jobs(&self) -> Arc<MongoJobs> {
        Arc::new(MongoJobs::new(&self.server))
    }

    /// The idempotency keys.
    pub fn once_keys(&self) -> Arc<MongoOnceKeys> {
        Arc::new(MongoOnceKeys::new(&self.server))
    }
}
