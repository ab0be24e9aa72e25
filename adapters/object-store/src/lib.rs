//! Pixmill over S3 and whatever speaks its protocol: where the bytes of images are kept.

mod blobs;
mod config;
mod error;
mod upload;

pub use blobs::S3BlobStore;
pub use config::{Credentials, S3Config};
pub use error::ConnectError;
