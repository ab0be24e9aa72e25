//! From pixels to the bytes of a file: one file a format. The same pixels and settings always give the same bytes.

mod animation;
mod avif;
pub(crate) mod baseline;
pub(crate) mod expand;
mod gif;
mod indexed;
mod jpeg;
mod libavif;
mod libwebp;
pub(crate) mod planes;
mod png;
#[cfg(test)]
pub(crate) mod samples;
mod transcode;
mod turbojpeg;
mod webp;

pub(crate) use animation::Animator;

use crate::error::Error;
use crate::format::Format;
use crate::limits::{CancelToken, at_most};
use crate::pixels::{Layout, Pixels};
pub(crate) use jpeg::has_full_chroma;
pub(crate) use png::{of_rows as png_of_rows, takes_rows as png_takes_rows};
pub(crate) use transcode::transcode;

/// How to write a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) format: Format,
    /// 1..=100; without meaning for PNG and GIF and where `lossless` is set.
    pub(crate) quality: u8,
    /// WebP and AVIF only.
    pub(crate) lossless: bool,
    /// PNG only: with few colours, where that is smaller and can't be seen.
    pub(crate) palette: bool,
    /// As few bytes as can be had, whatever the time; for what is without loss only.
    pub(crate) thorough: bool,
}

impl Encoding {
    /// The usual way to write a format.
    pub(crate) fn new(format: Format, quality: u8) -> Self {
        Self { format, quality, lossless: false, palette: false, thorough: false }
    }
}

/// Refuses what is too long for a format to say.
pub(crate) fn check_sides(format: Format, (width, height): (u32, u32)) -> Result<(), Error> {
    let what = match format {
        Format::Jpeg => "side of a JPEG result in pixels",
        Format::Webp => "side of a WebP result in pixels",
        Format::Avif => "side of an AVIF result in pixels",
        Format::Gif => "side of a GIF result in pixels",
        Format::Png => return Ok(()),
    };
    at_most(what, width.max(height).into(), longest_side(format))
}

/// The longest side that a format can say, in pixels.
fn longest_side(format: Format) -> u64 {
    match format {
        Format::Webp => (1 << 14) - 1,
        Format::Jpeg | Format::Avif | Format::Gif => u16::MAX.into(),
        Format::Png => i32::MAX as u64,
    }
}

/// The quality used when none is asked for. The scales of the formats differ: WebP's 78 at this encoder's method comes
/// closest to the bytes and the score that other servers give by default; AVIF's 50 is their default too.
pub(crate) fn default_quality(format: Format) -> u8 {
    match format {
        Format::Jpeg => 80,
        Format::Webp => 78,
        Format::Avif => 50,
        Format::Png | Format::Gif => 100,
    }
}

/// Encodes any layout but CMYK. A layout with alpha is refused for JPEG: the caller flattens.
///
/// `profile` is that of colours which are not sRGB. AVIF is written with it; to the other files it is added later.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "callers hold it as a part of their plan")]
pub(crate) fn encode(
    pixels: &Pixels,
    encoding: &Encoding,
    profile: Option<&[u8]>,
    cancel: &CancelToken,
) -> Result<Vec<u8>, Error> {
    if pixels.layout == Layout::Cmyk || pixels.width == 0 || pixels.height == 0 {
        return Err(Error::Bug(format!(
            "no encoder takes {:?} of {}x{}",
            pixels.layout, pixels.width, pixels.height
        )));
    }
    check_sides(encoding.format, (pixels.width, pixels.height))?;
    let quality = encoding.quality.clamp(1, 100);
    match encoding.format {
        Format::Jpeg => jpeg::encode(pixels, quality, cancel),
        Format::Png => {
            let (palette, thorough, grey) = (encoding.palette, encoding.thorough, profile.is_none());
            png::encode(pixels, png::Ways { palette, thorough, grey }, cancel)
        }
        Format::Webp if encoding.lossless => webp::lossless(pixels, encoding.thorough, cancel),
        Format::Webp => webp::lossy(pixels, quality, cancel),
        Format::Avif => avif::encode(pixels, quality, encoding.lossless, profile, cancel),
        Format::Gif => gif::encode(pixels, cancel),
    }
}
