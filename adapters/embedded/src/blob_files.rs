//! The blocking half of the blob store: what is done to files, on threads that may wait for a disk.
//!
//! A blob is written to a temporary file, synced and renamed to its place, so there is never a part of one under
//! its key. Folders come and go with what is in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use pixmill::{BlobKey, BlobPrefix};

use crate::free_space;

/// Most bytes that one read brings.
pub(crate) const PIECE: u64 = 256 << 10;
/// How often a rename is tried anew when deletions keep taking the folder away.
const RENAMES: usize = 100;

/// The folder of blobs and the folder of files that may become some. Both are on one file system, and nobody
/// else writes there.
#[derive(Debug)]
pub(crate) struct BlobFiles {
    root: PathBuf,
    temporary: PathBuf,
    next: AtomicU64,
}

impl BlobFiles {
    /// Uses two folders that exist. Whatever is in the temporary one was left by a process that ended, and goes.
    pub(crate) fn open(root: PathBuf, temporary: PathBuf) -> io::Result<Self> {
        for entry in fs::read_dir(&temporary)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Self { root, temporary, next: AtomicU64::new(0) })
    }

    fn path(&self, key: &BlobKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn folder_of<'a>(&'a self, path: &'a Path) -> &'a Path {
        path.parent().unwrap_or(&self.root)
    }

    fn temporary_path(&self) -> PathBuf {
        self.temporary.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Begins a blob.
    pub(crate) fn create(&self) -> io::Result<Unplaced> {
        let path = self.temporary_path();
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Unplaced { file, path: TemporaryPath(path), size: 0 })
    }

    /// Puts a finished blob in its place, for good, and returns its size.
    pub(crate) fn place(&self, unplaced: Unplaced, key: &BlobKey) -> io::Result<u64> {
        let Unplaced { file, path, size } = unplaced;
        file.sync_all()?;
        self.rename(&path, &self.path(key))?;
        Ok(size)
    }

    /// Opens a blob and reads the first piece of the part that is asked for.
    pub(crate) fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> io::Result<Option<OpenBlob>> {
        let Some(file) = found(File::open(self.path(key)))? else { return Ok(None) };
        let size = file.metadata()?.len();
        let range = range.unwrap_or(0..size);
        let end = range.end.min(size);
        let mut blob =
            OpenBlob { size, first: Bytes::new(), rest: Rest { file, next: range.start.min(end), end } };
        if let Some(piece) = blob.rest.read()? {
            blob.first = piece;
        }
        Ok(Some(blob))
    }

    /// Gives a blob a second name; `false` if there is none. Blobs are never written to once they have their
    /// place, so two names may share one file.
    pub(crate) fn copy(&self, from: &BlobKey, to: &BlobKey) -> io::Result<bool> {
        let (from, to) = (self.path(from), self.path(to));
        // Mostly there is the folder and nothing of that name in it, and the link is all there is to do.
        if fs::hard_link(&from, &to).is_ok() {
            self.sync(self.folder_of(&to))?;
            return Ok(true);
        }
        // The guard removes what a rename leaves: of two names for one file it removes neither.
        let path = TemporaryPath(self.temporary_path());
        match fs::hard_link(&from, &path.0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            // Some file systems know no links, and all have a largest number of them.
            Err(_) => {
                let Some(mut source) = found(File::open(&from))? else { return Ok(false) };
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path.0)?;
                io::copy(&mut source, &mut file)?;
                file.sync_all()?;
            }
        }
        self.rename(&path, &to)?;
        Ok(true)
    }

    /// Deletes a blob, and the folders that are empty without it. Nothing is synced: if a loss of power brings the
    /// blob back, whoever was to note that it is gone has not noted it either.
    pub(crate) fn delete(&self, key: &BlobKey) -> io::Result<()> {
        let path = self.path(key);
        if found(fs::remove_file(&path))?.is_none() {
            return Ok(());
        }
        for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.root) {
            // A folder that has something in it stays, and so do those above it.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Begins a walk over the blobs under a prefix.
    pub(crate) fn list(&self, prefix: &BlobPrefix) -> io::Result<Walk> {
        let start = self.root.join(prefix.as_str());
        let folders = found(fs::read_dir(start))?.into_iter().collect();
        Ok(Walk { root: self.root.clone(), folders })
    }

    /// Moves a file to its place and makes that survive a crash. A deletion may take the folder away between
    /// making it and moving into it.
    fn rename(&self, from: &TemporaryPath, to: &Path) -> io::Result<()> {
        let folder = self.folder_of(to);
        let mut tries = 1..;
        loop {
            match make_folder(folder).and_then(|()| fs::rename(&from.0, to)) {
                Err(error) if taken_away(&error) && tries.next() < Some(RENAMES) => {}
                Err(error) => return Err(error),
                Ok(()) => return self.sync(folder),
            }
        }
    }

    /// Syncs a folder and those above it, because any of them may be new; an unchanged one costs next to nothing.
    fn sync(&self, folder: &Path) -> io::Result<()> {
        for folder in folder.ancestors().take_while(|folder| folder.starts_with(&self.root)) {
            // If it is gone, the blob was deleted in the meantime.
            if let Some(folder) = found(File::open(folder))? {
                folder.sync_all()?;
            }
        }
        Ok(())
    }
}

