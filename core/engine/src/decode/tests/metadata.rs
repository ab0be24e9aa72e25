//! EXIF and ICC: found and limited, and EXIF kept.

use img_parts::jpeg::Jpeg;
use img_parts::png::Png;
use img_parts::webp::WebP;
use img_parts::{Bytes, ImageEXIF, ImageICC};

use super::*;
use crate::decode::exif::tests::tiff;
use crate::encode::samples::{file, gradient};
use crate::metadata::{self, Kept};
use crate::pixels::Layout;

const CARRIERS: [Format; 3] = [Format::Jpeg, Format::Png, Format::Webp];

fn sample(format: Format) -> Vec<u8> {
    file(&gradient(20, 10, Layout::Rgb), format)
}

fn with(format: Format, exif: Option<Vec<u8>>, icc: Option<Vec<u8>>) -> Vec<u8> {
    fn set<F: ImageEXIF + ImageICC>(mut file: F, exif: Option<Vec<u8>>, icc: Option<Vec<u8>>) -> F {
        file.set_exif(exif.map(Bytes::from));
        file.set_icc_profile(icc.map(Bytes::from));
        file
    }
    let source = Bytes::from(sample(format));
    match format {
        Format::Jpeg => set(Jpeg::from_bytes(source).unwrap(), exif, icc).encoder().bytes().to_vec(),
        Format::Png => set(Png::from_bytes(source).unwrap(), exif, icc).encoder().bytes().to_vec(),
        _ => set(WebP::from_bytes(source).unwrap(), exif, icc).encoder().bytes().to_vec(),
    }
}

/// The result with what is kept of the source's EXIF.
fn keep(source: &[u8], from: Format, kept: Kept, result: Vec<u8>, to: Format) -> Vec<u8> {
    metadata::add(result, to, metadata::exif(source, from, kept), None).unwrap()
}

#[test]
fn all_orientations_are_read() {
    for format in CARRIERS {
        for value in 1..=8u8 {
            let source = with(format, Some(tiff(value.into(), value % 2 == 0)), None);
            let found = header(&source);
            assert_eq!(found.orientation.exif(), value, "{format}");
            assert_eq!(found.upright_size(), if value >= 5 { (10, 20) } else { (20, 10) });
            assert_eq!(arrive(&source, &Limits::default()), Ok(found), "{format}");
            assert_eq!(
                (pixels(&source).width, pixels(&source).height),
                (20, 10),
                "{format} is left as stored"
            );
        }
    }
}

/// Another reader agrees on what was written.
#[test]
fn kept_exif_is_upright() {
    for from in CARRIERS {
        let source = with(from, Some(tiff(6, true)), None);
        for to in CARRIERS {
            let result = keep(&source, from, Kept::All, sample(to), to);
            let exif = ::exif::Reader::new().read_from_container(&mut std::io::Cursor::new(&result)).unwrap();
            let orientation = exif.get_field(::exif::Tag::Orientation, ::exif::In::PRIMARY).unwrap();
            assert_eq!(orientation.value.get_uint(0), Some(1), "{from} to {to}");
            let width = exif.get_field(::exif::Tag::ImageWidth, ::exif::In::PRIMARY).unwrap();
            assert_eq!(width.value.get_uint(0), Some(7), "{from} to {to}");
            assert_eq!(pixels(&result), pixels(&sample(to)), "{from} to {to}");
        }
        for to in [Format::Gif, Format::Avif] {
            assert_eq!(keep(&source, from, Kept::All, sample(to), to), sample(to));
        }
    }
}

/// A TIFF structure as a camera writes it: orientation, who made the picture and whose it is, and where.
fn camera_tiff() -> Vec<u8> {
    let (artist, copyright) = (b"Ann Example\0", b"(c) 2026 Ann Example\0");
    let entry = |tag: u16, kind: u16, count: usize, value: u32| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &(count as u32).to_be_bytes(), &value.to_be_bytes()]
            .concat()
    };
    let (first, gps) = (8 + 2 + 4 * 12 + 4, 8 + 2 + 4 * 12 + 4 + 12 + 22);
    [
        &b"MM\0*\0\0\0\x08\0\x04"[..],
        &entry(0x0112, 3, 1, 6 << 16),
        &entry(0x013B, 2, artist.len(), first),
        &entry(0x8298, 2, copyright.len(), first + 12),
        &entry(0x8825, 4, 1, gps),
        &[0; 4],
        artist,
        copyright,
        b"\0\0\x01",
        &entry(0x0001, 2, 2, u32::from_be_bytes(*b"N\0\0\0")),
        &[0; 4],
    ]
    .concat()
}

