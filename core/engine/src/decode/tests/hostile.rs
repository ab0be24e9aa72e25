//! Any bytes give a picture or a typed error: no panic, no hang, no memory beyond the limits.

use proptest::prelude::*;

use super::*;
use crate::encode::samples::{cmyk_jpeg, file, gradient, progressive_jpeg, vp8x, webp};
use crate::pixels::Layout;

/// Tight, so that a mutated size is refused and not allocated.
fn limits() -> Limits {
    Limits { max_pixels: 1 << 20, max_side: 2048, max_memory_bytes: 64 << 20, ..Limits::default() }
}

/// Runs everything that reads foreign bytes.
fn exercise(source: &[u8]) {
    for complete in [false, true] {
        match inspect(source, complete, &limits()) {
            Ok(Inspection::NeedMore(bytes)) => assert!(!complete && bytes > source.len()),
            Ok(Inspection::Ready(header)) => {
                assert!(header.width > 0 && header.height > 0);
                for &eighths in scales(header.format) {
                    if let Ok(found) = decode(source, &header, eighths, &limits(), &CancelToken::new()) {
                        let scaled = |side: u32| (side * u32::from(eighths)).div_ceil(8);
                        let size = (found.pixels.width, found.pixels.height);
                        assert_eq!(size, (scaled(header.width), scaled(header.height)));
                    }
                }
                exif_of(source, header.format, 1 << 20);
            }
            Err(Error::Bug(detail)) => panic!("blamed on the engine: {detail}"),
            Err(_) => {}
        }
    }
}

fn samples() -> Vec<Vec<u8>> {
    let rgb = gradient(19, 14, Layout::Rgb);
    let rgba = gradient(19, 14, Layout::Rgba);
    let mut files: Vec<Vec<u8>> = Format::ALL.into_iter().map(|format| file(&rgb, format)).collect();
    files.extend([Format::Png, Format::Webp, Format::Avif, Format::Gif].map(|format| file(&rgba, format)));
    files.push(progressive_jpeg(&rgb));
    files.push(cmyk_jpeg(&gradient(9, 9, Layout::Cmyk)));
    files
}

/// Signatures, so that random bytes get past the first check.
const STARTS: [&[u8]; 6] = [
    b"\xFF\xD8\xFF",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"GIF89a",
    b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0",
    b"RIFF\x40\0\0\0WEBPVP8L",
    b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(start in prop::sample::select(&STARTS[..]), rest in prop::collection::vec(any::<u8>(), 0..300)) {
        exercise(&[start, &rest].concat());
        exercise(&rest);
    }

    #[test]
    fn mutated_files(
        source in prop::sample::select(samples()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let mut source = source;
        for (index, value) in changes {
            let at = index.index(source.len());
            source[at] = value;
        }
        if let Some(cut) = cut {
            source.truncate(cut.index(source.len()));
        }
        exercise(&source);
    }
}

#[test]
fn tiny_files_with_huge_sizes_are_refused() {
    // 28 bytes that announce 16383 x 16383.
    let mut lossy = webp(&[b"VP8 \x08\0\0\0\x30\x01\x00\x9d\x01\x2a\xff\x3f\xff\x3f".to_vec()]);
    lossy.truncate(28);
    let lossless = webp(&[b"VP8L\x08\0\0\0\x2f\xff\xff\xff\x0f\0\0\0".to_vec()]);
    let extended = webp(&[vp8x(0, 1 << 24, 1 << 24)]);
    let gif = b"GIF89a\xff\xff\xff\xff\0\0\0;".to_vec();
    for source in [lossy, lossless, extended, gif] {
        let found = open(&source, &Limits::default()).unwrap_err();
        assert!(matches!(found, Error::LimitExceeded { .. } | Error::Undecodable { .. }), "{found}");
    }
}

/// libaom is never asked for more than the limits, whatever the container says.
#[test]
fn avif_data_larger_than_its_container_says_is_refused() {
    let small = file(&gradient(64, 64, Layout::Rgb), Format::Avif);
    let limits = Limits { max_pixels: 32 * 32, ..Limits::default() };
    // The container's size, patched below the limit: ispe holds two times 64.
    let mut source = small;
    let at = source.windows(4).position(|w| w == b"ispe").unwrap() + 8;
    source[at..at + 8].copy_from_slice(&[0, 0, 0, 32, 0, 0, 0, 32]);
    let found = open(&source, &limits).unwrap_err();
    assert_eq!(found, Error::LimitExceeded { what: "image area in pixels", actual: 64 * 64, limit: 32 * 32 });
}

/// Nor for more than memory was planned for, where the limits would allow it.
#[test]
fn avif_data_larger_than_the_picture_is_refused_before_it_is_decoded() {
    let mut source = file(&gradient(1040, 16, Layout::Rgb), Format::Avif);
    let at = source.windows(4).position(|w| w == b"ispe").unwrap() + 8;
    source[at..at + 8].copy_from_slice(&[0, 0, 0, 32, 0, 0, 0, 16]);
    let found = open(&source, &Limits::default()).unwrap_err();
    assert!(found.to_string().contains("another size"), "{found}");
}

#[test]
fn what_is_no_image_is_named() {
    for (source, word) in [
        (&b""[..], "empty"),
        (b"hello there, this is text", "text"),
        (b"<html><body>502 Bad Gateway</body></html>", "HTML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"%PDF-1.7 and so on and on", "PDF"),
    ] {
        match inspect(source, true, &Limits::default()) {
            Err(Error::Unsupported { detail }) => assert!(detail.contains(word), "{detail}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(inspect(b"", false, &Limits::default()), Ok(Inspection::NeedMore(SNIFF_BYTES)));
}
