//! MongoDB, for users, images and jobs.

use std::sync::Arc;

use clap::Args;
use pixmill::Secret;
use pixmill::ports::{ApiKeys, Images, Jobs, OnceKeys, Users};

use crate::config::secret;
use crate::error::StartError;
use crate::probe::Probe;

/// Where MongoDB is.
#[derive(Debug, Clone, Args)]
pub struct MongoDb {
    /// MongoDB, for users, images and jobs: mongodb:// or mongodb+srv://
    #[arg(long, env = "MONGO_URI", value_parser = secret, hide_env_values = true, help_heading = "Other systems")]
    pub mongo_uri: Option<Secret>,
}

/// The ports that MongoDB can serve.
pub(crate) struct Records {
    pub(crate) users: Arc<dyn Users>,
    pub(crate) api_keys: Arc<dyn ApiKeys>,
    pub(crate) images: Arc<dyn Images>,
    pub(crate) jobs: Arc<dyn Jobs>,
    pub(crate) once_keys: Arc<dyn OnceKeys>,
}

impl MongoDb {
    /// Its URI, if it is to be used.
    pub(crate) fn uri(&self) -> Option<&Secret> {
        self.mongo_uri.as_ref()
    }

    /// The records in the database, if one is configured. The database must go with images whose bytes are in this
    /// `place`, because all its processes have to find them.
    #[cfg(feature = "mongodb")]
    pub(crate) async fn connect(
        &self,
        place: &str,
        probes: &mut Vec<Probe>,
    ) -> Result<Option<Records>, StartError> {
        let Some(store) = self.open().await? else { return Ok(None) };
        let noted = store.note_blobs(place).await?;
        if noted != place {
            return Err(StartError::Setting(format!(
                "the images of this database are in {noted}, not in {place}; correct AWS_BUCKET_NAME or MONGO_URI"
            )));
        }
        let records = Records {
            users: store.users(),
            api_keys: store.api_keys(),
            images: store.images(),
            jobs: store.jobs(),
            once_keys: store.once_keys(),
        };
        probes.push(Probe::new("MongoDB", move || {
            let store = store.clone();
            async move { store.ping().await }
        }));
        Ok(Some(records))
    }

    /// The users alone, if a database is configured.
    #[cfg(feature = "mongodb")]
    pub(crate) async fn users(&self) -> Result<Option<Arc<dyn Users>>, StartError> {
        Ok(self.open().await?.map(|store| store.users() as Arc<dyn Users>))
    }

    /// The jobs alone, if a database is configured.
    #[cfg(feature = "mongodb")]
    pub(crate) async fn jobs(&self) -> Result<Option<Arc<dyn Jobs>>, StartError> {
        Ok(self.open().await?.map(|store| store.jobs() as Arc<dyn Jobs>))
    }

    #[cfg(feature = "mongodb")]
    async fn open(&self) -> Result<Option<pixmill_mongodb::MongoStore>, StartError> {
        let Some(uri) = self.uri() else { return Ok(None) };
        let config = pixmill_mongodb::MongoConfig::new(uri.expose());
        Ok(Some(pixmill_mongodb::MongoStore::connect(config).await?))
    }

    #[cfg(not(feature = "mongodb"))]
    #[expect(clippy::unused_async, reason = "with the feature there is something to wait for")]
    pub(crate) async fn connect(&self, _: &str, _: &mut Vec<Probe>) -> Result<Option<Records>, StartError> {
        self.none()
    }

    #[cfg(not(feature = "mongodb"))]
    #[expect(clippy::unused_async, reason = "with the feature there is something to wait for")]
    pub(crate) async fn users(&self) -> Result<Option<Arc<dyn Users>>, StartError> {
        self.none()
    }

    #[cfg(not(feature = "mongodb"))]
    #[expect(clippy::unused_async, reason = "with the feature there is something to wait for")]
    pub(crate) async fn jobs(&self) -> Result<Option<Arc<dyn Jobs>>, StartError> {
        self.none()
    }

    #[cfg(not(feature = "mongodb"))]
    fn none<T>(&self) -> Result<Option<T>, StartError> {
        match self.uri() {
            None => Ok(None),
            Some(_) => Err(super::left_out("MONGO_URI", "MongoDB", "mongodb")),
        }
    }
}
