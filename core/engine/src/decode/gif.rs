//! GIF: the first frame, laid on the logical screen, the rest of which is transparent.
//!
//! The background colour of the file is ignored, as browsers do.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::{ImageDecoder, ImageError};

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
    let mut decoder = GifDecoder::new(Cursor::new(source)).map_err(|error| refused(&error))?;
    if decoder.dimensions() != (header.width, header.height) {
        return Err(undecodable(Format::Gif, "it has two headers that disagree"));
    }
    let mut within = image::Limits::no_limits();
    within.max_alloc = Some(limits.max_memory_bytes.min(limits.max_pixels.saturating_mul(4)));
    decoder.set_limits(within).map_err(|error| refused(&error))?;
    let mut pixels = Pixels::zeroed(header.width, header.height, Layout::Rgba);
    cancel.check()?;
    decoder.read_image(&mut pixels.data).map_err(|error| refused(&error))?;
    cancel.check()?;
    Ok(Decoded { pixels, icc: None })
}

fn refused(error: &ImageError) -> Error {
    match error {
        ImageError::Limits(_) => undecodable(Format::Gif, "its first frame needs more memory than allowed"),
        ImageError::Parameter(_) => undecodable(Format::Gif, "it has no frame"),
        ImageError::IoError(_) => undecodable(Format::Gif, "it is cut short"),
        ImageError::Decoding(inner) => undecodable(
            Format::Gif,
            std::error::Error::source(inner)
                .map_or_else(|| "its data is corrupt".to_owned(), ToString::to_string),
        ),
        other => undecodable(Format::Gif, other.to_string()),
    }
}
