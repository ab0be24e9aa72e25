//! When a picture was taken, from its EXIF.

use exif::{DateTime, Tag};

use crate::decode::exif::Tiff;

/// The time at which the camera took, or at which a scanner read, the picture. Nothing if the EXIF tells neither, or
/// no time that exists.
pub(super) fn time(tiff: &[u8]) -> Option<String> {
    let exif = Tiff::new(tiff)?;
    [(Tag::DateTimeOriginal, Tag::OffsetTimeOriginal), (Tag::DateTimeDigitized, Tag::OffsetTimeDigitized)]
        .into_iter()
        .find_map(|(time, offset)| {
            let mut moment = DateTime::from_ascii(text(&exif, time)?).ok()?;
            if let Some(offset) = text(&exif, offset) {
                // Cameras that know no offset leave it blank.
                let _ = moment.parse_offset(offset);
            }
            written(&moment)
        })
}

fn text<'a>(exif: &Tiff<'a>, tag: Tag) -> Option<&'a [u8]> {
    exif.exif_text(tag.number())?.split(|&byte| byte == 0).next()
}

/// As RFC 3339 writes it, if there is such a time.
fn written(moment: &DateTime) -> Option<String> {
    let &DateTime { year, month, day, hour, minute, second, nanosecond: _, offset } = moment;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year == 0 || !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = match offset {
        // RFC 3339 has two digits for hours; no place on earth is further than 14 from Greenwich.
        Some(minutes) if minutes.unsigned_abs() <= 14 * 60 => {
            let (sign, distance) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
            format!("{sign}{:02}:{:02}", distance / 60, distance % 60)
        }
        _ => String::new(),
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{offset}"))
}

#[cfg(test)]
mod tests {
    use exif::experimental::Writer;
    use exif::{Field, In, Value};
    use proptest::prelude::*;

    use super::*;

    fn tiff(entries: &[(Tag, &str)]) -> Vec<u8> {
        let fields: Vec<Field> = entries
            .iter()
            .map(|&(tag, text)| Field {
                tag,
                ifd_num: In::PRIMARY,
                value: Value::Ascii(vec![text.as_bytes().to_vec()]),
            })
            .collect();
        let mut writer = Writer::new();
        for field in &fields {
            writer.push_field(field);
        }
        let mut file = std::io::Cursor::new(Vec::new());
        writer.write(&mut file, false).unwrap();
        file.into_inner()
    }

    fn told(entries: &[(Tag, &str)]) -> Option<String> {
        time(&tiff(entries))
    }

    #[test]
    fn the_moment_of_the_shutter_comes_first() {
        let original = (Tag::DateTimeOriginal, "2026:05:01 12:30:05");
        let digitized = (Tag::DateTimeDigitized, "2027:01:02 03:04:05");
        let changed = (Tag::DateTime, "2028:01:01 00:00:00");
        assert_eq!(told(&[changed, original, digitized]).as_deref(), Some("2026-05-01T12:30:05"));
        assert_eq!(told(&[changed, digitized]).as_deref(), Some("2027-01-02T03:04:05"));
        assert_eq!(told(&[changed]), None);
    }

    #[test]
    fn the_offset_is_kept_where_there_is_one() {
        let time = (Tag::DateTimeOriginal, "2024:02:29 23:59:59");
        for (offset, end) in
            [("+02:00", "+02:00"), ("-09:30", "-09:30"), ("   :  ", ""), ("+99:00", ""), ("x", "")]
        {
            let told = told(&[time, (Tag::OffsetTimeOriginal, offset)]);
            assert_eq!(told, Some(format!("2024-02-29T23:59:59{end}")), "{offset:?}");
        }
    }

    #[test]
    fn no_time_is_better_than_a_wrong_one() {
        for text in [
            "",
            "    :  :     :  :  ",
            "0000:00:00 00:00:00",
            "2023:02:29 00:00:00",
            "2026:13:01 00:00:00",
            "2026:04:31 00:00:00",
            "2026:01:01 24:00:00",
            "yesterday",
        ] {
            assert_eq!(told(&[(Tag::DateTimeOriginal, text)]), None, "{text:?}");
        }
    }

    #[test]
    fn directories_that_lie_over_each_other_are_not_read_for_each_entry_that_leads_there() {
        // Entries that all lead to a directory of EXIF's own, each to another one among these same entries.
        let entries = 60_000_u32;
        let mut bytes = b"MM\0*\0\0\0\x08".to_vec();
        bytes.extend((entries as u16).to_be_bytes());
        for entry in 0..entries {
            bytes.extend([0x87, 0x69, 0, 4, 0, 0, 0, 1]);
            bytes.extend((8 + 12 * entry).to_be_bytes());
        }
        assert_eq!(time(&bytes), None);
    }

    proptest! {
        #[test]
        fn damaged_exif_is_harmless(at in 0usize..100, value: u8, cut in 0usize..100) {
            let mut bytes = tiff(&[(Tag::DateTimeOriginal, "2026:05:01 12:30:05"), (Tag::OffsetTimeOriginal, "+02:00")]);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            time(&bytes);
        }
    }
}
