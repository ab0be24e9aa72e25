//! Copying a store while it is in use, from inside its process or from another one.
//!
//! The database comes first, in one snapshot, then every blob that the copy refers to. Blobs never change once
//! something refers to them, so the copy is as consistent as the snapshot; one that was deleted since is checked
//! against the database as it is by then.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pixmill::{BlobKey, Timestamp};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::backup_rows::{self, Reference};
use crate::database;
use crate::error::DatabaseError;
use crate::migrations;

/// The folder of blobs inside the data folder.
pub(crate) const BLOBS: &str = "blobs";
/// The copied database until the backup is complete. A folder that holds it is refused as a data folder.
pub(crate) const UNFINISHED: &str = "pixmill.db.unfinished";
/// A file of the server's that belongs to the data: without it no token and no link stays valid.
const SECRET: &str = "secret";
/// Pages that are copied between two reports, 4 MiB.
const PAGES: i32 = 1024;

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackupProgress {
    /// The database is being copied.
    Database {
        /// Pages that are done.
        done: u32,
        /// Pages in all.
        total: u32,
    },
    /// Blobs are being copied.
    Blobs {
        /// Blobs that are done.
        done: u64,
    },
}

/// What a backup holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// Size of the database in bytes.
    pub database_bytes: u64,
    /// Number of blobs.
    pub blobs: u64,
    /// Size of all blobs in bytes.
    pub blob_bytes: u64,
    /// How many of the blobs share their file with the store, because both are on one file system.
    pub linked: u64,
    /// Blobs that users or the sweeper deleted while the backup ran. The copy refers to them and answers as if
    /// they had expired.
    pub deleted_meanwhile: u64,
    /// Blobs that the store itself should have and has not: it is damaged.
    pub missing: Vec<BlobKey>,
    /// Whether there was a secret to copy.
    pub secret: bool,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is no store there.
    #[error("there is no database in {}: name the data folder of a Pixmill server", .0.display())]
    NoStore(PathBuf),
    /// The database is not one that this version knows.
    #[error(
        "the database has schema {found}, this version backs up schema {known} only: use the version of Pixmill \
         that the server runs"
    )]
    OtherSchema {
        /// The schema it has.
        found: u32,
        /// The schema of this version.
        known: u32,
    },
    /// The target holds something.
    #[error("the backup folder {} is not empty: name an empty or a new one", .0.display())]
    NotEmpty(PathBuf),
    /// The target is in the store.
    #[error("the backup folder {} is inside the data folder: name one outside of it", .0.display())]
    Inside(PathBuf),
    /// The database can't be copied.
    #[error(
        "can't copy the database: check that the backup folder has room, and that this user may read the data folder"
    )]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file can't be copied.
    #[error("can't copy to {}: check that the backup folder has room and may be written", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<DatabaseError> for BackupError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error.into())
    }
}

/// Copies the store in `data_dir` into `target`, a new or empty folder, which is a data folder afterwards. The
/// store may be in use by a server: nothing is locked, and the server goes on. Blocks for as long as it takes.
///
/// On one file system blobs are linked, not copied: that guards against mistakes and bad upgrades, not against a
/// failing disk.
///
/// # Errors
/// If `target` is not empty, or something can't be read or written. What was copied by then stays in `target`,
/// which can't be opened as a data folder.
pub fn backup(data_dir: &Path, target: &Path) -> Result<BackupReport, BackupError> {
    copy(data_dir, target, SystemTime::now().into(), |_| ())
}

/// Does it, as of `now` for what expires.
pub(crate) fn copy(
    data_dir: &Path,
    target: &Path,
    now: Timestamp,
    mut progress: impl FnMut(BackupProgress),
) -> Result<BackupReport, BackupError> {
    let path = data_dir.join(database::FILE);
    if !path.is_file() {
        return Err(BackupError::NoStore(data_dir.to_owned()));
    }
    prepare(data_dir, target)?;
    let source = database::connect_reader(&path)?;
    let (found, known) = (migrations::version(&source)?, migrations::newest());
    if found != known {
        return Err(BackupError::OtherSchema { found, known });
    }
    let unfinished = target.join(UNFINISHED);
    let mut copied = Connection::open(&unfinished)?;
    copy_database(&source, &mut copied, &mut progress)?;
    let mut files =
        Files { from: data_dir, to: target, folders: BTreeSet::new(), report: BackupReport::default() };
    backup_rows::for_each_reference(&copied, now, |reference| {
        files.copy(&source, now, &reference)?;
        progress(BackupProgress::Blobs { done: files.report.blobs });
        Ok::<_, BackupError>(())
    })?;
    files.copy_secret()?;
    // Closed before it gets its name: that folds its log into it.
    copied.close().map_err(|(_, error)| error)?;
    files.finish(&unfinished)
}

