//! GIF: the first frame, laid on the logical screen, the rest of which is transparent, or one frame after another.
//!
//! The background colour of the file is ignored, as browsers do.

use std::io;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, DisposalMethod, MemoryLimit, Repeat};

use super::animation::{Disposal, Drawn, Plays};
use super::head::{Head, Stop};
use super::{Announced, Decoded, undecodable};
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Orientation};
use crate::limits::{CancelToken, Limits, at_most};
use crate::pixels::{Layout, Pixels};

/// Signature and logical screen descriptor.
const SCREEN_END: usize = 13;
/// What stands before a frame: where it lies, and its flags.
const DESCRIPTOR: usize = 10;

pub(super) fn inspect(head: &Head<'_>) -> Result<Announced, Stop> {
    let screen = head.get(0, SCREEN_END)?;
    let frames = if head.is_complete() { count_frames(head.bytes(), screen[10]) } else { 1 };
    Ok(Announced {
        width: u32::from(head.u16_le(6)?),
        height: u32::from(head.u16_le(8)?),
        frames: frames.max(1),
        orientation: Orientation::UPRIGHT,
        alpha: true,
    })
}

fn palette_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Counts the image descriptors, as far as the blocks can be followed.
fn count_frames(source: &[u8], flags: u8) -> u32 {
    let mut frames = 0;
    descriptors(source, flags, |_| frames += 1);
    frames
}

/// Bytes that the indices of a frame take for each of its pixels.
pub(super) const INDICES: u64 = 1;

/// Bytes for each pixel of the screen that the largest frame takes: its indices, and its colours too where they can't be
/// decoded into their place.
pub(super) fn held_bytes(source: &[u8]) -> u64 {
    let Some(screen) = source.get(..SCREEN_END) else { return INDICES };
    let number = |bytes: &[u8], at: usize| u64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let (across, down) = (number(screen, 6), number(screen, 8));
    let mut largest = 0;
    descriptors(source, screen[10], |descriptor| {
        let [left, top, width, height] = [1, 3, 5, 7].map(|at| number(descriptor, at));
        let in_place = left == 0 && width == across && top + height <= down;
        largest = largest.max(width * height * if in_place { INDICES } else { INDICES + 4 });
    });
    largest.div_ceil((across * down).max(1))
}

/// Shows the image descriptors, as far as the blocks can be followed, each with its flags but without its palette.
fn descriptors<'a>(source: &'a [u8], flags: u8, mut seen: impl FnMut(&'a [u8])) {
    let mut at = SCREEN_END + palette_bytes(flags);
    loop {
        match source.get(at) {
            Some(0x21) => at += 2,
            Some(0x2C) => {
                // Of a frame that is cut short there is something to be refused.
                let descriptor = &source[at..source.len().min(at + DESCRIPTOR)];
                let whole = descriptor.len() == DESCRIPTOR;
                seen(if whole { descriptor } else { &[0; DESCRIPTOR] });
                let Some(flags) = descriptor.get(DESCRIPTOR - 1) else { return };
                // Behind it come its palette and the LZW code size.
                at += DESCRIPTOR + palette_bytes(*flags) + 1;
            }
            _ => return,
        }
        // Sub-blocks, up to an empty one.
        loop {
            let Some(&len) = source.get(at) else { return };
            at += 1 + usize::from(len);
            if len == 0 {
                break;
            }
        }
    }
}

/// The frames of a file, one after another.
pub(super) struct Frames<'a> {
    decoder: Decoder<&'a [u8]>,
    /// The most bytes that a frame may take.
    most: u64,
    /// Frames that are still to come, by the headers of the file.
    left: u32,
    /// Pixels of the frames so far, which may be larger than the screen on which they are shown.
    area: u64,
    limits: &'a Limits,
}

