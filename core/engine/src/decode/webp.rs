//! WebP (RFC 9649), lossy and lossless; of an animation, the first frame on a transparent canvas, or one frame after
//! another.
//!
//! EXIF lies behind the pixels, so its orientation is known once that many bytes are there. One that ends past
//! `Limits::max_header_bytes` is not looked for, however much of the file is at hand, so that an upload in pieces
//! and the whole file are read alike.

use super::animation::{Disposal, Drawn, Plays};
use super::head::{Head, Stop};
use super::libwebp::{Demuxer, Frame, decode_frame};
use super::{Announced, Decoded, exif, undecodable};
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Orientation};
use crate::limits::{CancelToken, Limits, at_most};
use crate::pixels::{Layout, Pixels};

/// Where the first chunk begins, after `RIFF`, the size and `WEBP`.
const FIRST: usize = 12;
const CHUNK_HEADER: usize = 8;

const ANIMATED: u8 = 0x02;
const HAS_EXIF: u8 = 0x08;
const HAS_ALPHA: u8 = 0x10;

pub(super) fn inspect(head: &Head<'_>, limits: &Limits) -> Result<Announced, Stop> {
    let end = head.u32_le(4)? as usize + CHUNK_HEADER;
    let kind = head.get(FIRST, 4)?;
    let len = head.u32_le(FIRST + 4)? as usize;
    if FIRST + CHUNK_HEADER + len > end {
        return Err(head.bad("its first chunk is longer than the file says it is"));
    }
    if head.is_complete() && end > head.bytes().len() {
        let found = head.bytes().len();
        return Err(head.bad(format!("it is cut short: {found} of {end} bytes")));
    }
    let at = FIRST + CHUNK_HEADER;
    match kind {
        b"VP8 " => lossy(head, at),
        b"VP8L" => lossless(head, at),
        b"VP8X" => extended(head, at, end, limits),
        _ => Err(head.bad("it does not begin with an image chunk")),
    }
}

/// Bytes a pixel that libwebp holds for what is lossy, what is lossless, and alpha beside what is lossy.
pub(super) const LOSSY: u64 = 1;
const LOSSLESS: u64 = 5;
pub(super) const ALPHA: u64 = 5;

/// Bytes a pixel that libwebp holds while it decodes this file.
pub(super) fn held_bytes(source: &[u8]) -> u64 {
    let mut held = LOSSY;
    for (kind, data) in chunks(source) {
        held = held.max(match &kind {
            b"VP8L" => LOSSLESS,
            b"ALPH" | b"ANMF" => LOSSY + ALPHA,
            b"VP8X" if data.first().is_some_and(|flags| flags & HAS_ALPHA != 0) => LOSSY + ALPHA,
            _ => LOSSY,
        });
    }
    held
}

fn still(width: u32, height: u32, alpha: bool) -> Announced {
    Announced { width, height, frames: 1, orientation: Orientation::UPRIGHT, alpha }
}

fn lossy(head: &Head<'_>, at: usize) -> Result<Announced, Stop> {
    let tag = head.get(at, 6)?;
    if tag[0] & 1 != 0 || tag[3..] != [0x9D, 0x01, 0x2A] {
        return Err(head.bad("its lossy data does not begin with a key frame"));
    }
    let side = |at| Ok::<_, Stop>(u32::from(head.u16_le(at)? & 0x3FFF));
    Ok(still(side(at + 6)?, side(at + 8)?, false))
}

fn lossless(head: &Head<'_>, at: usize) -> Result<Announced, Stop> {
    if head.u8(at)? != 0x2F {
        return Err(head.bad("its lossless data has a wrong signature"));
    }
    let bits = head.u32_le(at + 1)?;
    if bits >> 29 != 0 {
        return Err(head.bad("its lossless data is of an unknown version"));
    }
    Ok(still((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, bits & (1 << 28) != 0))
}

fn extended(head: &Head<'_>, at: usize, end: usize, limits: &Limits) -> Result<Announced, Stop> {
    let flags = head.u8(at)?;
    let mut found = still(head.u24_le(at + 4)? + 1, head.u24_le(at + 7)? + 1, flags & HAS_ALPHA != 0);
    // The size alone decides whether more of the file is worth waiting for.
    found.check(Format::Webp, limits)?;
    if flags & ANIMATED != 0 {
        found.alpha = true;
        if head.is_complete() {
            found.frames = chunks(head.bytes()).filter(|(kind, _)| kind == b"ANMF").count().max(1) as u32;
        }
    }
    let mut at = FIRST;
    while flags & HAS_EXIF != 0 && at + CHUNK_HEADER <= head.max().min(end) {
        let kind = head.get(at, 4)?;
        let len = head.u32_le(at + 4)? as usize;
        let next = at + CHUNK_HEADER + len + len % 2;
        if kind == b"ICCP" {
            at_most("ICC profile in bytes", len as u64, limits.max_icc_bytes as u64)?;
        }
        if kind == b"EXIF" {
            if at + CHUNK_HEADER + len <= head.max() {
                let tiff = exif::without_prefix(head.get(at + CHUNK_HEADER, len)?);
                found.orientation = exif::orientation(tiff);
            }
            break;
        }
        at = next;
    }
    Ok(found)
}

/// The chunks of a file after its header, their kinds and contents, as far as they are whole.
pub(crate) fn chunks(source: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut at = FIRST;
    std::iter::from_fn(move || {
        let rest = source.get(at..)?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let len = u32::from_le_bytes(*len) as usize;
        at += CHUNK_HEADER + len + len % 2;
        Some((*kind, rest.get(..len)?))
    })
}

/// The EXIF of a whole file: a TIFF structure.
pub(super) fn exif(source: &[u8]) -> Option<&[u8]> {
    chunks(source).find(|(kind, _)| kind == b"EXIF").map(|(_, data)| exif::without_prefix(data))
}

pub(super) fn icc(source: &[u8], limits: &Limits) -> Result<Option<Vec<u8>>, Error> {
    let Some((_, profile)) = chunks(source).find(|(kind, _)| kind == b"ICCP") else { return Ok(None) };
    at_most("ICC profile in bytes", profile.len() as u64, limits.max_icc_bytes as u64)?;
    Ok(Some(profile.to_vec()))
}

/// The frames of an animation, one after another.
pub(super) struct Frames<'a> {
    demuxer: Demuxer<'a>,
    limits: &'a Limits,
    /// Whether the header says that pixels may be transparent.
    alpha: bool,
    /// Frames that the header announced, and those that were read.
    count: u32,
    done: u32,
}

