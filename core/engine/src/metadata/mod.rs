//! What travels beside the pixels: EXIF, or who made and owns the picture, copied where the caller wants it kept.
//!
//! EXIF is copied whole, only its orientation is set to upright, since the pixels were turned. JPEG, PNG and WebP
//! results take it; GIF has no place for it, and in AVIF results it is not kept, because libavif writes it while it
//! encodes and not afterwards.

mod notice;

use img_parts::jpeg::Jpeg;
use img_parts::png::Png;
use img_parts::webp::WebP;
use img_parts::{Bytes, ImageEXIF};

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

/// Copies what is `kept` of a source's EXIF into an encoded `result`.
pub(crate) fn keep(
    source: &[u8],
    source_format: Format,
    kept: Kept,
    result: Vec<u8>,
    result_format: Format,
) -> Result<Vec<u8>, Error> {
    let Some(mut tiff) = decode::exif_of(source, source_format, EXIF_LIMIT) else { return Ok(result) };
    let tiff = match kept {
        Kept::All => {
            exif::reset_orientation(&mut tiff);
            tiff
        }
        Kept::Copyright => match notice::of(&tiff) {
            Some(notice) => notice,
            None => return Ok(result),
        },
    };
    let failed =
        |error: img_parts::Error| Error::Bug(format!("the encoded file can't be taken apart: {error}"));
    match result_format {
        Format::Jpeg => {
            let file = Jpeg::from_bytes(result.into()).map_err(failed)?;
            Ok(with(file, tiff).encoder().bytes().to_vec())
        }
        Format::Png => {
            let file = Png::from_bytes(result.into()).map_err(failed)?;
            Ok(with(file, tiff).encoder().bytes().to_vec())
        }
        Format::Webp => {
            let file = WebP::from_bytes(result.into()).map_err(failed)?;
            Ok(with(file, tiff).encoder().bytes().to_vec())
        }
        Format::Gif | Format::Avif => Ok(result),
    }
}

fn with<F: ImageEXIF>(mut file: F, tiff: Vec<u8>) -> F {
    file.set_exif(Some(Bytes::from(tiff)));
    file
}
