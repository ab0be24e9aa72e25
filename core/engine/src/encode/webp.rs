//! WebP, lossy and lossless.
//!
//! Lossy runs at method 2, which comes close to the size and the score of method 4 in less than half of its time.
//! Lossless keeps the colours under transparent pixels.

use super::expand;
use super::libwebp;
use crate::error::Error;
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};

/// Bytes a pixel at the most for [`Planes`] and what the library makes of them, the file included.
pub(super) const PLANES_BYTES: usize = 5;

pub(super) fn lossy(pixels: &Pixels, quality: u8, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
    encode(pixels, libwebp::Settings::Lossy { quality }, cancel)
}

/// With `thorough` the file becomes a few percent smaller in several times the time.
pub(super) fn lossless(pixels: &Pixels, thorough: bool, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
    encode(pixels, libwebp::Settings::Lossless { thorough }, cancel)
}

fn encode(pixels: &Pixels, settings: libwebp::Settings, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
    cancel.check()?;
    let layout = if pixels.layout.has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let bytes = libwebp::encode(&expand::to(pixels, layout), settings, cancel);
    cancel.check()?;
    bytes
}

/// A lossy picture in the making: planes that fill up from the top. They come over the full range, as JFIF has it, and are
/// kept over the limited one of ITU-R BT.601, which the format wants. A plane of chroma that is never filled is grey.
pub(crate) struct Planes {
    /// Luma, then chroma at half the resolution.
    planes: [Plane; 3],
    quality: u8,
}

struct Plane {
    samples: Vec<u8>,
    width: usize,
    /// How many rows are done.
    done: usize,
}

/// Rows of luma in a strip; of chroma there are half as many.
const STRIP: usize = 16;

/// The limited range for each value of the full one: luma lies at 16..=235, chroma at 16..=240 around 128.
static LUMA: [u8; 256] = limited(219, 16);
static CHROMA: [u8; 256] = limited(224, 128 - 112);

const fn limited(range: usize, lowest: usize) -> [u8; 256] {
    let mut table = [0; 256];
    let mut value = 0;
    while value < table.len() {
        table[value] = ((2 * value * range + 255) / 510 + lowest) as u8;
        value += 1;
    }
    table
}

impl Planes {
    /// For a picture of this width and height, in pixels.
    pub(super) fn new((width, height): (usize, usize), quality: u8) -> Self {
        let plane = |factor: usize, filled| {
            let (width, height) = (width.div_ceil(factor), height.div_ceil(factor));
            Plane { samples: vec![filled; width * height], width, done: 0 }
        };
        Self { planes: [plane(1, 0), plane(2, 128), plane(2, 128)], quality }
    }

    /// Rows of plane `index` in a strip.
    pub(super) fn rows(index: usize) -> usize {
        if index == 0 { STRIP } else { STRIP / 2 }
    }

    /// Row `y` of plane `index` in the strip to be taken next.
    pub(super) fn row(&mut self, index: usize, y: usize) -> &mut [u8] {
        let plane = &mut self.planes[index];
        &mut plane.samples[(plane.done + y) * plane.width..][..plane.width]
    }

    /// Takes the strip, of which plane `index` has `rows[index]` rows.
    pub(super) fn strip(&mut self, rows: &[usize]) {
        let tables = [&LUMA, &CHROMA, &CHROMA];
        for ((plane, table), rows) in self.planes.iter_mut().zip(tables).zip(rows) {
            let strip = &mut plane.samples[plane.done * plane.width..][..rows * plane.width];
            for sample in strip {
                *sample = table[usize::from(*sample)];
            }
            plane.done += rows;
        }
    }

    /// Encodes them.
    pub(super) fn finish(self, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
        cancel.check()?;
        let Self { planes: [luma, blue, red], quality } = self;
        let size = (luma.width, luma.done);
        let planes = [luma, blue, red].map(|plane| plane.samples);
        let bytes = libwebp::encode_planes(size, &planes, quality, cancel);
        cancel.check()?;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limited_range_begins_and_ends_where_it_should() {
        assert_eq!([LUMA[0], LUMA[255]], [16, 235]);
        assert_eq!([CHROMA[0], CHROMA[128], CHROMA[255]], [16, 128, 240]);
        assert!(LUMA.is_sorted() && CHROMA.is_sorted());
    }
}