/// A blob that is being written. Dropping it removes the file.
#[derive(Debug)]
pub(crate) struct Unplaced {
    file: File,
    path: TemporaryPath,
    size: u64,
}

impl Unplaced {
    /// Appends pieces, if the disk has room for them and for what is to be left.
    pub(crate) fn write(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        free_space::check(&self.file, pieces.iter().map(|piece| piece.len() as u64).sum())?;
        for piece in pieces {
            self.file.write_all(piece)?;
            self.size += piece.len() as u64;
        }
        Ok(())
    }
}

/// A file that is removed when this is dropped, if it still has this name.
#[derive(Debug)]
struct TemporaryPath(PathBuf);

impl Drop for TemporaryPath {
    fn drop(&mut self) {
        if let Err(error) = found(fs::remove_file(&self.0)) {
            let path = self.0.display();
            tracing::warn!(error = &error as &dyn std::error::Error, %path, "a temporary file was left behind");
        }
    }
}

/// A blob, opened.
pub(crate) struct OpenBlob {
    /// The size of the whole blob.
    pub(crate) size: u64,
    /// The first piece of what was asked for.
    pub(crate) first: Bytes,
    /// What follows it.
    pub(crate) rest: Rest,
}

/// A part of a file.
pub(crate) struct Rest {
    file: File,
    next: u64,
    end: u64,
}

impl Rest {
    /// The next piece; none at the end.
    pub(crate) fn read(&mut self) -> io::Result<Option<Bytes>> {
        let length = (self.end - self.next).min(PIECE);
        if length == 0 {
            return Ok(None);
        }
        let mut piece = BytesMut::zeroed(length as usize);
        self.file.read_exact_at(&mut piece, self.next)?;
        self.next += length;
        Ok(Some(piece.freeze()))
    }

    /// Whether everything was read.
    pub(crate) fn is_done(&self) -> bool {
        self.next == self.end
    }
}

/// A walk over folders, some keys at a time.
pub(crate) struct Walk {
    root: PathBuf,
    folders: Vec<fs::ReadDir>,
}

impl Walk {
    /// Up to `limit` more keys; none at the end.
    pub(crate) fn next(&mut self, limit: usize) -> io::Result<Vec<BlobKey>> {
        let mut keys = Vec::new();
        while let Some(folder) = self.folders.last_mut()
            && keys.len() < limit
        {
            let Some(entry) = folder.next().transpose()? else {
                self.folders.pop();
                continue;
            };
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                self.folders.extend(found(fs::read_dir(path))?);
            } else {
                keys.extend(self.key(&path));
            }
        }
        Ok(keys)
    }

    fn key(&self, path: &Path) -> Option<BlobKey> {
        let key = path.strip_prefix(&self.root).ok()?.to_str().and_then(|text| text.parse().ok());
        if key.is_none() {
            tracing::warn!(path = %path.display(), "a file among the blobs is none");
        }
        key
    }
}

/// What making a folder and moving into it gives when somebody removes the folder meanwhile. `AlreadyExists` is one
/// that was there when it was to be made, and was gone when the standard library looked what was there.
fn taken_away(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists)
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes "there is no such file" a result.
pub(crate) fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
