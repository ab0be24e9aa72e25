//! AVIF through libavif and libaom, one thread.
//!
//! Speed 8 of 10: an intra frame at this speed scores as the usual slower settings do, at a tenth of the time.
//! Chroma is halved in both directions below quality 90, as for JPEG. Lossless means quality 100, RGB stored as
//! such (identity matrix) and chroma whole.

use super::libavif::{self, Settings};
use crate::error::Error;
use crate::limits::{CancelToken, at_most};
use crate::pixels::Pixels;

const LONGEST_SIDE: u64 = 65_535;

/// Below this quality chroma is stored at half the resolution.
const FULL_CHROMA_QUALITY: u8 = 90;

pub(super) fn encode(
    pixels: &Pixels,
    quality: u8,
    lossless: bool,
    cancel: &CancelToken,
) -> Result<Vec<u8>, Error> {
    let side = u64::from(pixels.width.max(pixels.height));
    at_most("side of an AVIF result in pixels", side, LONGEST_SIDE)?;
    cancel.check()?;
    let settings = Settings {
        // 100 would switch libaom to its lossless mode, which the caller did not ask for.
        quality: if lossless { 100 } else { quality.min(99) },
        full_chroma: lossless || quality >= FULL_CHROMA_QUALITY,
        identity: lossless,
    };
    let bytes = libavif::encode(pixels, settings)?;
    cancel.check()?;
    Ok(bytes)
}