impl<'a> Frames<'a> {
    pub(super) fn open(source: &'a [u8], header: &Header, limits: &'a Limits) -> Result<Self, Error> {
        let most = limits.max_memory_bytes.min(limits.max_pixels.saturating_mul(4));
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        options.set_memory_limit(NonZeroU64::new(most).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
        let decoder = options.read_info(source).map_err(|error| refused(&error))?;
        if (u32::from(decoder.width()), u32::from(decoder.height())) != (header.width, header.height) {
            return Err(undecodable(Format::Gif, "it has two headers that disagree"));
        }
        Ok(Self { decoder, most, left: header.frames, area: 0, limits })
    }

    /// How often the animation is shown, as far as the file was read.
    pub(super) fn plays(&self) -> Plays {
        match self.decoder.repeat() {
            Repeat::Infinite => Plays::Forever,
            // What is repeated comes after the first time.
            Repeat::Finite(times) => Plays::Times(u32::from(times) + 1),
        }
    }

    /// The next frame that the headers announced. Whether the end is marked as such doesn't matter.
    pub(super) fn next(&mut self) -> Result<Option<Drawn>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let frame = self.decoder.next_frame_info().map_err(|error| refused(&error))?;
        let frame = frame.ok_or_else(|| undecodable(Format::Gif, "it has fewer frames than it says"))?;
        let [left, top, width, height] = [frame.left, frame.top, frame.width, frame.height].map(u32::from);
        let (delay, method) = (frame.delay, frame.dispose);
        let bytes = self.decoder.buffer_size();
        if bytes as u64 > self.most {
            return Err(refused(&DecodingError::MemoryLimit));
        }
        self.area += u64::from(width) * u64::from(height);
        at_most("image area in pixels", self.area, self.limits.max_pixels)?;
        let mut data = vec![0; bytes];
        self.decoder.read_into_buffer(&mut data).map_err(|error| refused(&error))?;
        Ok(Some(Drawn {
            left,
            top,
            pixels: Pixels::from_data(width, height, Layout::Rgba, data),
            blend: true,
            disposal: match method {
                DisposalMethod::Any | DisposalMethod::Keep => Disposal::Keep,
                DisposalMethod::Background => Disposal::Clear,
                DisposalMethod::Previous => Disposal::Restore,
            },
            delay_ms: u32::from(delay) * MS_PER_UNIT,
        }))
    }
}

/// Delays are in hundredths of a second.
const MS_PER_UNIT: u32 = 10;

pub(super) fn decode(
    source: &[u8],
    header: &Header,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Decoded, Error> {
    let Frames { mut decoder, most, .. } = Frames::open(source, header, limits)?;
    let frame = decoder.next_frame_info().map_err(|error| refused(&error))?;
    let frame = frame.ok_or_else(|| undecodable(Format::Gif, "it has no frame"))?;
    let [left, top, width] = [frame.left, frame.top, frame.width].map(usize::from);
    let bytes = decoder.buffer_size();
    if bytes as u64 > most {
        return Err(refused(&DecodingError::MemoryLimit));
    }
    let mut pixels = Pixels::zeroed(header.width, header.height, Layout::Rgba);
    cancel.check()?;
    let stride = pixels.stride();
    let (row, first) = (width * 4, top * stride);
    match pixels.data.get_mut(first..first + bytes) {
        // As wide as the screen and not below its end: the common case.
        Some(place) if left == 0 && row == stride => decoder.read_into_buffer(place),
        _ => {
            let mut data = vec![0; bytes];
            let read = decoder.read_into_buffer(&mut data);
            // What reaches beyond the screen is not shown.
            let shown = row.min(stride.saturating_sub(left * 4));
            if shown > 0 {
                let rows = pixels.data.chunks_exact_mut(stride).skip(top);
                for (screen, frame) in rows.zip(data.chunks_exact(row)) {
                    screen[left * 4..][..shown].copy_from_slice(&frame[..shown]);
                }
            }
            read
        }
    }
    .map_err(|error| refused(&error))?;
    cancel.check()?;
    Ok(Decoded { pixels, icc: None })
}

fn refused(error: &DecodingError) -> Error {
    match error {
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => {
            undecodable(Format::Gif, "a frame needs more memory than allowed")
        }
        DecodingError::UnexpectedEof => undecodable(Format::Gif, "it is cut short"),
        DecodingError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            undecodable(Format::Gif, "it is cut short")
        }
        other => undecodable(Format::Gif, other.to_string()),
    }
}
