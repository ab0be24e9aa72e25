//! S3, or a compatible server, for the bytes of images.

use std::sync::Arc;

use clap::Args;
use pixmill::Secret;
use pixmill::ports::BlobStore;

use crate::config::secret;
use crate::error::StartError;
use crate::probe::Probe;

/// Which bucket, where, and as whom.
#[derive(Debug, Clone, Args)]
pub struct Bucket {
    /// Bucket of S3, or of a compatible server, that keeps the bytes of images
    #[arg(long, env = "AWS_BUCKET_NAME", help_heading = "Other systems")]
    pub bucket: Option<String>,
    /// Region of the bucket
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1", help_heading = "Other systems")]
    pub region: String,
    /// Where a compatible server listens; absent for Amazon's own
    #[arg(long, env = "AWS_ENDPOINT_URL", help_heading = "Other systems")]
    pub endpoint_url: Option<String>,
    /// Where clients reach that server, if elsewhere than this process does; signed links lead there
    #[arg(long, env = "AWS_PUBLIC_ENDPOINT_URL", help_heading = "Other systems")]
    pub public_endpoint_url: Option<String>,
    /// Access key for the bucket; the usual variables and roles count if it is absent
    #[arg(long, env = "AWS_IAM_ACCESS_KEY", help_heading = "Other systems")]
    pub access_key: Option<String>,
    /// Secret of that access key
    #[arg(long, env = "AWS_IAM_SECRET_KEY", value_parser = secret, hide_env_values = true, help_heading = "Other systems")]
    pub secret_key: Option<Secret>,
}

impl Bucket {
    /// Its name, if one is to be used.
    pub(super) fn name(&self) -> Option<&String> {
        self.bucket.as_ref()
    }

    /// The name with the place, for people.
    pub(super) fn place(&self) -> Option<String> {
        let place = self.endpoint_url.as_ref().unwrap_or(&self.region);
        self.name().map(|name| format!("the bucket {name} at {place}"))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match (&self.access_key, &self.secret_key) {
            (Some(_), None) => {
                Err("AWS_IAM_ACCESS_KEY is set without AWS_IAM_SECRET_KEY; set both or none".into())
            }
            (None, Some(_)) => {
                Err("AWS_IAM_SECRET_KEY is set without AWS_IAM_ACCESS_KEY; set both or none".into())
            }
            _ => Ok(()),
        }
    }

    /// The store in the bucket, if one is named.
    #[cfg(feature = "s3")]
    pub(crate) async fn connect(
        &self,
        probes: &mut Vec<Probe>,
    ) -> Result<Option<Arc<dyn BlobStore>>, StartError> {
        use pixmill_object_store::{Credentials, S3BlobStore, S3Config};

        let Some(bucket) = self.name() else { return Ok(None) };
        let credentials = self
            .access_key
            .clone()
            .zip(self.secret_key.clone())
            .map(|(access_key, secret_key)| Credentials { access_key, secret_key, session_token: None });
        let config = S3Config {
            bucket: bucket.clone(),
            region: self.region.clone(),
            endpoint: self.endpoint_url.clone(),
            public_endpoint: self.public_endpoint_url.clone(),
            credentials,
            prefix: String::new(),
        };
        let store = Arc::new(S3BlobStore::connect(&config).await?);
        let asked = store.clone();
        probes.push(Probe::new("S3", move || {
            let store = asked.clone();
            async move { store.ping().await }
        }));
        Ok(Some(store))
    }

    #[cfg(not(feature = "s3"))]
    #[expect(clippy::unused_async, reason = "with the feature there is something to wait for")]
    pub(crate) async fn connect(&self, _: &mut Vec<Probe>) -> Result<Option<Arc<dyn BlobStore>>, StartError> {
        match self.name() {
            None => Ok(None),
            Some(_) => Err(super::left_out("AWS_BUCKET_NAME", "S3", "s3")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_access_key_is_refused() {
        let key = || Bucket { access_key: Some("AKIA".into()), ..Bucket::none() };
        let secret = Some(Secret::new("hush"));
        assert!(key().check().unwrap_err().contains("AWS_IAM_SECRET_KEY"));
        let half = Bucket { secret_key: secret.clone(), ..Bucket::none() };
        assert!(half.check().unwrap_err().contains("AWS_IAM_ACCESS_KEY"));
        assert_eq!(Bucket { secret_key: secret, ..key() }.check(), Ok(()));
    }

    #[test]
    fn a_bucket_is_named_with_its_place() {
        assert_eq!(Bucket::none().place(), None);
        let photos = Some("photos".to_owned());
        let amazons = Bucket { bucket: photos.clone(), ..Bucket::none() };
        assert_eq!(amazons.place().as_deref(), Some("the bucket photos at us-east-1"));
        let ours = Bucket { bucket: photos, endpoint_url: Some("http://s3:9000".into()), ..Bucket::none() };
        assert_eq!(ours.place().as_deref(), Some("the bucket photos at http://s3:9000"));
    }
}
