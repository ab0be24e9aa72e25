//! Blobs as objects of a bucket.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use object_store::{Error, GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt};
use pixmill::ports::{Blob, BlobStore, ByteStream, PortError, PortErrorKind};
use pixmill::{BlobKey, BlobPrefix};

use crate::config::S3Config;
use crate::error::{ConnectError, error, from_driver};
use crate::upload;

/// How long the server may take to begin its answer.
const ANSWER: Duration = Duration::from_secs(4);
/// How long S3 allows a signed link to work.
const LONGEST_LINK: Duration = Duration::from_secs(7 * 24 * 3600);

/// A store of blobs in a bucket. A cheap handle: clones share connections.
#[derive(Debug, Clone)]
pub struct S3BlobStore {
    store: Arc<AmazonS3>,
    /// Signs links: the store itself, unless clients reach it elsewhere.
    signer: Arc<AmazonS3>,
    prefix: Arc<str>,
}

impl S3BlobStore {
    /// Opens the bucket and makes sure that it can be read.
    ///
    /// # Errors
    /// [`ConnectError`] says what is wrong with the settings, the bucket or the key.
    pub async fn connect(config: &S3Config) -> Result<Self, ConnectError> {
        let client = Arc::new(config.client()?);
        let signer = config.signer()?.map_or_else(|| client.clone(), Arc::new);
        let store = Self { store: client, signer, prefix: config.prefix.as_str().into() };
        let first = async { store.store.list(None).next().await };
        match tokio::time::timeout(2 * ANSWER, first).await {
            Ok(None | Some(Ok(_))) => Ok(store),
            Ok(Some(Err(source))) => {
                Err(ConnectError::of_listing(&source, config.bucket.clone(), config.place()))
            }
            Err(_) => {
                Err(ConnectError::Unreachable { place: config.place(), said: "it took too long".to_owned() })
            }
        }
    }

    /// Whether the bucket can be read at the moment.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn ping(&self) -> Result<(), PortError> {
        const OPERATION: &str = "blobs.ping";
        let first = async { self.store.list(Some(&self.path("ping"))).next().await.transpose() };
        within(OPERATION, first).await.map(drop)
    }

    fn path(&self, key: &str) -> Path {
        Path::from(format!("{}{key}", self.prefix))
    }

    /// Size of a blob; nothing if there is none.
    async fn size(&self, path: &Path) -> Result<Option<u64>, PortError> {
        found(within("blobs.get", self.store.head(path)).await).map(|meta| meta.map(|meta| meta.size))
    }
}

#[async_trait]
impl BlobStore for S3BlobStore {
    async fn put(&self, key: BlobKey, body: ByteStream) -> Result<u64, PortError> {
        upload::put(&self.store, &self.path(key.as_str()), body).await
    }

    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> Result<Option<Blob>, PortError> {
        let path = self.path(key.as_str());
        let nothing = |size| Some(Blob { size, body: stream::empty().boxed() });
        let Some(range) = range else {
            let got = found(within("blobs.get", self.store.get(&path)).await)?;
            return Ok(got.map(opened));
        };
        if range.is_empty() {
            return Ok(self.size(&path).await?.and_then(nothing));
        }
        let start = range.start;
        // Servers count in signed numbers.
        let range = start..range.end.min(i64::MAX as u64);
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        match found(within("blobs.get", self.store.get_opts(&path, options)).await) {
            Ok(got) => Ok(got.map(opened)),
            // A range behind the end is an error to S3.
            Err(error) => match self.size(&path).await {
                Ok(Some(size)) if start >= size => Ok(nothing(size)),
                Ok(None) => Ok(None),
                _ => Err(error),
            },
        }
    }

    async fn copy(&self, from: BlobKey, to: BlobKey) -> Result<bool, PortError> {
        let (from, to) = (self.path(from.as_str()), self.path(to.as_str()));
        found(within("blobs.copy", self.store.copy(&from, &to)).await).map(|copied| copied.is_some())
    }

    async fn delete(&self, key: BlobKey) -> Result<(), PortError> {
        found(within("blobs.delete", self.store.delete(&self.path(key.as_str()))).await).map(drop)
    }

    async fn list(
        &self,
        prefix: BlobPrefix,
    ) -> Result<BoxStream<'static, Result<BlobKey, PortError>>, PortError> {
        const OPERATION: &str = "blobs.list";
        let own = self.prefix.clone();
        let under = self.path(prefix.as_str());
        let under = (!under.as_ref().is_empty()).then_some(under);
        let keys = self.store.list(under.as_ref()).map_err(|error| from_driver(error, OPERATION));
        // What others keep in the same bucket is none of ours.
        let keys = keys.try_filter_map(move |meta| {
            let key = meta.location.as_ref().strip_prefix(&*own).and_then(|key| key.parse().ok());
            async move { Ok(key) }
        });
        Ok(keys.boxed())
    }

    async fn signed_url(
        &self,
        key: BlobKey,
        ttl: Duration,
        media_type: &'static str,
    ) -> Result<Option<String>, PortError> {
        let path = self.path(key.as_str());
        let options = SignedUrlOptions::new().with_query([("response-content-type", media_type)]);
        let signed =
            self.signer.signed_url_opts(http::Method::GET, &path, ttl.min(LONGEST_LINK), &options).await;
        signed.map(|url| Some(url.into())).map_err(|error| from_driver(error, "blobs.signed_url"))
    }
}

fn opened(got: GetResult) -> Blob {
    let size = got.meta.size;
    let body = got.into_stream().map_err(|error| from_driver(error, "blobs.get")).boxed();
    Blob { size, body }
}

/// Waits for the driver, but not for ever.
async fn within<T>(
    operation: &'static str,
    call: impl Future<Output = object_store::Result<T>>,
) -> Result<T, PortError> {
    match tokio::time::timeout(ANSWER, call).await {
        Ok(answer) => answer.map_err(|error| from_driver(error, operation)),
        Err(_) => Err(error(PortErrorKind::TimedOut, operation)),
    }
}

/// Nothing where the driver says that there is none.
fn found<T>(answer: Result<T, PortError>) -> Result<Option<T>, PortError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Error>());
            if matches!(source, Some(Error::NotFound { .. })) { Ok(None) } else { Err(error) }
        }
    }
}
