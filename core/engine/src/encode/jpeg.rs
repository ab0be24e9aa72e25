//! JPEG through libjpeg-turbo: baseline, standard Huffman tables.
//!
//! Chroma is halved in both directions below quality 90 and kept whole from there on, where the loss would
//! begin to be the largest one. Standard tables cost 1 to 2 % more bytes than optimised ones and a quarter of the
//! time.

use super::turbojpeg::Compressor;
use crate::error::Error;
use crate::format::Format;
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};

/// Below this quality chroma is stored at half the resolution.
const FULL_CHROMA_QUALITY: u8 = 90;

/// Whether a JPEG of this quality stores chroma at the resolution of luma.
pub(crate) fn has_full_chroma(quality: u8) -> bool {
    quality >= FULL_CHROMA_QUALITY
}

pub(super) fn encode(pixels: &Pixels, quality: u8, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
    if !matches!(pixels.layout, Layout::Grey | Layout::Rgb) {
        return Err(Error::Bug(format!("{} can't store {:?}", Format::Jpeg, pixels.layout)));
    }
    cancel.check()?;
    let bytes = Compressor::new()?.compress(pixels, quality, has_full_chroma(quality))?;
    cancel.check()?;
    Ok(bytes)
}
