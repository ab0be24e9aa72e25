//! The name of a colour profile.

use crate::color::icc;

/// Names are for people; what is longer is cut.
const LONGEST: usize = 80;

/// What the profile calls itself, in English where it speaks several languages (ICC.1:2022, 10.15 and 10.24, and
/// ICC.1:2001, 6.5.17).
pub(super) fn name(profile: &[u8]) -> Option<String> {
    let tag = icc::tag(profile, *b"desc")?;
    let text = match tag.get(..4)? {
        b"text" => String::from_utf8_lossy(beginning(&tag[4..], 4)?).into_owned(),
        b"desc" => {
            let len = icc::number(tag, 8)?;
            String::from_utf8_lossy(beginning(tag.get(..12usize.checked_add(len)?)?, 12)?).into_owned()
        }
        b"mluc" => localized(tag)?,
        _ => return None,
    };
    let name: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The text for English, or else the first.
fn localized(tag: &[u8]) -> Option<String> {
    const RECORDS: usize = 16;
    const RECORD: usize = 12;
    let count = icc::number(tag, 8)?;
    let records = tag.get(RECORDS..)?.get(..count.checked_mul(RECORD)?)?;
    let mut records = records.chunks_exact(RECORD);
    let first = records.clone().next()?;
    let record = records.find(|record| record.starts_with(b"en")).unwrap_or(first);
    let (len, at) = (icc::number(record, 4)?, icc::number(record, 8)?);
    let text = beginning(tag.get(..at.checked_add(len)?)?, at)?;
    let units = text.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
    Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// As much from there on as a name can be made of.
fn beginning(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let bytes = bytes.get(at..)?;
    Some(&bytes[..bytes.len().min(16 * LONGEST)])
}

#[cfg(test)]
mod tests {
    use moxcms::{ColorProfile, LocalizableString, ProfileText};

    use super::*;

    fn named(description: impl Into<Option<ProfileText>>) -> Vec<u8> {
        let mut profile = ColorProfile::new_srgb();
        profile.description = description.into();
        profile.encode().unwrap()
    }

    fn localizable(texts: &[(&str, &str)]) -> ProfileText {
        let text = |&(language, value): &(&str, &str)| {
            LocalizableString::new(language.to_owned(), "XX".to_owned(), value.to_owned())
        };
        ProfileText::Localizable(texts.iter().map(text).collect())
    }

    #[test]
    fn english_is_preferred() {
        assert_eq!(
            name(&named(localizable(&[("de", "Farbe"), ("en", "Colour")]))).as_deref(),
            Some("Colour")
        );
        assert_eq!(name(&named(localizable(&[("de", "Farbe")]))).as_deref(), Some("Farbe"));
    }

    /// sRGB that describes itself by this tag.
    fn with(tag: &[u8]) -> Vec<u8> {
        let mut profile = named(localizable(&[("en", "Colour")]));
        let entry = profile.windows(4).position(|name| name == b"desc").unwrap();
        let at = (profile.len() as u32).to_be_bytes();
        profile[entry + 4..][..4].copy_from_slice(&at);
        profile[entry + 8..][..4].copy_from_slice(&(tag.len() as u32).to_be_bytes());
        profile.extend(tag);
        profile
    }

    #[test]
    fn older_profiles_have_older_texts() {
        assert_eq!(name(&with(b"desc\0\0\0\0\0\0\0\x04RGB\0and more")).as_deref(), Some("RGB"));
        assert_eq!(name(&with(b"text\0\0\0\0Adobe RGB\0")).as_deref(), Some("Adobe RGB"));
        assert_eq!(name(&with(b"desc\0\0\0\0\0\0\0\xFFRGB")), None);
        assert_eq!(name(&with(b"curv\0\0\0\0RGB")), None);
    }

    #[test]
    fn texts_that_lie_over_each_other_are_read_once() {
        // A record for every twelve bytes, each of which claims all of the tag.
        let len = 4 << 20;
        let mut tag = b"mluc\0\0\0\0".to_vec();
        let count = (len - 16) / 12;
        tag.extend((count as u32).to_be_bytes());
        tag.extend([0, 0, 0, 12]);
        for _ in 0..count {
            tag.extend(b"deDE");
            tag.extend((len as u32 - 12).to_be_bytes());
            tag.extend([0; 4]);
        }
        tag.resize(len, b'x');
        assert_eq!(name(&with(&tag)).unwrap().chars().count(), LONGEST);
        assert!(!crate::color::changes(&with(&tag), crate::pixels::Layout::Rgb));
    }

    #[test]
    fn a_name_is_one_short_line_or_none() {
        assert_eq!(name(&named(localizable(&[("en", " a\n\0b ")]))).as_deref(), Some("ab"));
        assert_eq!(name(&named(localizable(&[("en", &"x".repeat(500))]))).unwrap().len(), LONGEST);
        assert_eq!(name(&named(localizable(&[("en", "\n")]))), None);
        assert_eq!(name(&named(None)), None);
        assert_eq!(name(b"no profile"), None);
    }
}
