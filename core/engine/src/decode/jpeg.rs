//! JPEG (ITU-T T.81): the walk over its markers, and decoding through libjpeg-turbo.
//!
//! A file that is cut short or whose data is corrupt is refused, as libvips does by default, and not shown half
//! grey. What libjpeg calls a warning but leaves the picture whole passes: stray bytes between markers, unknown
//! Adobe or JFIF versions, an unusual order of progressive scans.

use super::head::{Head, Stop};
use super::turbojpeg::{Decompressor, Samples};
use super::{Announced, Decoded, exif, undecodable};
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Orientation};
use crate::limits::{CancelToken, Limits, at_most};
use crate::pixels::{Layout, Pixels};

const SOI: usize = 2;
const EXIF: &[u8] = b"Exif\0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";

const SOF1: u8 = 0xC1;
const SOF2: u8 = 0xC2;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;

/// One marker and where its payload lies.
struct Segment {
    marker: u8,
    at: usize,
    len: usize,
}

impl Segment {
    fn end(&self) -> usize {
        self.at + self.len
    }

    fn payload<'a>(&self, head: &Head<'a>) -> Result<&'a [u8], Stop> {
        head.get(self.at, self.len)
    }
}

pub(super) fn inspect(head: &Head<'_>, limits: &Limits) -> Result<Announced, Stop> {
    let mut orientation = None;
    let mut icc_bytes = 0u64;
    let mut at = SOI;
    loop {
        let segment = next_segment(head, at)?;
        at = segment.end();
        match segment.marker {
            APP1 if orientation.is_none() => {
                let tiff = segment.payload(head)?.strip_prefix(EXIF);
                orientation = tiff.map(exif::orientation);
            }
            APP2 => {
                let part = segment.payload(head)?.strip_prefix(ICC);
                // The number of the part and of all parts come before the profile.
                icc_bytes += part.map_or(0, |part| part.len().saturating_sub(2) as u64);
                at_most("ICC profile in bytes", icc_bytes, limits.max_icc_bytes as u64)?;
            }
            0xC0..=0xC2 | 0xC9 | 0xCA => {
                return frame(head, &segment, orientation.unwrap_or(Orientation::UPRIGHT));
            }
            0xC3 | 0xCB => {
                return Err(head.bad("lossless JPEG is not supported; send baseline or progressive"));
            }
            0xC5..=0xC7 | 0xCD..=0xCF => {
                return Err(head.bad("hierarchical JPEG is not supported; send baseline or progressive"));
            }
            SOS | EOI => return Err(head.bad("it has no frame header before its data")),
            _ => {}
        }
    }
}

/// Bytes a pixel that libjpeg holds: every coefficient of what comes in several scans, in 16 bits, a fourth channel, and
/// samples of more than 8 bits.
pub(super) fn held_bytes(source: &[u8]) -> u64 {
    let head = Head::new(source, true, Format::Jpeg, source.len());
    let (mut in_scans, mut deep, mut components) = (false, false, &[][..]);
    for segment in segments(&head) {
        let Ok(payload) = segment.payload(&head) else { break };
        match segment.marker {
            0xC0..=0xC2 | 0xC9 | 0xCA => {
                in_scans = matches!(segment.marker, 0xC2 | 0xCA);
                deep = payload.first().is_some_and(|&precision| precision > 8);
                components = payload.get(6..).unwrap_or_default();
            }
            SOS => {
                in_scans |= payload.first().is_some_and(|&count| usize::from(count) < components.len() / 3);
                break;
            }
            _ => {}
        }
    }
    let factors =
        || components.chunks_exact(3).map(|each| (u64::from(each[1] >> 4), u64::from(each[1] & 15)));
    let blocks: u64 = factors().map(|(across, down)| across * down).sum();
    let largest = factors().fold((1, 1), |most, each| (most.0.max(each.0), most.1.max(each.1)));
    let coefficients = if in_scans { (2 * blocks).div_ceil(largest.0 * largest.1) } else { 0 };
    let count = components.len() as u64 / 3;
    coefficients + u64::from(count == 4) + if deep { 2 * count } else { 0 }
}

/// How many components the frame of a whole file has; 0 where none is found.
pub(super) fn components(source: &[u8]) -> usize {
    let head = Head::new(source, true, Format::Jpeg, source.len());
    let frame = segments(&head).find(|segment| matches!(segment.marker, 0xC0..=0xC2 | 0xC9 | 0xCA));
    let count = frame.and_then(|frame| frame.payload(&head).ok()?.get(5).copied());
    count.map_or(0, usize::from)
}

