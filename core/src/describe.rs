//! What stored pictures show. It is worth a moment's work, but nothing waits long for it and nothing fails without it.

use std::sync::Arc;
use std::time::Duration;

use async_lock::Semaphore;
use bytes::Bytes;
use futures::future::{self, Either};
use pixmill_engine::Description;

use crate::content::Content;
use crate::ports::{BlobStoreExt, ProcessError, ToDescribe};
use crate::services::Ports;
use crate::settings::Settings;

/// How long a picture may take to describe, its wait for a turn included.
const PATIENCE: Duration = Duration::from_secs(5);

/// Describes pictures.
#[derive(Clone)]
pub(crate) struct Describer {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    /// Only so many stored files are in memory at once.
    turns: Arc<Semaphore>,
}

impl Describer {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>) -> Self {
        let turns = Arc::new(Semaphore::new(settings.worker_concurrency.max(1)));
        Self { ports, settings, turns }
    }

    /// Describes a file that has just been stored.
    pub(crate) async fn stored(&self, content: &Content) -> Option<Description> {
        self.bounded(async {
            let _turn = self.turns.acquire().await;
            match self.ports.blobs.get_bytes(content.blob.clone(), content.bytes).await? {
                Some(file) => self.ask(file).await.map(Some),
                None => Ok(None),
            }
        })
        .await
    }

    /// Describes a file that is in memory anyway.
    pub(crate) async fn made(&self, file: Bytes) -> Option<Description> {
        self.bounded(async { self.ask(file).await.map(Some) }).await
    }

    async fn ask(&self, source: Bytes) -> Result<Description, ProcessError> {
        let limits = self.settings.limits.clone();
        self.ports.processor.describe(ToDescribe { source, limits, time_limit: PATIENCE }).await
    }

    async fn bounded(
        &self,
        description: impl Future<Output = Result<Option<Description>, ProcessError>>,
    ) -> Option<Description> {
        let patience = std::pin::pin!(self.ports.clock.sleep(PATIENCE));
        match future::select(std::pin::pin!(description), patience).await {
            Either::Left((Ok(description), _)) => description,
            // The header was good and the pixels are not: whoever transforms it will be told.
            Either::Left((Err(ProcessError::Engine(error)), _)) => {
                tracing::debug!(%error, "a picture could not be described");
                None
            }
            Either::Left((Err(error), _)) => {
                tracing::warn!(%error, "a picture could not be described");
                None
            }
            Either::Right(_) => {
                tracing::warn!("a picture was not described: there was no time for it");
                None
            }
        }
    }
}
