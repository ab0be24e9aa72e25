//! From configuration to a running server. This is the only place that knows the adapters; everything that a
//! main does is one call here.

mod assembly;
mod config;
mod dead_letters;
mod error;
#[cfg(feature = "faults")]
mod faults;
mod health;
mod lifetime;
mod pixels;
mod place;
mod probe;
mod secret;
mod server;
mod shutdown;
mod systems;
mod telemetry;
mod users;
mod worker;

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, Command, Parser};
use pixmill_embedded::BackupReport;

pub use config::server::ServerConfig;
pub use config::{LogFormat, ProcessorForm, WorkerConfig};
pub use dead_letters::{DeadLetterCommand, manage_dead_letters};
pub use error::StartError;
pub use health::check_server;
pub use server::serve;
pub use systems::Systems;
pub use systems::bucket::Bucket;
pub use systems::mongodb::MongoDb;
pub use systems::rabbitmq::RabbitMq;
pub use systems::redis::Redis;
pub use users::{RoleArgument, UserCommand, manage_user};
pub use worker::{check_worker, work};

/// What every program of Pixmill does around its own business: one that was started to work on images does that and nothing
/// else; any other has its command line read, with the settings of the file `.env`, and says what went wrong.
pub fn program<C: Parser>(run: impl FnOnce(C) -> Result<(), StartError>) -> ExitCode {
    if env::args_os().nth(1).is_some_and(|argument| argument == pixmill_runtime::CHILD_ARGUMENT) {
        return pixmill_runtime::child_main();
    }
    match load_env_file().and_then(|()| run(parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

/// Adds the settings of the file `.env` in the working folder, if there is one, to the environment. What the
/// environment says already stays.
fn load_env_file() -> Result<(), StartError> {
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StartError::EnvFile(error)),
    }
}

/// The command line with the environment. An empty variable is one that is not set, as in files of settings that were copied
/// and not filled in, and in what Compose makes of them.
fn parse<C: Parser>() -> C {
    let matches = without_empty(C::command()).get_matches();
    C::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn without_empty(command: Command) -> Command {
    let is_empty =
        |arg: &Arg| arg.get_env().is_some_and(|name| env::var_os(name).is_some_and(|v| v.is_empty()));
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(None::<&'static str>) } else { arg })
        .mut_subcommands(without_empty)
}

/// Prints the OpenAPI document.
///
/// # Errors
/// If standard output can't be written.
pub fn document() -> Result<(), StartError> {
    io::stdout().write_all(pixmill_api::document().as_bytes()).map_err(StartError::Output)
}

/// Copies the data folder of a server, running or not, to `target`, and prints what was copied.
///
/// # Errors
/// If the source can't be read, or the target is in use or can't be written; or if users, images and jobs are not there
/// but in MongoDB.
pub fn backup(data_dir: &Path, mongodb: &MongoDb, target: &Path) -> Result<(), StartError> {
    if mongodb.uri().is_some() {
        return Err(StartError::Setting(
            "MONGO_URI is set: users, images and jobs are there, not in the data folder; copy the database with mongodump, \
             and after it the bucket with its own means"
                .to_owned(),
        ));
    }
    let BackupReport { database_bytes, blobs, blob_bytes, deleted_meanwhile, missing, .. } =
        pixmill_embedded::backup(data_dir, target)?;
    let mut out = io::stdout().lock();
    writeln!(out, "copied the database ({database_bytes} bytes) and {blobs} files ({blob_bytes} bytes)")
        .map_err(StartError::Output)?;
    if deleted_meanwhile > 0 {
        writeln!(out, "{deleted_meanwhile} files were deleted while the copy was made")
            .map_err(StartError::Output)?;
    }
    let system = |source| StartError::System { what: "copying the note of where images are", source };
    place::copy(data_dir, target).map_err(system)?;
    if let Some(bucket) = place::elsewhere(data_dir).map_err(system)? {
        writeln!(out, "the files of images are in {bucket}; copy them with its own means, after this")
            .map_err(StartError::Output)?;
        return Ok(());
    }
    if missing.is_empty() { Ok(()) } else { Err(StartError::Damaged(missing)) }
}

/// Makes a key for tokens and links in a file, unless the file holds one, for `JWT_SECRET_FILE`.
///
/// # Errors
/// If the file can't be read or made.
pub fn make_secret(file: &Path) -> Result<(), StartError> {
    let made = secret::load_or_make(file);
    made.map(drop).map_err(|source| StartError::KeyFile { file: file.to_owned(), source })?;
    writeln!(io::stdout(), "{} holds a key", file.display()).map_err(StartError::Output)
}

/// What a server or a worker runs on.
fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(error::system("threads"))
}
