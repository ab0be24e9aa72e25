//! The items of an AVIF container that hold coded pictures, and where their data lies (ISO/IEC 14496-12, 8.11).
//!
//! libavif hands data to libaom that it has kept since it read the container, or put together from pieces, so this looks at
//! the same data by itself beforehand.

use std::borrow::Cow;
use std::collections::HashSet;

/// What is read of a box, from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A big-endian number of up to eight bytes.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        if bytes > 8 {
            return None;
        }
        Some(self.take(bytes)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The next box: its type and what it holds.
    fn next_box(&mut self) -> Option<([u8; 4], &'a [u8])> {
        let whole = self.0;
        let size = self.number(4)?;
        let kind = self.take(4)?.try_into().ok()?;
        let size = match size {
            0 => whole.len() as u64,
            1 => self.number(8)?,
            size => size,
        };
        let header = whole.len() - self.0.len();
        let content = usize::try_from(size).ok()?.checked_sub(header)?;
        Some((kind, self.take(content)?))
    }

    /// The version of a full box; its flags are skipped.
    fn version(&mut self) -> Option<u64> {
        let version = self.number(1)?;
        self.take(3)?;
        Some(version)
    }
}

/// The boxes in `bytes` up to one that is broken, or cut off.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut fields = Fields(bytes);
    std::iter::from_fn(move || fields.next_box())
}

/// The data of every item of the type `av01`. `None` where it can't be followed, or the same bytes are claimed so often
/// that together they are more than the file.
pub(super) fn coded_items(file: &[u8]) -> Option<Vec<Cow<'_, [u8]>>> {
    let Some((_, meta)) = boxes(file).find(|(kind, _)| kind == b"meta") else { return Some(Vec::new()) };
    let meta = meta.get(4..)?;
    let child = |name: &[u8; 4]| boxes(meta).find(|(kind, _)| kind == name).map(|(_, content)| content);
    let (Some(infos), Some(locations)) = (child(b"iinf"), child(b"iloc")) else { return Some(Vec::new()) };
    let coded = coded_ids(infos)?;
    items(locations, &coded, file, child(b"idat").unwrap_or_default())
}

/// The numbers of the items of the type `av01`.
fn coded_ids(infos: &[u8]) -> Option<HashSet<u64>> {
    let mut fields = Fields(infos);
    let version = fields.version()?;
    fields.take(if version == 0 { 2 } else { 4 })?;
    let mut coded = HashSet::new();
    for (_, entry) in boxes(fields.0).filter(|(kind, _)| kind == b"infe") {
        let mut entry = Fields(entry);
        let version = entry.version()?;
        let id = entry.number(if version >= 3 { 4 } else { 2 })?;
        entry.take(2)?;
        if version >= 2 && entry.take(4)? == b"av01" {
            coded.insert(id);
        }
    }
    Some(coded)
}

fn items<'a>(
    locations: &[u8],
    coded: &HashSet<u64>,
    file: &'a [u8],
    idat: &'a [u8],
) -> Option<Vec<Cow<'a, [u8]>>> {
    let mut fields = Fields(locations);
    let version = fields.version()?;
    let sizes = fields.number(2)? as usize;
    let [offset, length, base, index] = [12, 8, 4, 0].map(|shift| sizes >> shift & 15);
    let index = if version == 0 { 0 } else { index };
    let wide = if version < 2 { 2 } else { 4 };
    let (mut found, mut claimed) = (Vec::new(), 0);
    for _ in 0..fields.number(wide)? {
        let id = fields.number(wide)?;
        let method = if version == 0 { 0 } else { fields.number(2)? & 15 };
        fields.take(2)?;
        let base = fields.number(base)?;
        let mut data = Cow::Borrowed(&[][..]);
        for _ in 0..fields.number(2)? {
            fields.take(index)?;
            let (offset, length) = (fields.number(offset)?, fields.number(length)?);
            if !coded.contains(&id) {
                continue;
            }
            let place = match method {
                0 => file,
                1 => idat,
                _ => return None,
            };
            let start = usize::try_from(base.checked_add(offset)?).ok()?;
            let part = place.get(start..start.checked_add(usize::try_from(length).ok()?)?)?;
            claimed += part.len();
            if claimed > file.len() {
                return None;
            }
            if data.is_empty() {
                data = Cow::Borrowed(part);
            } else {
                data.to_mut().extend_from_slice(part);
            }
        }
        if coded.contains(&id) {
            found.push(data);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], &kind, content].concat()
    }

    /// A file of one item, whose parts are at `extents` of the file or of the `idat` box.
    fn file(version: u8, method: u16, extents: &[(u32, u32)], idat: &[u8]) -> Vec<u8> {
        let info = container(*b"infe", b"\x02\0\0\0\0\x07\0\0av01\0");
        let infos = container(*b"iinf", &[&b"\0\0\0\0\0\x01"[..], &info].concat());
        let mut locations = vec![version, 0, 0, 0, 0x44, 0, 0, 1, 0, 7];
        if version > 0 {
            locations.extend(method.to_be_bytes());
        }
        locations.extend([0, 0]);
        locations.extend((extents.len() as u16).to_be_bytes());
        for (offset, length) in extents {
            locations.extend(offset.to_be_bytes());
            locations.extend(length.to_be_bytes());
        }
        let locations = container(*b"iloc", &locations);
        let meta = [&[0; 4][..], &infos, &locations, &container(*b"idat", idat)].concat();
        [container(*b"ftyp", b"avif"), container(*b"meta", &meta)].concat()
    }

    #[test]
    fn data_is_found_in_the_file_and_in_the_container() {
        for version in [0, 1] {
            let file = file(version, 0, &[(4, 4), (8, 3)], b"");
            assert_eq!(coded_items(&file).unwrap(), [&b"ftypavi"[..]]);
        }
        let file = file(1, 1, &[(1, 3)], b"hello");
        assert_eq!(coded_items(&file).unwrap(), [&b"ell"[..]]);
    }

    #[test]
    fn what_can_not_be_followed_is_refused() {
        for (method, extents) in [
            (0, &[(0, 5000)][..]),
            (0, &[(u32::MAX, 1)]),
            (1, &[(3, 3)]),
            (2, &[(0, 1)]),
            (0, &[(0, 60), (0, 60), (0, 60)]),
        ] {
            assert_eq!(coded_items(&file(1, method, extents, b"hello")), None, "{method} {extents:?}");
        }
        let whole = file(1, 1, &[(1, 3)], b"hello");
        for end in 0..whole.len() {
            coded_items(&whole[..end]);
        }
    }

    #[test]
    fn other_files_have_no_items() {
        assert_eq!(coded_items(b""), Some(Vec::new()));
        assert_eq!(coded_items(&container(*b"ftyp", b"avis")), Some(Vec::new()));
    }
}
