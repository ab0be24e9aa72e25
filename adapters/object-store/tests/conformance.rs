//! The trials of the store of blobs, each under a prefix of its own, against a real server.

use std::time::Duration;

use pixmill::{JobId, Secret};
use pixmill_object_store::{Credentials, S3BlobStore, S3Config};
use pixmill_testkit::{Subject, Unavailable, conformance};

/// `http://KEY:SECRET@HOST:PORT/BUCKET`, as the variable has it.
fn config(url: &str) -> Option<S3Config> {
    let (key, rest) = url.strip_prefix("http://")?.split_once('@')?;
    let (access_key, secret_key) = key.split_once(':')?;
    let (host, bucket) = rest.split_once('/')?;
    Some(S3Config {
        bucket: bucket.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(format!("http://{host}")),
        public_endpoint: None,
        credentials: Some(Credentials {
            access_key: access_key.to_owned(),
            secret_key: Secret::new(secret_key),
            session_token: None,
        }),
        prefix: format!("trials/{}/", JobId::random()),
    })
}

fn main() {
    conformance("s3")
        .blobs(|_| async {
            let url = std::env::var("PIXMILL_TEST_S3_URL").map_err(|_| {
                Unavailable::new("no S3 at PIXMILL_TEST_S3_URL; run `cargo xtask services up`")
            })?;
            let config = config(&url).ok_or_else(|| {
                Unavailable::new("PIXMILL_TEST_S3_URL must be http://KEY:SECRET@HOST:PORT/BUCKET")
            })?;
            let store = S3BlobStore::connect(&config).await.map_err(Unavailable::new)?;
            Ok(Subject::new(std::sync::Arc::new(store)).real_time(Duration::from_millis(200)))
        })
        .run()
}
