//! Pictures for tests, and the kinds of file that the engine reads but does not write.

use std::io::Write as _;

use super::turbojpeg::Compressor;
use super::{Encoding, encode};
use crate::format::Format;
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};

/// Smooth gradients, a different one in each channel, with alpha from clear to solid.
pub(crate) fn gradient(width: u32, height: u32, layout: Layout) -> Pixels {
    let mut pixels = Pixels::zeroed(width, height, layout);
    let channels = layout.channels();
    let ramp = |i: u32, n: u32| (i * 255 / n.max(2).saturating_sub(1)) as u8;
    for (i, sample) in pixels.data.iter_mut().enumerate() {
        let (pixel, channel) = ((i / channels) as u32, i % channels);
        let (x, y) = (pixel % width, pixel / width);
        *sample = match channel {
            0 => ramp(x, width),
            1 => ramp(y, height),
            2 => ramp(width - 1 - x, width),
            _ => ramp(x + y, width + height),
        };
    }
    pixels
}

/// A file of this picture; lossless where the format can.
pub(crate) fn file(pixels: &Pixels, format: Format) -> Vec<u8> {
    let encoding = Encoding { lossless: true, ..Encoding::new(format, 95) };
    encode(pixels, &encoding, None, &CancelToken::new()).unwrap()
}

pub(crate) fn progressive_jpeg(pixels: &Pixels) -> Vec<u8> {
    let mut codec = Compressor::new().unwrap().progressive().unwrap();
    codec.compress(pixels, 95, true).unwrap()
}

/// A JPEG with samples of 12 bits; ink inverted, as Adobe does.
pub(crate) fn deep_jpeg(pixels: &Pixels, progressive: bool) -> Vec<u8> {
    let mut codec = Compressor::new().unwrap();
    if progressive {
        codec = codec.progressive().unwrap();
    }
    let deep = |&sample: &u8| {
        let sample = if pixels.layout == Layout::Cmyk { !sample } else { sample };
        (i32::from(sample) * 4095 / 255) as i16
    };
    let samples: Vec<i16> = pixels.data.iter().map(deep).collect();
    codec.deep((pixels.width, pixels.height), pixels.layout, &samples).unwrap()
}

/// A JPEG whose samples are stored as they are.
pub(crate) fn unconverted_jpeg(pixels: &Pixels) -> Vec<u8> {
    Compressor::new().unwrap().unconverted(pixels.layout).unwrap().compress(pixels, 95, true).unwrap()
}

/// A JPEG with arithmetic coding.
pub(crate) fn arithmetic_jpeg(pixels: &Pixels) -> Vec<u8> {
    Compressor::new().unwrap().arithmetic().unwrap().compress(pixels, 95, true).unwrap()
}

/// Every chroma sampling of libjpeg-turbo's list: 4:4:4, 4:2:2, 4:2:0, grey, 4:4:0, 4:1:1 and 4:4:1.
pub(crate) const SAMPLINGS: [i32; 7] = [0, 1, 2, 3, 4, 5, 6];

/// A baseline JPEG with this chroma sampling (of [`SAMPLINGS`]), a restart marker after so many MCUs, and with `tight`
/// with its own Huffman tables.
pub(crate) fn sampled_jpeg(
    pixels: &Pixels,
    quality: u8,
    sampling: i32,
    restart: u16,
    tight: bool,
) -> Vec<u8> {
    let mut codec = Compressor::new().unwrap();
    codec.sampled(pixels, quality, sampling, restart, tight).unwrap()
}

/// Smooth waves with a few edges and a little noise: something like a photograph, different in every corner.
pub(crate) fn photo(width: u32, height: u32) -> Pixels {
    let mut pixels = Pixels::zeroed(width, height, Layout::Rgb);
    let mut noise = 0x2545_F491_u32;
    for (i, sample) in pixels.data.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = ((i as u32 % width) as f32, (i as u32 / width) as f32);
        let (u, v) = (x / width as f32, y / height as f32);
        let wave = (u * 19.0).sin() * (v * 13.0 + u * 5.0).cos() * 35.0;
        let disc = if (u - 0.3).hypot(v - 0.6) < 0.2 { 50.0 } else { 0.0 };
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        let level = |base: f32| (base + wave + disc + (noise & 7) as f32).clamp(0.0, 255.0) as u8;
        *sample = [level(30.0 + u * 150.0), level(40.0 + v * 130.0), level(160.0 - u * 60.0 - v * 60.0)];
    }
    pixels
}

/// Noise: every sample for itself.
pub(crate) fn noise(width: u32, height: u32, layout: Layout) -> Pixels {
    let mut pixels = Pixels::zeroed(width, height, layout);
    let mut noise = width * 31 + height;
    for sample in &mut pixels.data {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample = (noise >> 24) as u8;
    }
    pixels
}

/// The same JPEG with an EXIF segment that says how it must be turned.
pub(crate) fn oriented(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE1];
    bytes.extend((exif.len() as u16 + 2).to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&jpeg[2..]);
    bytes
}

/// Ink as in [`Layout::Cmyk`]; written inverted, as Adobe does.
pub(crate) fn cmyk_jpeg(ink: &Pixels) -> Vec<u8> {
    let mut inverted = ink.clone();
    inverted.data.iter_mut().for_each(|sample| *sample = !*sample);
    Compressor::new().unwrap().compress(&inverted, 95, true).unwrap()
}

/// A PNG from its parts: every chunk but IEND, which is added.
pub(crate) fn png(chunks: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks.iter().chain([&(*b"IEND", Vec::new())]) {
        out.extend((data.len() as u32).to_be_bytes());
        let body = [&kind[..], data].concat();
        out.write_all(&body).unwrap();
        out.extend(crate::decode::crc32(&body).to_be_bytes());
    }
    out
}

/// The IHDR chunk.
pub(crate) fn ihdr(width: u32, height: u32, depth: u8, colour: u8, interlaced: bool) -> ([u8; 4], Vec<u8>) {
    let mut data = [width.to_be_bytes(), height.to_be_bytes()].concat();
    data.extend([depth, colour, 0, 0, u8::from(interlaced)]);
    (*b"IHDR", data)
}

/// The IDAT chunk with these rows, unfiltered.
pub(crate) fn idat(rows: &[Vec<u8>]) -> ([u8; 4], Vec<u8>) {
    let raw: Vec<u8> = rows.iter().flat_map(|row| [&[0], &row[..]].concat()).collect();
    (*b"IDAT", fdeflate::compress_to_vec(&raw))
}

/// A RIFF chunk with its padding.
pub(crate) fn riff(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = [&kind[..], &(data.len() as u32).to_le_bytes(), data].concat();
    out.resize(out.len() + data.len() % 2, 0);
    out
}

/// A WebP file with these chunks.
pub(crate) fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff(*b"RIFF", &[b"WEBP".to_vec(), chunks.concat()].concat())
}

/// The VP8X chunk.
pub(crate) fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let u24 = |n: u32| n.to_le_bytes()[..3].to_vec();
    riff(*b"VP8X", &[vec![flags, 0, 0, 0], u24(width - 1), u24(height - 1)].concat())
}