impl<'a> Frames<'a> {
    pub(super) fn open(source: &'a [u8], header: &Header, limits: &'a Limits) -> Result<Self, Error> {
        let demuxer = Demuxer::open(source).ok_or_else(broken)?;
        if demuxer.canvas() != (header.width, header.height) {
            return Err(undecodable(Format::Webp, "it has two headers that disagree"));
        }
        Ok(Self { demuxer, limits, alpha: header.alpha, count: header.frames, done: 0 })
    }

    /// How often the animation is shown.
    pub(super) fn plays(&self) -> Plays {
        match self.demuxer.loop_count() {
            0 => Plays::Forever,
            times => Plays::Times(times),
        }
    }

    /// The next frame that the header announced.
    pub(super) fn next(&mut self) -> Result<Option<Drawn>, Error> {
        if self.done == self.count {
            return Ok(None);
        }
        self.done += 1;
        let frame = self.demuxer.frame(self.done).ok_or_else(broken)?;
        Ok(Some(Drawn {
            left: frame.x,
            top: frame.y,
            pixels: self.pixels(&frame)?,
            blend: frame.blend,
            disposal: if frame.clear { Disposal::Clear } else { Disposal::Keep },
            delay_ms: frame.duration_ms,
        }))
    }

    fn pixels(&self, frame: &Frame<'_>) -> Result<Pixels, Error> {
        self.limits.check_source(frame.width, frame.height, 1)?;
        let corrupt = || undecodable(Format::Webp, "its pixel data is corrupt or cut short");
        decode_frame(frame, self.alpha).ok_or_else(corrupt)
    }
}

fn broken() -> Error {
    undecodable(Format::Webp, "its structure is broken or cut short")
}

pub(super) fn decode(
    source: &[u8],
    header: &Header,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Decoded, Error> {
    let icc = icc(source, limits)?;
    let frames = Frames::open(source, header, limits)?;
    let frame = frames.demuxer.frame(1).ok_or_else(broken)?;
    cancel.check()?;
    let decoded = frames.pixels(&frame)?;
    cancel.check()?;
    let covers = (frame.x, frame.y, frame.width, frame.height) == (0, 0, header.width, header.height);
    let pixels = if covers { decoded } else { place(&frame, &decoded, header)? };
    Ok(Decoded { pixels, icc })
}

/// Puts a frame that is smaller than the canvas where it belongs; the rest is transparent.
fn place(frame: &Frame<'_>, decoded: &Pixels, header: &Header) -> Result<Pixels, Error> {
    let mut canvas = Pixels::zeroed(header.width, header.height, Layout::Rgba);
    let fits = |at: u32, len: u32, side: u32| at.checked_add(len).is_some_and(|end| end <= side);
    if !fits(frame.x, frame.width, header.width) || !fits(frame.y, frame.height, header.height) {
        return Err(undecodable(Format::Webp, "its first frame lies outside of the canvas"));
    }
    let stride = canvas.stride();
    let left = frame.x as usize * 4;
    let rows = canvas.data.chunks_exact_mut(stride).skip(frame.y as usize);
    for (row, y) in rows.zip(0..decoded.height) {
        let target = row[left..].chunks_exact_mut(4);
        for (pixel, from) in target.zip(decoded.row(y).chunks_exact(decoded.layout.channels())) {
            pixel[..3].copy_from_slice(&from[..3]);
            pixel[3] = from.get(3).copied().unwrap_or(u8::MAX);
        }
    }
    Ok(canvas)
}
