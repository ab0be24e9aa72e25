//! The few EXIF entries that matter: orientation, and some texts. All else in EXIF is copied as bytes or dropped.
//!
//! Of a directory no more is read than leads to an entry, each at most once, and values stay where they lie: whatever a
//! file says, nothing is allocated for it.

use crate::header::Orientation;

const ORIENTATION: u16 = 0x0112;
const EXIF_DIRECTORY: u16 = 0x8769;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const ENTRY_BYTES: usize = 12;

/// How the picture described by this TIFF structure lies. Anything missing or broken means upright, as viewers do.
pub(crate) fn orientation(tiff: &[u8]) -> Orientation {
    let value = Tiff::new(tiff).and_then(|tiff| tiff.u16_at(tiff.orientation()?));
    value.and_then(|v| u8::try_from(v).ok()).and_then(Orientation::from_exif).unwrap_or(Orientation::UPRIGHT)
}

/// Overwrites the orientation with upright, so that a picture that was turned is not turned again.
pub(crate) fn reset_orientation(tiff: &mut [u8]) {
    let found = Tiff::new(tiff).and_then(|tiff| Some((tiff.orientation()?, tiff.big_endian)));
    if let Some((at, big_endian)) = found {
        let upright: u16 = 1;
        let bytes = if big_endian { upright.to_be_bytes() } else { upright.to_le_bytes() };
        tiff[at..at + 2].copy_from_slice(&bytes);
    }
}

/// EXIF without the `Exif\0\0` that JPEG puts before it, and some writers of other formats too.
pub(crate) fn without_prefix(exif: &[u8]) -> &[u8] {
    exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)
}

/// A TIFF structure (TIFF 6.0, section 2).
pub(crate) struct Tiff<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl<'a> Tiff<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = match bytes.get(..4)? {
            [b'M', b'M', 0, 42] => true,
            [b'I', b'I', 42, 0] => false,
            _ => return None,
        };
        Some(Self { bytes, big_endian })
    }

    /// A text of the first directory, with the zeros in it and behind it.
    pub(crate) fn text(&self, tag: u16) -> Option<&'a [u8]> {
        self.text_in(self.first()?, tag)
    }

    /// A text of the directory that EXIF adds.
    pub(crate) fn exif_text(&self, tag: u16) -> Option<&'a [u8]> {
        let (at, _) = self.find(self.first()?, EXIF_DIRECTORY, LONG)?;
        self.text_in(self.u32_at(at)? as usize, tag)
    }

    fn text_in(&self, directory: usize, tag: u16) -> Option<&'a [u8]> {
        let (at, count) = self.find(directory, tag, ASCII)?;
        // What fits into the entry lies there.
        let start = if count <= 4 { at } else { self.u32_at(at)? as usize };
        self.bytes.get(start..start.checked_add(count)?)
    }

    /// Position of the orientation's value.
    fn orientation(&self) -> Option<usize> {
        let (at, count) = self.find(self.first()?, ORIENTATION, SHORT)?;
        (count == 1).then_some(at)
    }

    fn first(&self) -> Option<usize> {
        Some(self.u32_at(4)? as usize)
    }

    /// Position of the value of the first entry of this tag and type in the directory, or of what tells where it lies,
    /// and how many there are.
    fn find(&self, directory: usize, tag: u16, kind: u16) -> Option<(usize, usize)> {
        let entries = usize::from(self.u16_at(directory)?);
        let at = (0..entries)
            .map(|n| directory.saturating_add(2 + n * ENTRY_BYTES))
            .take_while(|at| at.saturating_add(ENTRY_BYTES) <= self.bytes.len())
            .find(|&at| self.u16_at(at) == Some(tag) && self.u16_at(at + 2) == Some(kind))?;
        Some((at + 8, self.u32_at(at + 4)? as usize))
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        let b: [u8; 2] = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) })
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        let b: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A TIFF structure with an orientation and one entry before it.
    pub(crate) fn tiff(value: u16, big_endian: bool) -> Vec<u8> {
        let n16 = |n: u16| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
        let n32 = |n: u32| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut out = if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        out.extend(n32(8));
        out.extend(n16(2));
        for (tag, value) in [(0x0100, 7), (ORIENTATION, value)] {
            out.extend(n16(tag));
            out.extend(n16(SHORT));
            out.extend(n32(1));
            out.extend(n16(value));
            out.extend([0, 0]);
        }
        out.extend(n32(0));
        out
    }

    #[test]
    fn reads_and_resets_all_eight() {
        for big_endian in [false, true] {
            for value in 1..=8 {
                let mut bytes = tiff(value, big_endian);
                assert_eq!(u16::from(orientation(&bytes).exif()), value);
                reset_orientation(&mut bytes);
                assert_eq!(bytes, tiff(1, big_endian));
            }
        }
    }

    #[test]
    fn broken_structures_are_upright() {
        let whole = tiff(6, true);
        for end in 0..whole.len() - 4 {
            assert!(matches!(orientation(&whole[..end]).exif(), 1 | 6));
        }
        assert_eq!(orientation(&tiff(0, true)), Orientation::UPRIGHT);
        assert_eq!(orientation(&tiff(9, false)), Orientation::UPRIGHT);
        assert_eq!(orientation(b"MM\0*\xFF\xFF\xFF\xFF"), Orientation::UPRIGHT);
    }
}
