//! Checked reading from the beginning of a file that may not have arrived in full. Every access says what it
//! needs, so a walker over a container is written as if the whole file were there.

use crate::error::Error;
use crate::format::Format;
use crate::limits::at_most;

/// Why a walk over the header ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// This many bytes from the beginning of the file are needed.
    More(usize),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The first bytes of a file, or all of them.
pub(super) struct Head<'a> {
    bytes: &'a [u8],
    complete: bool,
    format: Format,
    max: usize,
}

impl<'a> Head<'a> {
    /// `max` is the last position that may be read: `Limits::max_header_bytes`.
    pub(super) fn new(bytes: &'a [u8], complete: bool, format: Format, max: usize) -> Self {
        Self { bytes, complete, format, max }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Everything that has arrived.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The last position that may be read.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// The `len` bytes at `at`.
    pub(super) fn get(&self, at: usize, len: usize) -> Result<&'a [u8], Stop> {
        let end = at.saturating_add(len);
        at_most("header size in bytes", end as u64, self.max as u64)?;
        match self.bytes.get(at..end) {
            Some(bytes) => Ok(bytes),
            None if self.complete => Err(self.bad("the file ends inside its header")),
            None => Err(Stop::More(end)),
        }
    }

    pub(super) fn u8(&self, at: usize) -> Result<u8, Stop> {
        Ok(self.get(at, 1)?[0])
    }

    pub(super) fn u16_be(&self, at: usize) -> Result<u16, Stop> {
        let b = self.get(at, 2)?;
        Ok(u16::from_be_bytes([b[0], b[1]]))
    }

    pub(super) fn u16_le(&self, at: usize) -> Result<u16, Stop> {
        let b = self.get(at, 2)?;
        Ok(u16::from_le_bytes([b[0], b[1]]))
    }

    pub(super) fn u24_le(&self, at: usize) -> Result<u32, Stop> {
        let b = self.get(at, 3)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], 0]))
    }

    pub(super) fn u32_be(&self, at: usize) -> Result<u32, Stop> {
        let b = self.get(at, 4)?;
        Ok(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    pub(super) fn u32_le(&self, at: usize) -> Result<u32, Stop> {
        let b = self.get(at, 4)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// The error for a broken structure.
    pub(super) fn bad(&self, detail: impl Into<String>) -> Stop {
        Stop::Failed(super::undecodable(self.format, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_needs() {
        let part = Head::new(&[1, 2, 3], false, Format::Png, 100);
        assert_eq!(part.u16_be(1).unwrap(), 0x0203);
        assert!(matches!(part.get(2, 5), Err(Stop::More(7))));
        assert!(matches!(part.get(usize::MAX, 5), Err(Stop::Failed(Error::LimitExceeded { .. }))));
        let whole = Head::new(&[1, 2, 3], true, Format::Png, 100);
        assert!(matches!(whole.get(2, 5), Err(Stop::Failed(Error::Undecodable { .. }))));
    }
}
