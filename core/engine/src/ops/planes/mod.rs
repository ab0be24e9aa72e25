//! Planes of 8-bit samples, resampled as their rows arrive (Lanczos with three lobes, gamma-encoded samples): first
//! down the columns, then along the rows. No more rows are held than the kernel spans.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod axis;
mod kernel;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) use axis::Axis;

use crate::simd::Simd;

/// Resamples one plane. Rows go in at the top with [`Self::push`] and come out with [`Self::pull`].
pub(crate) struct Resampler {
    simd: Simd,
    columns: Arc<Axis>,
    rows: Arc<Axis>,
    /// Rows that are still needed, cut to the columns that are; `first` is the place of the first in the plane.
    held: VecDeque<Box<[u8]>>,
    first: usize,
    /// Rows to be used again.
    spare: Vec<Box<[u8]>>,
    /// The next row of the result.
    next: usize,
    /// One row after the first pass.
    between: Vec<i16>,
}

impl Resampler {
    /// Axes may be shared by planes of the same size.
    pub(crate) fn new(columns: Arc<Axis>, rows: Arc<Axis>, simd: Simd) -> Self {
        let between = vec![0; kernel::padded(columns.needed().len()) + columns.taps()];
        let first = rows.needed().start;
        Self { simd, columns, rows, held: VecDeque::new(), first, spare: Vec::new(), next: 0, between }
    }

    /// Takes row `y` of the plane. Rows come in order; those that nothing needs are ignored.
    pub(crate) fn push(&mut self, y: usize, row: &[u8]) {
        if y < self.first || y >= self.rows.needed().end {
            return;
        }
        debug_assert_eq!(y, self.first + self.held.len());
        let columns = self.columns.needed();
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
            kernel::along(self.simd, &self.between, &self.columns, out);
        }
        self.next += 1;
        let keep = if self.next < self.rows.count() { self.rows.span(self.next).start } else { span.end };
        while self.first < keep {
            match self.held.pop_front() {
                Some(row) => self.spare.push(row),
                None => break,
            }
            self.first += 1;
        }
    }
}
