//! Who made a picture and who owns it, out of its EXIF into one of its own that holds nothing else.

use exif::Tag;

use crate::decode::exif::Tiff;

/// A text of more bytes than this is no name and no notice, and is dropped: more than one JPEG segment holds nobody reads.
const LONGEST: usize = 16 << 10;

/// EXIF (a TIFF structure) with the artist and the copyright notice of this one, if it has any.
pub(super) fn of(tiff: &[u8]) -> Option<Vec<u8>> {
    let exif = Tiff::new(tiff)?;
    // In the order of their numbers, as TIFF wants them.
    let texts: Vec<(u16, Vec<u8>)> = [Tag::Artist, Tag::Copyright]
        .into_iter()
        .filter_map(|tag| Some((tag.number(), text(exif.text(tag.number())?)?)))
        .collect();
    (!texts.is_empty()).then(|| written(&texts))
}

/// The text with one zero that ends it, unless it is blank. A copyright notice has two parts, the photographer's and the
/// editor's, with a zero between them.
fn text(text: &[u8]) -> Option<Vec<u8>> {
    let end = 1 + text.iter().rposition(|&byte| byte != 0 && byte != b' ')?;
    (end < LONGEST).then(|| [&text[..end], &[0]].concat())
}

/// A TIFF structure of one directory with these texts (TIFF 6.0, section 2).
fn written(texts: &[(u16, Vec<u8>)]) -> Vec<u8> {
    const ASCII: u16 = 2;
    const ENTRIES: usize = 10;
    let mut directory = b"MM\0*\0\0\0\x08".to_vec();
    directory.extend((texts.len() as u16).to_be_bytes());
    let behind = ENTRIES + 12 * texts.len() + 4;
    let mut data = Vec::new();
    for (tag, text) in texts {
        directory.extend(tag.to_be_bytes());
        directory.extend(ASCII.to_be_bytes());
        directory.extend((text.len() as u32).to_be_bytes());
        if text.len() <= 4 {
            let mut inline = [0; 4];
            inline[..text.len()].copy_from_slice(text);
            directory.extend(inline);
        } else {
            directory.extend(((behind + data.len()) as u32).to_be_bytes());
            data.extend(text);
            // Values begin at even places.
            data.resize(data.len().next_multiple_of(2), 0);
        }
    }
    // No other directory follows.
    directory.extend([0; 4]);
    directory.extend(data);
    directory
}

#[cfg(test)]
mod tests {
    use exif::{Reader, Value};

    use super::*;

    fn read(tiff: Vec<u8>) -> Vec<(Tag, Vec<Vec<u8>>)> {
        let exif = Reader::new().read_raw(tiff).unwrap();
        let texts = exif.fields().map(|field| match &field.value {
            Value::Ascii(parts) => (field.tag, parts.clone()),
            other => panic!("{other:?}"),
        });
        texts.collect()
    }

    #[test]
    fn notices_survive_alone() {
        let texts = [
            (0x010F, b"Camera\0".to_vec()),
            (0x013B, b"Ann\0".to_vec()),
            (0x8298, b"(c) Ann\0(c) Bo\0".to_vec()),
        ];
        let found = read(of(&written(&texts)).unwrap());
        let expected = vec![
            (Tag::Artist, vec![b"Ann".to_vec()]),
            (Tag::Copyright, vec![b"(c) Ann".to_vec(), b"(c) Bo".to_vec()]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        for texts in [
            vec![(0x010F, b"Camera\0".to_vec())],
            vec![(0x013B, b"  \0".to_vec())],
            vec![(0x8298, vec![b'x'; 20_000])],
        ] {
            assert_eq!(of(&written(&texts)), None);
        }
        assert_eq!(of(b"no TIFF"), None);
    }
}
