//! Encoders that take planes, a strip at a time.

use super::baseline::{Encoder, Sampling};
use super::webp::{self, Planes};
use super::{Encoding, has_full_chroma, longest_side};
use crate::error::Error;
use crate::format::Format;
use crate::limits::CancelToken;
use crate::simd::Simd;

/// A format that is written from planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaneFormat {
    Jpeg,
    /// With loss.
    Webp,
}

impl PlaneFormat {
    /// The format of what `encoding` writes from planes, if it does.
    pub(crate) fn of(encoding: Encoding) -> Option<Self> {
        match encoding.format {
            Format::Jpeg => Some(Self::Jpeg),
            Format::Webp if !encoding.lossless => Some(Self::Webp),
            Format::Webp | Format::Png | Format::Avif | Format::Gif => None,
        }
    }

    /// The longest side that it can say, in pixels.
    pub(crate) fn longest_side(self) -> u64 {
        longest_side(match self {
            Self::Jpeg => Format::Jpeg,
            Self::Webp => Format::Webp,
        })
    }

    /// Whether chroma is stored at the resolution of luma.
    pub(crate) fn has_full_chroma(self, quality: u8) -> bool {
        self == Self::Jpeg && has_full_chroma(quality)
    }

    /// Bytes at the most beside the strip, for a picture of this many pixels, with the file at one a pixel.
    pub(crate) fn peak_bytes(self, pixels: usize) -> usize {
        match self {
            Self::Jpeg => pixels + Encoder::waiting_bytes(pixels),
            Self::Webp => pixels * webp::PLANES_BYTES,
        }
    }
}

/// An encoder at work.
pub(crate) enum PlaneEncoder {
    Jpeg(Box<Encoder>),
    Webp(Planes),
}

impl PlaneEncoder {
    /// Begins a file. `quality` is 1..=100, the sides are from 1 up to the longest of the format. Only JPEG has full chroma.
    pub(crate) fn new(
        format: PlaneFormat,
        size: (usize, usize),
        sampling: Sampling,
        quality: u8,
        simd: Simd,
    ) -> Self {
        match format {
            PlaneFormat::Jpeg => Self::Jpeg(Box::new(Encoder::new(size, sampling, quality, simd))),
            PlaneFormat::Webp => Self::Webp(Planes::new(size, quality)),
        }
    }

    /// Rows of plane `index` in a strip.
    pub(crate) fn rows(&self, index: usize) -> usize {
        match self {
            Self::Jpeg(encoder) => encoder.rows(index),
            Self::Webp(_) => Planes::rows(index),
        }
    }

    /// Row `y` of plane `index` in the strip to be written next, to be filled in full: YCbCr over the full range, as JFIF
    /// has it.
    pub(crate) fn row(&mut self, index: usize, y: usize) -> &mut [u8] {
        match self {
            Self::Jpeg(encoder) => encoder.row(index, y),
            Self::Webp(planes) => planes.row(index, y),
        }
    }

    /// Writes the strip, of which plane `index` has `rows[index]` rows, at least one. Only the last strip has fewer than
    /// [`PlaneEncoder::rows`].
    pub(crate) fn strip(&mut self, rows: &[usize]) {
        match self {
            Self::Jpeg(encoder) => encoder.strip(rows),
            Self::Webp(planes) => planes.strip(rows),
        }
    }

    /// Ends the file.
    pub(crate) fn finish(self, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
        match self {
            Self::Jpeg(encoder) => Ok(encoder.finish()),
            Self::Webp(planes) => planes.finish(cancel),
        }
    }
}
