//! What every format must do.

use super::*;
use crate::encode::samples::{file, gradient, progressive_jpeg, vp8x, webp};
use crate::encode::{Encoding, encode};
use crate::pixels::Layout;

const SIZES: [(u32, u32); 4] = [(1, 1), (17, 9), (64, 48), (3, 70)];

fn layouts(format: Format) -> &'static [Layout] {
    match format {
        Format::Jpeg => &[Layout::Grey, Layout::Rgb],
        _ => &[Layout::Grey, Layout::GreyAlpha, Layout::Rgb, Layout::Rgba],
    }
}

/// What comes back: WebP has no grey, GIF nothing but a palette with transparency.
fn expected(original: &Pixels, format: Format) -> Pixels {
    let layout = match (format, original.layout) {
        (Format::Webp, Layout::Grey) => Layout::Rgb,
        (Format::Webp, Layout::GreyAlpha) | (Format::Gif, _) => Layout::Rgba,
        (_, layout) => layout,
    };
    let mut widened = crate::encode::expand::to(original, layout);
    if layout == original.layout {
        widened = std::borrow::Cow::Borrowed(original);
    }
    widened.into_owned()
}

#[test]
fn alpha_that_the_header_of_a_webp_denies_does_not_count() {
    let plain = file(&gradient(40, 30, Layout::Rgba), Format::Webp);
    for (flags, layout) in [(0, Layout::Rgb), (0x10, Layout::Rgba)] {
        let source = webp(&[vp8x(flags, 40, 30), plain[12..].to_vec()]);
        assert_eq!(pixels(&source).layout, layout);
        let jpeg: crate::Transformation = serde_json::from_str(r#"{"format":"jpeg"}"#).unwrap();
        let (limits, cancel) = (Limits::default(), CancelToken::new());
        crate::transform(&source, None, &jpeg, &limits, &cancel).unwrap();
    }
}

#[test]
fn lossless_formats_give_back_every_sample() {
    for format in [Format::Png, Format::Webp, Format::Avif] {
        for &layout in layouts(format) {
            for (width, height) in SIZES {
                let original = gradient(width, height, layout);
                let found = pixels(&file(&original, format));
                assert_eq!(found, expected(&original, format), "{format} {layout:?} {width}x{height}");
            }
        }
    }
}

#[test]
fn lossy_formats_stay_close() {
    for (format, tolerance) in [(Format::Jpeg, 12), (Format::Webp, 24), (Format::Avif, 24)] {
        for &layout in layouts(format) {
            let original = gradient(64, 48, layout);
            let encoding = Encoding::new(format, 95);
            let bytes = encode(&original, &encoding, None, &CancelToken::new()).unwrap();
            let mut wanted = expected(&original, format);
            let mut found = pixels(&bytes);
            // Colour under a clear pixel may be anything.
            for picture in [&mut wanted, &mut found].into_iter().filter(|p| p.layout.has_alpha()) {
                let n = picture.layout.channels();
                for pixel in picture.data.chunks_exact_mut(n) {
                    let alpha = u32::from(pixel[n - 1]);
                    pixel[..n - 1].iter_mut().for_each(|c| *c = (u32::from(*c) * alpha / 255) as u8);
                }
            }
            let worst = distance(&found, &wanted);
            assert!(worst <= tolerance, "{format} {layout:?}: off by {worst}");
        }
    }
}

#[test]
fn headers_tell_size_and_alpha() {
    for format in Format::ALL {
        for &layout in layouts(format) {
            let source = file(&gradient(33, 20, layout), format);
            let found = header(&source);
            assert_eq!((found.format, found.width, found.height), (format, 33, 20));
            assert_eq!(found.orientation, Orientation::UPRIGHT);
            assert_eq!(found.alpha, layout.has_alpha() || format == Format::Gif, "{format} {layout:?}");
            assert_eq!(arrive(&source, &Limits::default()), Ok(found), "{format}");
        }
    }
}

#[test]
fn higher_quality_takes_more_bytes() {
    let original = gradient(64, 64, Layout::Rgb);
    for format in [Format::Jpeg, Format::Webp, Format::Avif] {
        let size = |quality| {
            encode(&original, &Encoding::new(format, quality), None, &CancelToken::new()).unwrap().len()
        };
        assert!(size(10) < size(95), "{format}");
    }
}

#[test]
fn same_input_same_bytes() {
    for format in Format::ALL {
        for &layout in layouts(format) {
            let original = gradient(37, 23, layout);
            for lossless in [false, true] {
                let encoding = Encoding { lossless, ..Encoding::new(format, default_or_any(format)) };
                let once = encode(&original, &encoding, None, &CancelToken::new()).unwrap();
                let again = encode(&original, &encoding, None, &CancelToken::new()).unwrap();
                assert!(once == again, "{format} {layout:?} encodes differently the second time");
                assert_eq!(pixels(&once), pixels(&once), "{format} {layout:?}");
            }
        }
    }
}

fn default_or_any(format: Format) -> u8 {
    crate::encode::default_quality(format)
}

#[test]
fn a_cancelled_token_stops_everything() {
    let cancel = CancelToken::new();
    cancel.cancel();
    let original = gradient(16, 16, Layout::Rgb);
    for format in Format::ALL {
        let encoding = Encoding::new(format, 80);
        assert_eq!(encode(&original, &encoding, None, &cancel), Err(Error::Cancelled), "{format}");
        let source = file(&original, format);
        let found = decode(&source, &header(&source), 8, &Limits::default(), &cancel);
        assert_eq!(found.unwrap_err(), Error::Cancelled, "{format}");
    }
}

#[test]
fn source_limits_hold_before_pixels() {
    let narrow = Limits { max_side: 31, ..Limits::default() };
    let few = Limits { max_pixels: 1023, ..Limits::default() };
    for format in Format::ALL {
        let source = file(&gradient(32, 32, Layout::Rgb), format);
        for limits in [&narrow, &few] {
            let found = arrive(&source, limits).unwrap_err();
            assert!(matches!(found, Error::LimitExceeded { .. }), "{format}: {found}");
            let found = decode(&source, &header(&source), 8, limits, &CancelToken::new());
            assert!(matches!(found, Err(Error::LimitExceeded { .. })), "{format}");
        }
        let short = Limits { max_header_bytes: 12, ..Limits::default() };
        assert!(matches!(arrive(&source, &short), Err(Error::LimitExceeded { .. })), "{format}");
    }
}

#[test]
fn results_too_large_for_their_format_are_refused() {
    let wide = Pixels::zeroed(16_384, 1, Layout::Grey);
    let encoding = Encoding::new(Format::Webp, 80);
    let found = encode(&wide, &encoding, None, &CancelToken::new());
    assert_eq!(
        found,
        Err(Error::LimitExceeded { what: "side of a WebP result in pixels", actual: 16_384, limit: 16_383 })
    );
}

#[test]
fn jpeg_without_a_place_for_alpha_says_so() {
    let encoding = Encoding::new(Format::Jpeg, 80);
    let found = encode(&gradient(4, 4, Layout::Rgba), &encoding, None, &CancelToken::new());
    assert!(matches!(found, Err(Error::Bug(_))));
}

#[test]
fn every_truncation_is_a_typed_error_or_a_picture() {
    let original = gradient(12, 10, Layout::Rgb);
    let mut files: Vec<Vec<u8>> = Format::ALL.into_iter().map(|format| file(&original, format)).collect();
    files.push(progressive_jpeg(&original));
    for source in files {
        let whole = header(&source);
        for end in 0..source.len() {
            let part = &source[..end];
            match open(part, &Limits::default()) {
                Ok(found) => assert_eq!((found.pixels.width, found.pixels.height), (12, 10)),
                Err(Error::Unsupported { .. }) => assert!(end < 16),
                Err(Error::Undecodable { format, .. }) => assert_eq!(format, whole.format),
                Err(other) => panic!("{} cut at {end}: {other}", whole.format),
            }
            // With more to come, a header is told right or asked for.
            match inspect(part, false, &Limits::default()).unwrap() {
                Inspection::Ready(found) => assert_eq!(found, whole),
                Inspection::NeedMore(bytes) => assert!(bytes > end),
            }
        }
    }
}

/// Half of the pixel data is never shown as if it were a picture.
#[test]
fn half_a_file_is_refused() {
    let original = gradient(64, 64, Layout::Rgb);
    for format in Format::ALL {
        let source = file(&original, format);
        let found = open(&source[..source.len() / 2], &Limits::default());
        assert!(matches!(found, Err(Error::Undecodable { .. })), "{format}");
    }
}
