//! The one EXIF entry that matters for pixels: orientation. All else in EXIF is copied as bytes or dropped.

use crate::header::Orientation;

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;
const ENTRY_BYTES: usize = 12;

/// How the picture described by this TIFF structure lies. Anything missing or broken means upright, as viewers do.
pub(crate) fn orientation(tiff: &[u8]) -> Orientation {
    let value = find(tiff).and_then(|(at, big_endian)| u16_at(tiff, at, big_endian));
    value.and_then(|v| u8::try_from(v).ok()).and_then(Orientation::from_exif).unwrap_or(Orientation::UPRIGHT)
}

/// Overwrites the orientation with upright, so that a picture that was turned is not turned again.
pub(crate) fn reset_orientation(tiff: &mut [u8]) {
    if let Some((at, big_endian)) = find(tiff) {
        let upright: u16 = 1;
        let bytes = if big_endian { upright.to_be_bytes() } else { upright.to_le_bytes() };
        tiff[at..at + 2].copy_from_slice(&bytes);
    }
}

/// EXIF without the `Exif\0\0` that JPEG puts before it, and some writers of other formats too.
pub(crate) fn without_prefix(exif: &[u8]) -> &[u8] {
    exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)
}

/// Position of the orientation's value in the first directory, and whether numbers are big-endian.
fn find(tiff: &[u8]) -> Option<(usize, bool)> {
    let big_endian = match tiff.get(..4)? {
        [b'M', b'M', 0, 42] => true,
        [b'I', b'I', 42, 0] => false,
        _ => return None,
    };
    let directory = u32_at(tiff, 4, big_endian)? as usize;
    let entries = usize::from(u16_at(tiff, directory, big_endian)?);
    (0..entries)
        .map(|n| directory.saturating_add(2 + n * ENTRY_BYTES))
        .take_while(|at| at.saturating_add(ENTRY_BYTES) <= tiff.len())
        .find(|&at| {
            u16_at(tiff, at, big_endian) == Some(ORIENTATION)
                && u16_at(tiff, at + 2, big_endian) == Some(SHORT)
                && u32_at(tiff, at + 4, big_endian) == Some(1)
        })
        .map(|at| (at + 8, big_endian))
}

fn u16_at(bytes: &[u8], at: usize, big_endian: bool) -> Option<u16> {
    let b: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(if big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) })
}

fn u32_at(bytes: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let b: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(if big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
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
