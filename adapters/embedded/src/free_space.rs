//! What files leave free. The last of a disk is the database's, so that jobs can end and what was deleted goes while there is
//! no room for more.

use std::fs::File;
use std::io;

/// Most bytes that are left.
const MOST: u64 = 64 << 20;
/// The part of a smaller disk that is left.
const PART: u64 = 32;

/// Whether so many more bytes may go into a file.
///
/// # Errors
/// [`io::ErrorKind::StorageFull`] if the disk would be nearly full, with what is missing.
pub(crate) fn check(file: &File, more: u64) -> io::Result<()> {
    let disk = rustix::fs::fstatvfs(file)?;
    let (free, all) =
        (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
    let left = reserve(all);
    if free >= left.saturating_add(more) {
        return Ok(());
    }
    let detail =
        format!("{free} bytes are free, and {left} of them are kept for records; make room on the disk");
    Err(io::Error::new(io::ErrorKind::StorageFull, detail))
}

/// What is left of a disk of so many bytes.
fn reserve(all: u64) -> u64 {
    (all / PART).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_disk_leaves_some_bytes_and_a_small_one_a_part() {
        assert_eq!(reserve(1 << 40), MOST);
        assert_eq!(reserve(32 << 20), 1 << 20);
        assert_eq!(reserve(0), 0);
    }

    #[test]
    fn what_does_not_fit_is_refused_before_it_is_written() {
        let file = tempfile::tempfile().unwrap();
        check(&file, 1).unwrap();
        let error = check(&file, u64::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
