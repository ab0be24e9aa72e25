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
    #[error("the settings of S3 can't be used: {0}; check AWS_ENDPOINT_URL, AWS_REGION and the key")]
    Settings(String),
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
        "the bucket {bucket:?} at {place} may not be read with this access key ({said}); correct the key, or allow it \
         s3:ListBucket, s3:GetObject, s3:PutObject, s3:AbortMultipartUpload and s3:DeleteObject"
    )]
    Refused {
        /// Its name.
        bucket: String,
        /// Where it is.
        place: String,
        /// What the server said.
        said: String,
    },
    /// Nothing answers, or not as S3 does.
    #[error("S3 at {place} does not answer ({said}); is it running, and is AWS_ENDPOINT_URL right?")]
    Unreachable {
        /// Where it was looked for.
        place: String,
        /// What went wrong.
        said: String,
    },
}

impl ConnectError {
    /// Why the bucket can't be listed. The driver keeps the server's status in the text alone.
    pub(crate) fn of_listing(source: &Error, bucket: String, place: String) -> Self {
        let text = source.to_string();
        let status = |code: &str| text.contains(&format!("status code: {code}"));
        match source {
            Error::NotFound { .. } => Self::NoBucket { bucket, place },
            _ if status("404") => Self::NoBucket { bucket, place },
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                Self::Refused { bucket, place, said: said(source) }
            }
            _ if status("403") || status("401") => Self::Refused { bucket, place, said: said(source) },
            _ => Self::Unreachable { place, said: said(source) },
        }
    }
}

/// What the server or the system said, without what the driver wraps around it.
pub(crate) fn said(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let message = text.split_once("<Message>").and_then(|(_, rest)| rest.split_once("</Message>"));
    message.map_or(text.as_str(), |(message, _)| message).lines().next().unwrap_or_default().to_owned()
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

    #[test]
    fn the_servers_own_words_are_told() {
        let source = "status code: 403 Forbidden: <Error><Message>No such key.</Message></Error>";
        let error = Error::Generic { store: "S3", source: source.into() };
        let told = ConnectError::of_listing(&error, "b".into(), "p".into()).to_string();
        assert!(told.contains("with this access key (No such key.)"), "{told}");
    }
}
