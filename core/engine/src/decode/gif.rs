//! GIF: the first frame, laid on the logical screen, the rest of which is transparent.
//!
//! The background colour of the file is ignored, as browsers do.

use std::io;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::head::{Head, Stop};
use super::{Announced, Decoded, undecodable};
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Orientation};
use crate::limits::{CancelToken, Limits};
use crate::pixels::{Layout, Pixels};

/// Signature and logical screen descriptor.
const SCREEN_END: usize = 13;

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
    let mut at = SCREEN_END + palette_bytes(flags);
    loop {
        match source.get(at) {
            Some(0x21) => at += 2,
            Some(0x2C) => {
                frames += 1;
                let Some(flags) = source.get(at + 9) else { return frames };
                // The descriptor, its palette and the LZW code size.
                at += 10 + palette_bytes(*flags) + 1;
            }
            _ => return frames,
        }
        // Sub-blocks, up to an empty one.
        loop {
            let Some(&len) = source.get(at) else { return frames };
            at += 1 + usize::from(len);
            if len == 0 {
                break;
            }
        }
    }
}

pub(super) fn decode(
    source: &[u8],
    header: &Header,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Decoded, Error> {
    let most = limits.max_memory_bytes.min(limits.max_pixels.saturating_mul(4));
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.set_memory_limit(NonZeroU64::new(most).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(source).map_err(|error| refused(&error))?;
    if (u32::from(decoder.width()), u32::from(decoder.height())) != (header.width, header.height) {
        return Err(undecodable(Format::Gif, "it has two headers that disagree"));
    }
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
            undecodable(Format::Gif, "its first frame needs more memory than allowed")
        }
        DecodingError::UnexpectedEof => undecodable(Format::Gif, "it is cut short"),
        DecodingError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            undecodable(Format::Gif, "it is cut short")
        }
        other => undecodable(Format::Gif, other.to_string()),
    }
}
