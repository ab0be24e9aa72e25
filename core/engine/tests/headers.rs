//! Headers written by hand, byte by byte, and read through the public door.

use pixmill_engine::{Error, Format, Header, Inspection, Limits, inspect};

/// SOI, JFIF, then this frame header, as far as it matters.
fn jpeg(sof: u8, precision: u8, width: u16, height: u16, components: u8) -> Vec<u8> {
    let mut out = b"\xFF\xD8\xFF\xE0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
    out.extend([0xFF, sof, 0, 8 + 3 * components, precision]);
    out.extend(height.to_be_bytes());
    out.extend(width.to_be_bytes());
    out.push(components);
    out.extend((0..components).flat_map(|i| [i + 1, 0x11, 0]));
    out
}

fn riff(chunk: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = b"RIFF".to_vec();
    out.extend((12 + data.len() as u32).to_le_bytes());
    out.extend(b"WEBP");
    out.extend(chunk);
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

fn gif(width: u16, height: u16) -> Vec<u8> {
    let mut out = b"GIF89a".to_vec();
    out.extend(width.to_le_bytes());
    out.extend(height.to_le_bytes());
    out.extend([0, 0, 0, 0x3B]);
    out
}

fn ready(source: &[u8]) -> Header {
    match inspect(source, true, &Limits::default()) {
        Ok(Inspection::Ready(header)) => header,
        other => panic!("no header but {other:?}"),
    }
}

fn refused(source: &[u8]) -> Error {
    match inspect(source, true, &Limits::default()) {
        Err(error) => error,
        Ok(other) => panic!("not refused but {other:?}"),
    }
}

#[test]
fn sizes_are_read() {
    let lossy = riff(*b"VP8 ", b"\x30\x01\x00\x9d\x01\x2a\x40\x01\xf0\x00");
    // 320 - 1, 240 - 1 and the alpha bit in little-endian bits.
    let (width, height): (u32, u32) = (319, 239);
    let bits = width | height << 14 | 1 << 28;
    let lossless = riff(*b"VP8L", &[&[0x2F], &bits.to_le_bytes()[..]].concat());
    let extended = riff(*b"VP8X", &[0x10, 0, 0, 0, 0x3F, 1, 0, 0xEF, 0, 0]);
    for (source, format, alpha) in [
        (jpeg(0xC0, 8, 320, 240, 3), Format::Jpeg, false),
        (jpeg(0xC2, 8, 320, 240, 1), Format::Jpeg, false),
        (gif(320, 240), Format::Gif, true),
        (lossy, Format::Webp, false),
        (lossless, Format::Webp, true),
        (extended, Format::Webp, true),
    ] {
        let found = ready(&source);
        assert_eq!((found.format, found.width, found.height, found.alpha), (format, 320, 240, alpha));
    }
}

#[test]
fn a_side_of_zero_is_undecodable() {
    for source in [jpeg(0xC0, 8, 0, 5, 3), jpeg(0xC0, 8, 5, 0, 3), gif(0, 5), gif(5, 0)] {
        assert!(matches!(refused(&source), Error::Undecodable { .. }));
    }
}

#[test]
fn kinds_of_jpeg_that_nobody_sends_are_refused_by_name() {
    for (source, word) in [
        (jpeg(0xC3, 8, 5, 5, 3), "lossless"),
        (jpeg(0xC5, 8, 5, 5, 3), "hierarchical"),
        (jpeg(0xC0, 12, 5, 5, 3), "12 bits"),
        (jpeg(0xC1, 16, 5, 5, 3), "16 bits"),
        (jpeg(0xC0, 8, 5, 5, 2), "2 colour components"),
    ] {
        let message = refused(&source).to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn sizes_over_the_limits_are_told() {
    let found = refused(&jpeg(0xC0, 8, 20_000, 1, 3));
    assert_eq!(found, Error::LimitExceeded { what: "image side in pixels", actual: 20_000, limit: 16_384 });
    let found = refused(&gif(16_000, 16_000));
    assert_eq!(
        found,
        Error::LimitExceeded { what: "image area in pixels", actual: 256_000_000, limit: 100_000_000 }
    );
}

#[test]
fn riff_sizes_must_agree() {
    let good = riff(*b"VP8X", &[0; 10]);
    assert_eq!(ready(&good).width, 1);
    let mut chunk_too_long = good.clone();
    chunk_too_long[16] = 200;
    assert!(matches!(refused(&chunk_too_long), Error::Undecodable { .. }));
    let mut file_too_short = good;
    file_too_short[4] = 200;
    let message = refused(&file_too_short).to_string();
    assert!(message.contains("30 of 208 bytes"), "{message}");
}

#[test]
fn a_profile_over_the_limit_is_seen_in_the_header() {
    let mut source = jpeg(0xC0, 8, 5, 5, 3);
    let part = [&b"\xFF\xE2\x27\x12ICC_PROFILE\0\x01\x01"[..], &[0; 10_000 - 14]].concat();
    source.splice(2..2, part);
    let limits = Limits { max_icc_bytes: 9_000, ..Limits::default() };
    let found = inspect(&source, true, &limits);
    assert_eq!(
        found,
        Err(Error::LimitExceeded { what: "ICC profile in bytes", actual: 9_986, limit: 9_000 })
    );
}

#[test]
fn long_headers_are_refused_before_they_are_read() {
    // Segment after segment of 64 kB; only their lengths matter.
    let mut source = b"\xFF\xD8".to_vec();
    for _ in 0..200 {
        source.extend(b"\xFF\xE5\xFF\xFF");
        source.resize(source.len() + 0xFFFD, 0);
    }
    let found = inspect(&source, false, &Limits::default());
    assert!(matches!(found, Err(Error::LimitExceeded { what: "header size in bytes", .. })), "{found:?}");
}

#[test]
fn a_prefix_asks_for_what_it_needs() {
    let source = jpeg(0xC0, 8, 320, 240, 3);
    let mut have = 0;
    let mut rounds = 0;
    while have <= source.len() {
        match inspect(&source[..have], false, &Limits::default()).unwrap() {
            Inspection::Ready(header) => {
                assert_eq!((header.width, header.height), (320, 240));
                return;
            }
            Inspection::NeedMore(bytes) => {
                assert!(bytes > have);
                have = bytes;
                rounds += 1;
            }
        }
    }
    panic!("not ready after {rounds} rounds and the whole header");
}

#[test]
fn errors_have_codes_and_say_what_would_be_right() {
    let error = refused(b"#!/bin/sh\n");
    assert_eq!(error.code(), "unsupported_format");
    assert!(error.to_string().contains("it looks like text; send JPEG, PNG, WebP, GIF or AVIF"), "{error}");
    assert_eq!(refused(b"GIF89a").code(), "undecodable");
    assert_eq!(refused(&gif(60_000, 60_000)).code(), "limit_exceeded");
}
