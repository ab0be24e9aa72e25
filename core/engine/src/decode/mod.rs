//! From the bytes of a file to pixels: one file a format, chosen here by the first bytes.
//!
//! Of an animation the first frame is decoded, or with [`Animation`] all of them. Colour and orientation are left as
//! stored.

mod animation;
mod av1;
mod avif;
pub(crate) mod baseline;
pub(crate) mod exif;
mod gif;
mod head;
mod isobmff;
mod jpeg;
mod libavif;
mod libwebp;
mod looks;
mod png;
#[cfg(test)]
mod tests;
mod turbojpeg;
mod webp;

use crate::color::icc;
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Inspection, Orientation};
use crate::limits::{CancelToken, Limits};
use crate::pixels::Pixels;
pub(crate) use animation::{Animation, Plays};
use head::{Head, Stop};
pub(crate) use png::Rows as PngRows;
#[cfg(test)]
pub(crate) use png::crc32;
pub(crate) use webp::chunks;

/// A decoded picture as stored: not yet turned upright, not yet in sRGB.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) pixels: Pixels,
    /// The embedded ICC profile, if there is one within the limits.
    pub(crate) icc: Option<Vec<u8>>,
}

/// What a walk over a container found out.
struct Announced {
    width: u32,
    height: u32,
    frames: u32,
    orientation: Orientation,
    alpha: bool,
}

impl Announced {
    fn check(&self, format: Format, limits: &Limits) -> Result<(), Error> {
        if self.width == 0 || self.height == 0 {
            return Err(undecodable(format, "it has no pixels: a side is 0"));
        }
        limits.check_source(self.width, self.height, self.frames)
    }
}

/// Enough bytes for [`Format::sniff`].
const SNIFF_BYTES: usize = 16;

/// The scales at which a format can be decoded faster than in full, in eighths, ascending. 8 is full size.
pub(crate) fn scales(format: Format) -> &'static [u8] {
    match format {
        Format::Jpeg => &[1, 2, 3, 4, 5, 6, 7, 8],
        _ => &[8],
    }
}

/// Bytes that decoding holds for each pixel of a whole file, beside the picture that comes of it. The tests measure it.
pub(crate) fn held_bytes(source: &[u8], format: Format, alpha: bool) -> u64 {
    match format {
        Format::Jpeg => jpeg::held_bytes(source),
        Format::Webp => webp::held_bytes(source),
        Format::Avif => avif::held_bytes(source),
        Format::Gif => gif::held_bytes(source),
        Format::Png => usually_held_bytes(format, alpha),
    }
}

/// The same for an ordinary file, of which the header is known alone.
pub(crate) fn usually_held_bytes(format: Format, alpha: bool) -> u64 {
    match format {
        Format::Jpeg | Format::Png => 0,
        Format::Gif => gif::INDICES,
        Format::Webp => webp::LOSSY + if alpha { webp::ALPHA } else { 0 },
        Format::Avif => avif::PICTURE + if alpha { avif::ALPHA } else { 0 },
    }
}

pub(crate) fn inspect(head: &[u8], complete: bool, limits: &Limits) -> Result<Inspection, Error> {
    let Some(format) = Format::sniff(head) else {
        if !complete && head.len() < SNIFF_BYTES {
            return Ok(Inspection::NeedMore(SNIFF_BYTES));
        }
        return Err(Error::Unsupported { detail: looks::like(head) });
    };
    let head = Head::new(head, complete, format, limits.max_header_bytes);
    let announced = match format {
        Format::Jpeg => jpeg::inspect(&head, limits),
        Format::Png => png::inspect(&head, limits),
        Format::Webp => webp::inspect(&head, limits),
        Format::Avif => avif::inspect(&head, limits),
        Format::Gif => gif::inspect(&head),
    };
    let announced = match announced {
        Ok(announced) => announced,
        Err(Stop::More(bytes)) => return Ok(Inspection::NeedMore(bytes)),
        Err(Stop::Failed(error)) => return Err(error),
    };
    announced.check(format, limits)?;
    let Announced { width, height, frames, orientation, alpha } = announced;
    let frames = if is_animation(format) { frames } else { 1 };
    Ok(Inspection::Ready(Header { format, width, height, orientation, alpha, frames }))
}

/// Whether files of this format can be read frame by frame.
pub(crate) fn is_animation(format: Format) -> bool {
    matches!(format, Format::Gif | Format::Webp)
}

/// Decodes the first frame at `eighths`/8 of its size (each side rounded up), which must be one of [`scales`].
/// `header` is what [`inspect`] told of the same bytes.
pub(crate) fn decode(
    source: &[u8],
    header: &Header,
    eighths: u8,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Decoded, Error> {
    if !scales(header.format).contains(&eighths) {
        return Err(Error::Bug(format!("{} can't be decoded at {eighths}/8", header.format)));
    }
    limits.check_source(header.width, header.height, 1)?;
    cancel.check()?;
    match header.format {
        Format::Jpeg => jpeg::decode(source, header, eighths, limits, cancel),
        Format::Png => png::decode(source, header, limits, cancel),
        Format::Webp => webp::decode(source, header, limits, cancel),
        Format::Avif => avif::decode(source, header, limits, cancel),
        Format::Gif => gif::decode(source, header, limits, cancel),
    }
}

/// The ICC profile of a file, if it has one within the limits.
pub(crate) fn icc_of(source: &[u8], format: Format, limits: &Limits) -> Result<Option<Vec<u8>>, Error> {
    match format {
        Format::Jpeg => jpeg::icc(source, limits),
        Format::Png => png::icc(source, limits),
        Format::Webp => webp::icc(source, limits),
        Format::Avif => avif::icc(source, limits),
        Format::Gif => Ok(None),
    }
}

/// The ICC profile of a file in RGB, if it has one of RGB within the limits. Grey and ink have others, which do not fit all
/// that can be made of them.
pub(crate) fn rgb_profile(source: &[u8], format: Format, limits: &Limits) -> Result<Option<Vec<u8>>, Error> {
    let is_rgb = match format {
        Format::Jpeg => jpeg::components(source) == 3,
        Format::Png => png::has_colour(source),
        Format::Webp => true,
        Format::Avif => avif::has_colour(source),
        Format::Gif => false,
    };
    let profile = if is_rgb { icc_of(source, format, limits)? } else { None };
    Ok(profile.filter(|profile| icc::is_rgb(profile)))
}

/// The EXIF that a file carries, as a TIFF structure of at most `limit` bytes. In JPEG and PNG it is looked for in
/// the first `limit` bytes.
pub(crate) fn exif_of(source: &[u8], format: Format, limit: usize) -> Option<Vec<u8>> {
    let exif = match format {
        Format::Jpeg => jpeg::exif(source, limit).map(<[u8]>::to_vec),
        Format::Png => png::exif(source, limit).map(<[u8]>::to_vec),
        Format::Webp => webp::exif(source).map(<[u8]>::to_vec),
        Format::Avif => avif::exif(source),
        Format::Gif => None,
    };
    exif.filter(|exif| !exif.is_empty() && exif.len() <= limit)
}

fn undecodable(format: Format, detail: impl Into<String>) -> Error {
    Error::Undecodable { format, detail: detail.into() }
}
