//! What the driver says, as the core's one error, and why a bucket can't be used at all.

use object_store::Error;
use pixmill::ports::{PortError, PortErrorKind};

const ADAPTER: &str = "object-store";

/// An error of this adapter.
pub(crate) fn error(kind: PortErrorKind, operation: &'static str) -> PortError {
    PortError::new(kind, ADAPTER, operation)
}

/// A driver's error as what `operation` answers.
pub(crate) fn from_driver(source: Error, operation: &'static str) -> PortError {
    let kind = match &source {
        Error::NotSupported { .. } | Error::NotImplemented { .. } => PortErrorKind::Unsupported,
        Error::InvalidPath { .. } | Error::JoinError { .. } | Error::UnknownConfigurationKey { .. } => {
            PortErrorKind::Internal
        }
        // Rights can be given back, and everything else is the network or the server.
        _ if is_full(&source) => PortErrorKind::Full,
        _ => PortErrorKind::Unavailable,
    };
    error(kind, operation).with_source(source)
}

/// Whether the server says that it has no room. The driver keeps its status in the text alone.
fn is_full(error: &Error) -> bool {
    let text = error.to_string();
    ["507 Insufficient Storage", "XMinioStorageFull", "QuotaExceeded"].iter().any(|word| text.contains(word))
}

/// Why a bucket can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings make no sense.
    #[error("the settings of S3 can't be used: {0}")]
    Settings(#[source] Error),
    /// There is no such bucket.
    #[error("there is no bucket {bucket:?} at {place}; make it, or correct AWS_BUCKET_NAME and AWS_REGION")]
    NoBucket {
        /// Its name.
        bucket: String,
        /// Where it was looked for.
        place: String,
    },
    /// The key is wrong, or may not do enough.
    #[error(
        "the bucket {bucket:?} at {place} may not be read with this access key; correct the key, or allow it \
         s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject"
    )]
    Refused {
        /// Its name.
        bucket: String,
        /// Where it is.
        place: String,
        /// What the server said.
        source: Error,
    },
    /// Nothing answers, or not as S3 does.
    #[error("S3 at {place} does not answer; is it running, and is AWS_ENDPOINT_URL right?")]
    Unreachable {
        /// Where it was looked for.
        place: String,
        /// What went wrong.
        source: Option<Error>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_store_is_told_apart_from_one_that_is_away() {
        let kind =
            |text: &str| from_driver(Error::Generic { store: "S3", source: text.into() }, "blobs.put").kind();
        assert_eq!(
            kind("Server returned non-2xx status code: 507 Insufficient Storage"),
            PortErrorKind::Full
        );
        assert_eq!(kind("error sending request"), PortErrorKind::Unavailable);
    }
}
