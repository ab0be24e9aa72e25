//! The tags of an ICC profile (ICC.1:2022, section 7). The library that converts colours reads all tags that it knows,
//! and copies a text once for each language that claims it: it is shown no more than colours depend on, lest a small file
//! make it take gigabytes.

use moxcms::ColorProfile;

const HEADER: usize = 128;
const TABLE: usize = HEADER + 4;
const ENTRY: usize = 12;

/// What the way from a device's colours to others is told by.
const COLOURS: [&[u8; 4]; 13] = [
    b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"wtpt", b"chad", b"cicp", b"A2B0",
    b"A2B1", b"A2B2",
];

/// The profile with all that colours depend on.
pub(super) fn colours(icc: &[u8]) -> Option<ColorProfile> {
    let mut icc = icc.to_vec();
    let count = entries(&icc)?.len() / ENTRY;
    let mut seen = Vec::new();
    for entry in icc[TABLE..][..count * ENTRY].chunks_exact_mut(ENTRY) {
        let signature = &mut entry[..4];
        match COLOURS.iter().find(|tag| tag[..] == *signature) {
            Some(tag) if !seen.contains(tag) => seen.push(*tag),
            // Of this name is no tag.
            _ => signature.fill(0),
        }
    }
    ColorProfile::new_from_slice(&icc).ok()
}

/// Whether the colours that it tells of are RGB.
pub(crate) fn is_rgb(icc: &[u8]) -> bool {
    icc.get(16..20) == Some(b"RGB ") && colours(icc).is_some()
}

/// What the first tag of this name holds.
pub(crate) fn tag(icc: &[u8], name: [u8; 4]) -> Option<&[u8]> {
    let entry = entries(icc)?.chunks_exact(ENTRY).find(|entry| entry[..4] == name)?;
    let (at, len) = (number(entry, 4)?, number(entry, 8)?);
    icc.get(at..at.checked_add(len)?)
}

/// The big-endian number there.
pub(crate) fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
}

fn entries(icc: &[u8]) -> Option<&[u8]> {
    let count = number(icc, HEADER)?;
    icc.get(TABLE..)?.get(..count.checked_mul(ENTRY)?)
}

#[cfg(test)]
mod tests {
    use moxcms::{LocalizableString, ProfileText};

    use super::*;

    #[test]
    fn colours_are_read_without_the_texts() {
        let mut profile = ColorProfile::new_display_p3();
        let text = LocalizableString::new("en".into(), "XX".into(), "Colour".into());
        profile.description = Some(ProfileText::Localizable(vec![text]));
        let found = colours(&profile.encode().unwrap()).unwrap();
        assert!(found.description.is_none() && found.copyright.is_none());
        let whole = ColorProfile::new_from_slice(&profile.encode().unwrap()).unwrap();
        assert_eq!(found.red_colorant, whole.red_colorant);
        assert_eq!(found.white_point, whole.white_point);
        assert_eq!(found.media_white_point, whole.media_white_point);
        assert_eq!(found.chromatic_adaptation, whole.chromatic_adaptation);
        assert!(found.red_trc.is_some() && found.green_trc.is_some() && found.blue_trc.is_some());
    }

    #[test]
    fn tables_that_lie_are_no_profiles() {
        let whole = ColorProfile::new_srgb().encode().unwrap();
        for end in 0..whole.len() {
            colours(&whole[..end]);
            tag(&whole[..end], *b"desc");
        }
        let mut long = whole.clone();
        long[HEADER..TABLE].fill(0xFF);
        assert!(colours(&long).is_none() && tag(&long, *b"desc").is_none());
    }
}
