//! What travels beside the pixels: EXIF, or who made and owns the picture, and the colour profile, where the caller wants
//! them kept.
//!
//! EXIF is copied whole, only its orientation is set to upright, since the pixels were turned. JPEG, PNG and WebP
//! results take it; GIF has no place for it, and in AVIF results it is not kept, because libavif writes it while it
//! encodes and not afterwards. The profile of an AVIF is written so.

mod notice;
#[cfg(test)]
mod tests;

use img_parts::jpeg::Jpeg;
use img_parts::png::Png;
use img_parts::webp::WebP;
use img_parts::{Bytes, ImageEXIF, ImageICC};

use crate::decode::{self, exif};
use crate::error::Error;
use crate::format::Format;

/// EXIF that ends past this many bytes of the source, or is longer, is dropped.
const EXIF_LIMIT: usize = 8 << 20;

/// What of the EXIF is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    All,
    /// The copyright notice and the artist alone.
    Copyright,
}

/// What is `kept` of a file's EXIF.
pub(crate) fn exif(source: &[u8], format: Format, kept: Kept) -> Option<Vec<u8>> {
    let mut tiff = decode::exif_of(source, format, EXIF_LIMIT)?;
    match kept {
        Kept::All => {
            exif::reset_orientation(&mut tiff);
            Some(tiff)
        }
        Kept::Copyright => notice::of(&tiff),
    }
}

/// Adds EXIF and a colour profile, which must be one of its colours, to an encoded `file`, where it has a place for them.
pub(crate) fn add(
    file: Vec<u8>,
    format: Format,
    exif: Option<Vec<u8>>,
    profile: Option<&[u8]>,
) -> Result<Vec<u8>, Error> {
    if exif.is_none() && profile.is_none() {
        return Ok(file);
    }
    let failed =
        |error: img_parts::Error| Error::Bug(format!("the encoded file can't be taken apart: {error}"));
    match format {
        Format::Jpeg => {
            let file = Jpeg::from_bytes(file.into()).map_err(failed)?;
            Ok(with(file, exif, profile).encoder().bytes().to_vec())
        }
        Format::Png => {
            let file = Png::from_bytes(file.into()).map_err(failed)?;
            Ok(with(file, exif, profile).encoder().bytes().to_vec())
        }
        Format::Webp => {
            let file = WebP::from_bytes(file.into()).map_err(failed)?;
            Ok(with(file, exif, profile).encoder().bytes().to_vec())
        }
        Format::Gif | Format::Avif => Ok(file),
    }
}

fn with<F: ImageEXIF + ImageICC>(mut file: F, exif: Option<Vec<u8>>, profile: Option<&[u8]>) -> F {
    if let Some(exif) = exif {
        file.set_exif(Some(Bytes::from(exif)));
    }
    if let Some(profile) = profile {
        file.set_icc_profile(Some(Bytes::copy_from_slice(profile)));
    }
    file
}
