//! JPEG beyond the plain: CMYK, scans, scales, damage.

use super::*;
use crate::decode::baseline::Frame;
use crate::encode::samples::{
    arithmetic_jpeg, cmyk_jpeg, deep_jpeg, file, gradient, progressive_jpeg, unconverted_jpeg,
};
use crate::pixels::Layout;

#[test]
fn cmyk_is_ink_with_zero_for_none() {
    let ink = gradient(40, 24, Layout::Cmyk);
    let found = pixels(&cmyk_jpeg(&ink));
    assert!(distance(&found, &ink) <= 16);
    let blank = Pixels::zeroed(8, 8, Layout::Cmyk);
    assert!(distance(&pixels(&cmyk_jpeg(&blank)), &blank) <= 2);
}

/// Without a word of the colours by Adobe's marker they would be taken for others.
#[test]
fn samples_that_are_stored_as_they_are_keep_their_colours() {
    let original = gradient(50, 30, Layout::Rgb);
    let source = unconverted_jpeg(&original);
    assert!(Frame::parse(&source).is_err());
    assert!(distance(&pixels(&source), &original) <= 8);
    let request: crate::Transformation = serde_json::from_str(r#"{"width":25,"quality":95}"#).unwrap();
    let output = crate::transform(&source, None, &request, &Limits::default(), &CancelToken::new()).unwrap();
    assert!(distance(&pixels(&output.bytes), &gradient(25, 15, Layout::Rgb)) <= 24);

    let ink = gradient(40, 24, Layout::Cmyk);
    let mut inverted = ink.clone();
    inverted.data.iter_mut().for_each(|sample| *sample = !*sample);
    assert!(distance(&pixels(&unconverted_jpeg(&inverted)), &ink) <= 8);
}

#[test]
fn arithmetic_coding_equals_huffmans() {
    let original = gradient(50, 30, Layout::Rgb);
    let source = arithmetic_jpeg(&original);
    assert!(Frame::parse(&source).is_err());
    assert_eq!(pixels(&source), pixels(&file(&original, Format::Jpeg)));
}

#[test]
fn progressive_equals_baseline() {
    let original = gradient(50, 30, Layout::Rgb);
    let baseline = pixels(&file(&original, Format::Jpeg));
    assert_eq!(pixels(&progressive_jpeg(&original)), baseline);
}

#[test]
fn twelve_bits_are_rounded_to_eight() {
    for layout in [Layout::Grey, Layout::Rgb, Layout::Cmyk] {
        let original = gradient(50, 30, layout);
        for progressive in [false, true] {
            let source = deep_jpeg(&original, progressive);
            assert!(Frame::parse(&source).is_err());
            assert!(distance(&pixels(&source), &original) <= 12, "{layout:?}, progressive: {progressive}");
            let half = decode(&source, &header(&source), 4, &Limits::default(), &CancelToken::new());
            assert!(distance(&half.unwrap().pixels, &gradient(25, 15, layout)) <= 24, "{layout:?}");
            for cut in [source.len() / 2, source.len() - 3] {
                let found = open(&source[..cut], &Limits::default());
                assert!(
                    matches!(found, Err(Error::Undecodable { .. })),
                    "{layout:?}, {cut} bytes: {found:?}"
                );
            }
        }
    }
    let white = Pixels::from_data(16, 16, Layout::Rgb, vec![255; 768]);
    assert_eq!(pixels(&deep_jpeg(&white, false)), white);
}

#[test]
fn scans_are_limited() {
    let limits = Limits { max_scans: 2, ..Limits::default() };
    let found = open(&progressive_jpeg(&gradient(50, 30, Layout::Rgb)), &limits).unwrap_err();
    assert_eq!(found, Error::LimitExceeded { what: "number of JPEG scans", actual: 3, limit: 2 });
}

/// A progressive picture is held as coefficients, which is what the limit is for.
#[test]
fn memory_is_limited() {
    let limits = Limits { max_memory_bytes: 1 << 20, ..Limits::default() };
    let original = gradient(600, 600, Layout::Rgb);
    let found = open(&progressive_jpeg(&original), &limits).unwrap_err();
    assert!(matches!(found, Error::LimitExceeded { what: "memory to decode in bytes", .. }), "{found}");
    assert!(open(&file(&original, Format::Jpeg), &limits).is_ok());
}

#[test]
fn scaled_sides_are_rounded_up() {
    for (width, height) in [(1, 1), (7, 9), (33, 65), (50, 30)] {
        let source = file(&gradient(width, height, Layout::Rgb), Format::Jpeg);
        for &eighths in scales(Format::Jpeg) {
            let found = decode(&source, &header(&source), eighths, &Limits::default(), &CancelToken::new());
            let found = found.unwrap().pixels;
            let scaled = |side: u32| (side * u32::from(eighths)).div_ceil(8);
            assert_eq!((found.width, found.height), (scaled(width), scaled(height)), "{eighths}/8");
        }
    }
}

#[test]
fn a_scaled_picture_is_the_same_picture() {
    let source = file(&gradient(64, 64, Layout::Rgb), Format::Jpeg);
    for &eighths in scales(Format::Jpeg) {
        let found = decode(&source, &header(&source), eighths, &Limits::default(), &CancelToken::new());
        let side = 8 * u32::from(eighths);
        let wanted = gradient(side, side, Layout::Rgb);
        let worst = distance(&found.unwrap().pixels, &wanted);
        assert!(worst <= 24, "{eighths}/8: off by {worst}");
    }
}

#[test]
fn other_scales_are_a_bug_of_the_caller() {
    let source = file(&gradient(8, 8, Layout::Rgb), Format::Jpeg);
    for eighths in [0, 9] {
        let found = decode(&source, &header(&source), eighths, &Limits::default(), &CancelToken::new());
        assert!(matches!(found, Err(Error::Bug(_))));
    }
}

#[test]
fn stray_bytes_before_the_end_marker_are_harmless() {
    let clean = file(&gradient(24, 24, Layout::Rgb), Format::Jpeg);
    let mut dirty = clean.clone();
    let end = dirty.len() - 2;
    dirty.splice(end..end, [0, 0, 0, 0]);
    assert_eq!(pixels(&dirty), pixels(&clean));
    // After the end marker anything may follow.
    dirty.extend(b"trailer");
    assert_eq!(pixels(&dirty), pixels(&clean));
}

#[test]
fn stray_bytes_between_segments_are_harmless() {
    let clean = file(&gradient(24, 24, Layout::Rgb), Format::Jpeg);
    let mut dirty = clean.clone();
    dirty.splice(20..20, [0, 0, 7]);
    assert_eq!(header(&dirty), header(&clean));
    assert_eq!(pixels(&dirty), pixels(&clean));
}

#[test]
fn damage_behind_a_harmless_flaw_is_still_seen() {
    let mut source = file(&gradient(24, 24, Layout::Rgb), Format::Jpeg);
    source.splice(20..20, [0, 0, 7]);
    source.truncate(source.len() - 40);
    assert!(matches!(open(&source, &Limits::default()), Err(Error::Undecodable { .. })));
}

#[test]
fn lengths_below_two_are_refused() {
    let found = inspect(b"\xFF\xD8\xFF\xE0\x00\x01\xFF\xC0", true, &Limits::default());
    assert!(matches!(found, Err(Error::Undecodable { .. })));
}
