//! Why a server did not start, said to the person who started it.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use pixmill::BlobKey;

/// What went wrong before, or instead of, serving.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The `.env` file.
    #[error("the file .env can't be used; each line must be NAME=value, or begin with #")]
    EnvFile(#[source] dotenvy::Error),
    /// A setting that can't be honoured.
    #[error("{0}")]
    Setting(String),
    /// The data folder.
    #[error(transparent)]
    Store(#[from] pixmill_embedded::OpenError),
    /// The URL of Redis.
    #[cfg(feature = "redis")]
    #[error(transparent)]
    Redis(#[from] pixmill_redis::ConfigError),
    /// The database.
    #[cfg(feature = "mongodb")]
    #[error(transparent)]
    Database(#[from] pixmill_mongodb::ConnectError),
    /// The broker.
    #[cfg(feature = "rabbitmq")]
    #[error(transparent)]
    Broker(#[from] pixmill_rabbitmq::ConnectError),
    /// The bucket.
    #[cfg(feature = "s3")]
    #[error(transparent)]
    Bucket(#[from] pixmill_object_store::ConnectError),
    /// The signing key in the data folder.
    #[error("the key file `secret` in the data folder can't be read or made; check who owns the folder")]
    Secret(#[source] io::Error),
    /// A signing key in a file.
    #[error("the key file {} can't be read or made; check that its folder is there and who owns it", .file.display())]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The fonts.
    #[error("FONTS_DIR can't be used: {0}")]
    Fonts(#[from] pixmill::engine::FontsError),
    /// Threads, child processes, signals.
    #[error("the system did not give what the server needs to run ({what})")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The address.
    #[error("can't listen on {address}; is another program using it? choose another with --port or --host")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The connection loop ended by itself.
    #[error("a part of the program stopped by itself; this is a fault of Pixmill")]
    Server(#[source] io::Error),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] pixmill_embedded::BackupError),
    /// A backup that is complete but for what the store had lost before.
    #[error(
        "the data folder is damaged: {} files that it should have are missing, the first is {}; the copy is complete but for \
         these, which an earlier backup may have",
        .0.len(),
        .0[0]
    )]
    Damaged(Vec<BlobKey>),
    /// A user who can't be added or changed.
    #[error("{0}")]
    User(String),
    /// A job that is not what the command is for.
    #[error("{0}")]
    Job(String),
    /// The store.
    #[error(transparent)]
    Port(#[from] pixmill::ports::PortError),
    /// A server that was asked how it is.
    #[error("no server answers at {address}; is it running?")]
    Unanswered {
        /// Where it was looked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A server that takes no requests.
    #[error("the server takes no requests: {0}")]
    Unhealthy(String),
    /// Standard output.
    #[error("can't write to standard output")]
    Output(#[source] io::Error),
}

impl StartError {
    /// Prints the error with all that led to it, and gives the exit code for it.
    pub fn report(&self) -> ExitCode {
        let mut text = format!("error: {self}");
        let mut source = self.source();
        while let Some(error) = source {
            text.push_str("\n  because: ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::FAILURE
    }
}

/// Something that the system did not give.
pub(crate) fn system(what: &'static str) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::System { what, source }
}
