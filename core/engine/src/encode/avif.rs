//! AVIF through libavif and libaom, one thread.
//!
//! Speed 7 of 10 trades quality for time: the slower speeds that others use reach a higher score with the same bytes
//! and take ten times as long; 8 takes a quarter less and scores a point lower. Chroma is kept whole, which on photos
//! scored higher at the same bytes than halving it. Lossless means quality 100 and RGB stored as such (identity
//! matrix).

use super::libavif::{self, Settings};
use crate::error::Error;
use crate::limits::CancelToken;
use crate::pixels::Pixels;

pub(super) fn encode(
    pixels: &Pixels,
    quality: u8,
    lossless: bool,
    profile: Option<&[u8]>,
    cancel: &CancelToken,
) -> Result<Vec<u8>, Error> {
    cancel.check()?;
    let settings = Settings {
        // 100 would switch libaom to its lossless mode, which the caller did not ask for.
        quality: if lossless { 100 } else { quality.min(99) },
        identity: lossless,
    };
    let bytes = libavif::encode(pixels, settings, profile)?;
    cancel.check()?;
    Ok(bytes)
}
