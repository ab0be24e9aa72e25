//! Planes of 8-bit samples, or pixels of several, resampled as their rows arrive (Lanczos with three lobes, gamma-encoded
//! samples): first down the columns, then along the rows. No more rows are held than the kernel spans.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod axis;
mod kernel;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) use axis::Axis;

use crate::simd::Simd;

/// Resamples one plane, or a picture whose samples are interleaved. Rows go in at the top with [`Self::push`] and come out
/// with [`Self::pull`].
pub(crate) struct Resampler {
    simd: Simd,
    /// Samples of a pixel.
    channels: usize,
    columns: Arc<Axis>,
    rows: Arc<Axis>,
    /// Rows that are still needed, cut to the columns that are; `first` is the place of the first in the plane.
    held: VecDeque<Box<[u8]>>,
    first: usize,
    /// Rows to be used again.
    spare: Vec<Box<[u8]>>,
    /// The next row of the result.
    next: usize,
    /// One row after the first pass, and one of its channels alone, before and after the second.
    between: Vec<i16>,
    lane: Vec<i16>,
    short: Vec<u8>,
}

impl Resampler {
    /// Axes may be shared by planes of the same size.
    pub(crate) fn new(columns: Arc<Axis>, rows: Arc<Axis>, simd: Simd) -> Self {
        Self::interleaved(1, columns, rows, simd)
    }

    /// For rows of pixels with this many samples each.
    pub(crate) fn interleaved(channels: usize, columns: Arc<Axis>, rows: Arc<Axis>, simd: Simd) -> Self {
        let needed = columns.needed().len();
        let between = vec![0; kernel::padded(needed * channels) + columns.taps()];
        let (lane, short) = match channels {
            1 => (Vec::new(), Vec::new()),
            _ => (vec![0; kernel::padded(needed) + columns.taps()], vec![0; columns.count()]),
        };
        let (first, held, spare) = (rows.needed().start, VecDeque::new(), Vec::new());
        Self { simd, channels, columns, rows, held, first, spare, next: 0, between, lane, short }
    }

    /// Takes row `y` of the plane. Rows come in order; those that nothing needs are ignored.
    pub(crate) fn push(&mut self, y: usize, row: &[u8]) {
        if y < self.first || y >= self.rows.needed().end {
            return;
        }
        debug_assert_eq!(y, self.first + self.held.len());
        let columns = self.columns.needed();
        let columns = columns.start * self.channels..columns.end * self.channels;
        let mut held = self.spare.pop().unwrap_or_else(|| vec![0; kernel::padded(columns.len())].into());
        held[..columns.len()].copy_from_slice(&row[columns.clone()]);
        self.held.push_back(held);
    }

    /// Whether `count` more rows can be pulled.
    pub(crate) fn has(&self, count: usize) -> bool {
        let last = (self.next + count).min(self.rows.count()) - 1;
        self.rows.span(last).end <= self.first + self.held.len()
    }

    /// Writes the next row of the result to `out`, which is as long as the row.
    pub(crate) fn pull(&mut self, out: &mut [u8]) {
        let span = self.rows.span(self.next);
        let weights = self.rows.weights(self.next);
        let (from, length) = (span.start - self.first, span.len());
        if self.rows.is_copy() && self.columns.is_copy() {
            out.copy_from_slice(&self.held[from][..out.len()]);
        } else {
            kernel::down(self.simd, &self.held, from, &weights[..length], &mut self.between);
            self.along(out);
        }
        self.next += 1;
        self.forget(span.end);
    }

    /// The second pass over the row at hand.
    fn along(&mut self, out: &mut [u8]) {
        let Self { simd, channels, columns, between, lane, short, .. } = self;
        match channels {
            1 => kernel::along(*simd, between, columns, out),
            2 => each::<2>(*simd, columns, between, lane, short, out),
            3 => each::<3>(*simd, columns, between, lane, short, out),
            _ => each::<4>(*simd, columns, between, lane, short, out),
        }
    }

    /// Drops the rows that nothing needs any more; after the last row of the result, those before `end`.
    fn forget(&mut self, end: usize) {
        let keep = if self.next < self.rows.count() { self.rows.span(self.next).start } else { end };
        while self.first < keep {
            match self.held.pop_front() {
                Some(row) => self.spare.push(row),
                None => break,
            }
            self.first += 1;
        }
    }
}

/// The second pass for every channel of a row of pixels.
fn each<const CHANNELS: usize>(
    simd: Simd,
    columns: &Axis,
    row: &[i16],
    lane: &mut [i16],
    short: &mut [u8],
    out: &mut [u8],
) {
    let pixels = row.as_chunks::<CHANNELS>().0;
    for channel in 0..CHANNELS {
        for (sample, pixel) in lane.iter_mut().zip(pixels).take(columns.needed().len()) {
            *sample = pixel[channel];
        }
        kernel::along(simd, lane, columns, short);
        for (pixel, &sample) in out.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(&*short) {
            pixel[channel] = sample;
        }
    }
}