/// Reads the frame header.
fn frame(head: &Head<'_>, segment: &Segment, orientation: Orientation) -> Result<Announced, Stop> {
    let payload = segment.payload(head)?;
    let &[precision, h1, h0, w1, w0, components, ..] = payload else {
        return Err(head.bad("its frame header is too short"));
    };
    if !matches!((precision, segment.marker), (8, _) | (12, SOF1 | SOF2)) {
        return Err(head.bad(format!(
            "{precision} bits per sample are not supported; send 8, or 12 with Huffman coding"
        )));
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(head.bad(format!("{components} colour components are not supported; send 1, 3 or 4")));
    }
    if payload.len() != 6 + 3 * usize::from(components) {
        return Err(head.bad("its frame header has a wrong length"));
    }
    Ok(Announced {
        width: u32::from(u16::from_be_bytes([w1, w0])),
        height: u32::from(u16::from_be_bytes([h1, h0])),
        frames: 1,
        orientation,
        alpha: false,
    })
}

/// The next marker at or after `at`. Bytes that belong to no marker are skipped, as every decoder does.
fn next_segment(head: &Head<'_>, mut at: usize) -> Result<Segment, Stop> {
    loop {
        while head.u8(at)? != 0xFF {
            at += 1;
        }
        while head.u8(at)? == 0xFF {
            at += 1;
        }
        let marker = head.u8(at)?;
        at += 1;
        match marker {
            // A stuffed byte, TEM and restart markers stand alone.
            0x00 | 0x01 | 0xD0..=0xD8 => {}
            EOI => return Ok(Segment { marker, at, len: 0 }),
            _ => {
                let len = usize::from(head.u16_be(at)?);
                return match len.checked_sub(2) {
                    Some(len) => Ok(Segment { marker, at: at + 2, len }),
                    None => Err(head.bad("a marker has a length below 2")),
                };
            }
        }
    }
}

/// The segments of a whole file up to its data, as far as they can be followed.
fn segments<'a>(head: &'a Head<'a>) -> impl Iterator<Item = Segment> + 'a {
    let mut at = Some(SOI);
    std::iter::from_fn(move || {
        let segment = next_segment(head, at?).ok()?;
        at = (!matches!(segment.marker, SOS | EOI)).then_some(segment.end());
        Some(segment)
    })
}

/// The EXIF of a whole file: a TIFF structure.
pub(super) fn exif(source: &[u8], limit: usize) -> Option<&[u8]> {
    let head = Head::new(source, true, Format::Jpeg, limit);
    let found = segments(&head)
        .filter(|s| s.marker == APP1)
        .find_map(|s| Some((s.at + EXIF.len(), s.payload(&head).ok()?.strip_prefix(EXIF)?.len())));
    found.and_then(|(at, len)| source.get(at..at + len))
}

/// Puts the parts of the profile together. One that is incomplete is no profile.
pub(super) fn icc(source: &[u8], limits: &Limits) -> Result<Option<Vec<u8>>, Error> {
    let head = Head::new(source, true, Format::Jpeg, limits.max_header_bytes);
    let mut parts: Vec<(u8, u8, &[u8])> = Vec::new();
    let mut total = 0u64;
    for segment in segments(&head).filter(|s| s.marker == APP2) {
        let payload = segment.payload(&head).ok().and_then(|p| p.strip_prefix(ICC));
        if let Some([number, count, part @ ..]) = payload {
            total += part.len() as u64;
            at_most("ICC profile in bytes", total, limits.max_icc_bytes as u64)?;
            parts.push((*number, *count, part));
        }
    }
    parts.sort_by_key(|&(number, ..)| number);
    let whole = parts
        .iter()
        .enumerate()
        .all(|(i, &(number, count, _))| usize::from(number) == i + 1 && usize::from(count) == parts.len());
    Ok((whole && total > 0).then(|| parts.into_iter().flat_map(|(.., part)| part).copied().collect()))
}

pub(super) fn decode(
    source: &[u8],
    header: &Header,
    eighths: u8,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Decoded, Error> {
    let icc = icc(source, limits)?;
    let mut codec = Decompressor::new(limits)?;
    let found = codec.read_header(source)?;
    if (found.width, found.height) != (header.width, header.height) {
        return Err(undecodable(Format::Jpeg, "it has two frame headers that disagree"));
    }
    let layout = match found.samples {
        Samples::Grey => Layout::Grey,
        Samples::Rgb => Layout::Rgb,
        Samples::Cmyk => Layout::Cmyk,
    };
    let scaled = |side: u32| (u64::from(side) * u64::from(eighths)).div_ceil(8) as u32;
    let mut pixels = Pixels::zeroed(scaled(header.width), scaled(header.height), layout);
    cancel.check()?;
    codec.decompress(source, eighths, &mut pixels, has_end(source, limits))?;
    cancel.check()?;
    if layout == Layout::Cmyk {
        // Adobe stores ink inverted (255 is no ink), and so does everyone who writes CMYK JPEG.
        for sample in &mut pixels.data {
            *sample = !*sample;
        }
    }
    Ok(Decoded { pixels, icc })
}

/// Whether the data is closed by an end marker, that is, whether nothing was cut off.
fn has_end(source: &[u8], limits: &Limits) -> bool {
    let head = Head::new(source, true, Format::Jpeg, limits.max_header_bytes);
    let data = segments(&head).last().map_or(source.len(), |s| s.end());
    source.get(data..).is_some_and(|data| data.windows(2).rev().any(|pair| pair == [0xFF, EOI]))
}