/// Read back by another reader: the two texts are there, and nothing else is.
#[test]
fn copyright_is_kept_alone() {
    for from in CARRIERS {
        let source = with(from, Some(camera_tiff()), None);
        assert_eq!(header(&source).orientation.exif(), 6);
        for to in CARRIERS {
            let result = keep(&source, from, Kept::Copyright, sample(to), to);
            let exif = ::exif::Reader::new().read_from_container(&mut std::io::Cursor::new(&result)).unwrap();
            let found: Vec<_> =
                exif.fields().map(|field| (field.tag, field.display_value().to_string())).collect();
            let expected = [
                (::exif::Tag::Artist, "\"Ann Example\"".to_owned()),
                (::exif::Tag::Copyright, "\"(c) 2026 Ann Example\"".to_owned()),
            ];
            assert_eq!(found, expected, "{from} to {to}");
            assert_eq!(pixels(&result), pixels(&sample(to)), "{from} to {to}");
            let all = keep(&source, from, Kept::All, sample(to), to);
            let exif = ::exif::Reader::new().read_from_container(&mut std::io::Cursor::new(&all)).unwrap();
            assert!(exif.get_field(::exif::Tag::GPSLatitudeRef, ::exif::In::PRIMARY).is_some());
        }
        for to in [Format::Gif, Format::Avif] {
            assert_eq!(keep(&source, from, Kept::Copyright, sample(to), to), sample(to));
        }
    }
}

#[test]
fn nothing_to_keep_changes_nothing() {
    for format in Format::ALL {
        let source = sample(format);
        for kept in [Kept::All, Kept::Copyright] {
            assert_eq!(keep(&source, format, kept, source.clone(), format), source);
        }
    }
}

/// Not a profile, but bytes that travel like one.
fn profile(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 % 251) as u8).collect()
}

#[test]
fn profiles_are_found() {
    // More than one JPEG segment holds.
    let icc = profile(150_000);
    for format in CARRIERS {
        let found = open(&with(format, None, Some(icc.clone())), &Limits::default()).unwrap();
        assert_eq!(found.icc.as_deref(), Some(&icc[..]), "{format}");
    }
}

#[test]
fn profiles_over_the_limit_are_refused() {
    let limits = Limits { max_icc_bytes: 1000, ..Limits::default() };
    for format in CARRIERS {
        let within = with(format, None, Some(profile(1000)));
        assert!(open(&within, &limits).unwrap().icc.is_some(), "{format}");
        // Zeros, so that the compressed form in a PNG is far below the limit.
        let over = with(format, None, Some(vec![0; 1001]));
        let found = open(&over, &limits).unwrap_err();
        assert!(
            matches!(found, Error::LimitExceeded { what: "ICC profile in bytes", .. }),
            "{format}: {found}"
        );
    }
}

#[test]
fn profiles_with_a_part_missing_are_no_profiles() {
    let source = with(Format::Jpeg, None, Some(profile(150_000)));
    let at = source.windows(12).rposition(|w| w == b"ICC_PROFILE\0").unwrap();
    let mut broken = source;
    broken[at + 12] = 9;
    assert_eq!(open(&broken, &Limits::default()).unwrap().icc, None);
}

/// A picture whose EXIF lies too far back is upright, in pieces and as a whole alike.
#[test]
fn webp_orientation_ends_at_the_header_limit() {
    let source = with(Format::Webp, Some(tiff(6, false)), None);
    for max_header_bytes in [source.len(), source.len() - 1] {
        let limits = Limits { max_header_bytes, ..Limits::default() };
        let wanted = if max_header_bytes == source.len() { 6 } else { 1 };
        assert_eq!(arrive(&source, &limits).unwrap().orientation.exif(), wanted);
        let Ok(Inspection::Ready(whole)) = inspect(&source, true, &limits) else { panic!("no header") };
        assert_eq!(whole.orientation.exif(), wanted);
    }
}
