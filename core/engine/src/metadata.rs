//! What travels beside the pixels: EXIF and ICC, copied where the caller wants them kept.
//!
//! EXIF is copied whole, only its orientation is set to upright, since the pixels were turned. JPEG, PNG and WebP
//! results take both; GIF has a place for neither, and in AVIF results neither is kept, because libavif writes
//! them while it encodes and not afterwards.

use img_parts::jpeg::Jpeg;
use img_parts::png::Png;
use img_parts::webp::WebP;
use img_parts::{Bytes, ImageEXIF, ImageICC};

use crate::decode::{self, exif};
use crate::error::Error;
use crate::format::Format;

/// EXIF that ends past this many bytes of the source, or is longer, is dropped.
const EXIF_LIMIT: usize = 8 << 20;

/// Copies EXIF (orientation reset to upright) and, if `icc` is given, that profile into an encoded `result`.
pub(crate) fn keep(
    source: &[u8],
    source_format: Format,
    icc: Option<&[u8]>,
    result: Vec<u8>,
    result_format: Format,
) -> Result<Vec<u8>, Error> {
    let tiff = decode::exif_of(source, source_format, EXIF_LIMIT).map(|mut tiff| {
        exif::reset_orientation(&mut tiff);
        Bytes::from(tiff)
    });
    let icc = icc.map(Bytes::copy_from_slice);
    if tiff.is_none() && icc.is_none() {
        return Ok(result);
    }
    let failed =
        |error: img_parts::Error| Error::Bug(format!("the encoded file can't be taken apart: {error}"));
    match result_format {
        Format::Jpeg => {
            let file = Jpeg::from_bytes(result.into()).map_err(failed)?;
            Ok(with(file, tiff, icc).encoder().bytes().to_vec())
        }
        Format::Png => {
            let file = Png::from_bytes(result.into()).map_err(failed)?;
            Ok(with(file, tiff, icc).encoder().bytes().to_vec())
        }
        Format::Webp => {
            let file = WebP::from_bytes(result.into()).map_err(failed)?;
            Ok(with(file, tiff, icc).encoder().bytes().to_vec())
        }
        Format::Gif | Format::Avif => Ok(result),
    }
}

fn with<F: ImageEXIF + ImageICC>(mut file: F, tiff: Option<Bytes>, icc: Option<Bytes>) -> F {
    if tiff.is_some() {
        file.set_exif(tiff);
    }
    if icc.is_some() {
        file.set_icc_profile(icc);
    }
    file
}