fn prepare(data_dir: &Path, target: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Io { path: target.to_owned(), source };
    if is_inside(target, data_dir).map_err(failed)? {
        return Err(BackupError::Inside(target.to_owned()));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(target).map_err(failed)?;
    if fs::read_dir(target).map_err(failed)?.next().is_some() {
        return Err(BackupError::NotEmpty(target.to_owned()));
    }
    let unfinished = target.join(UNFINISHED);
    let created = File::options().write(true).create_new(true).mode(0o600).open(&unfinished);
    created.map(drop).map_err(|source| BackupError::Io { path: unfinished, source })
}

/// Looks at what of the target exists already, behind links.
fn is_inside(target: &Path, data_dir: &Path) -> io::Result<bool> {
    let (target, data_dir) = (std::path::absolute(target)?, data_dir.canonicalize()?);
    let existing = target.ancestors().find_map(|above| above.canonicalize().ok());
    Ok(existing.is_some_and(|existing| existing.starts_with(data_dir)))
}

fn copy_database(
    source: &Connection,
    copied: &mut Connection,
    progress: &mut impl FnMut(BackupProgress),
) -> Result<(), BackupError> {
    // A snapshot: without it SQLite would begin again whenever the server writes.
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")?;
    {
        let backup = Backup::new(source, copied)?;
        while backup.step(PAGES)? != StepResult::Done {
            let at = backup.progress();
            let (left, total) = (at.remaining.max(0).unsigned_abs(), at.pagecount.max(0).unsigned_abs());
            progress(BackupProgress::Database { done: total.saturating_sub(left), total });
        }
    }
    Ok(source.execute_batch("COMMIT")?)
}

/// The files of a backup.
struct Files<'a> {
    from: &'a Path,
    to: &'a Path,
    /// What has to be synced at the end.
    folders: BTreeSet<PathBuf>,
    report: BackupReport,
}

impl Files<'_> {
    /// Copies a blob, unless it was deleted since the snapshot.
    fn copy(
        &mut self,
        source: &Connection,
        now: Timestamp,
        reference: &Reference,
    ) -> Result<(), BackupError> {
        let name = Path::new(BLOBS).join(reference.key.as_str());
        if self.copy_file(&name)? {
            return Ok(());
        }
        if backup_rows::still_refers(source, now, reference)? {
            tracing::error!(key = %reference.key, "the store has lost a blob");
            self.report.missing.push(reference.key.clone());
        } else {
            self.report.deleted_meanwhile += 1;
        }
        Ok(())
    }

    /// `false`: there is no such file.
    fn copy_file(&mut self, name: &Path) -> Result<bool, BackupError> {
        let (from, to) = (self.from.join(name), self.to.join(name));
        let failed = |source| BackupError::Io { path: to.clone(), source };
        let folder = to.parent().unwrap_or(self.to);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        self.folders
            .extend(folder.ancestors().take_while(|above| above.starts_with(self.to)).map(Path::to_owned));
        let linked = match fs::hard_link(&from, &to) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            // Two references to one blob.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(true),
            Err(_) => match copy_bytes(&from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                copied => copied.map(|()| false).map_err(failed)?,
            },
        };
        self.report.linked += u64::from(linked);
        self.report.blobs += 1;
        self.report.blob_bytes += to.metadata().map_err(failed)?.len();
        Ok(true)
    }

    /// The secret is written anew: it is small, and may be replaced in place one day.
    fn copy_secret(&mut self) -> Result<(), BackupError> {
        let to = self.to.join(SECRET);
        match copy_bytes(&self.from.join(SECRET), &to) {
            Ok(()) => self.report.secret = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(BackupError::Io { path: to, source }),
        }
        Ok(())
    }

    /// Makes everything survive a crash, and then the database count.
    fn finish(mut self, unfinished: &Path) -> Result<BackupReport, BackupError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BackupError::Io { path, source }
        };
        let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all()).map_err(failed(path));
        self.folders.iter().try_for_each(|folder| sync(folder))?;
        sync(unfinished)?;
        self.report.database_bytes = unfinished.metadata().map_err(failed(unfinished))?.len();
        fs::rename(unfinished, self.to.join(database::FILE)).map_err(failed(unfinished))?;
        sync(self.to)?;
        Ok(self.report)
    }
}

/// Copies a file that may be read by its owner alone, and syncs it.
fn copy_bytes(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut file)?;
    file.sync_all()
}
