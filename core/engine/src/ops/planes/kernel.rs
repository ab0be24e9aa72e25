//! The two passes in integer arithmetic: samples times weights of 14 fraction bits, 6 fraction bits in between.

use std::collections::VecDeque;

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::axis::Axis;
#[cfg(target_arch = "aarch64")]
use super::neon;
use crate::simd::Simd;

/// Rows are filled up to a multiple of this.
const LANES: usize = 16;
/// Fraction bits dropped by the first and by the second pass.
pub(super) const FIRST: u32 = 8;
pub(super) const SECOND: u32 = 20;

/// The length of the buffer for a row of `width`.
pub(super) fn padded(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

/// Sums rows from `from` on, one for each weight.
pub(super) fn down(simd: Simd, rows: &VecDeque<Box<[u8]>>, from: usize, weights: &[i16], out: &mut [i16]) {
    #[cfg(target_arch = "x86_64")]
    if simd.avx2() {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "the processor was asked")]
        return unsafe { avx2::down(rows, from, weights, out) };
    }
    #[cfg(target_arch = "aarch64")]
    if simd.neon() {
        // SAFETY: the processor has NEON.
        #[allow(unsafe_code, reason = "the processor was asked")]
        return unsafe { neon::down(rows, from, weights, out) };
    }
    let _ = simd;
    for x in 0..rows[from].len() {
        let sum: i32 =
            weights.iter().zip(rows.range(from..)).map(|(&w, row)| i32::from(w) * i32::from(row[x])).sum();
        out[x] = ((sum + (1 << (FIRST - 1))) >> FIRST).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    }
}

/// Sums samples of a row, whose first is the first that `axis` needs.
pub(super) fn along(simd: Simd, row: &[i16], axis: &Axis, out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if simd.avx2() {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "the processor was asked")]
        return unsafe { avx2::along(row, axis, out) };
    }
    #[cfg(target_arch = "aarch64")]
    if simd.neon() {
        // SAFETY: the processor has NEON.
        #[allow(unsafe_code, reason = "the processor was asked")]
        return unsafe { neon::along(row, axis, out) };
    }
    let _ = simd;
    along_scalar(row, axis, 0, out);
}

/// The plain form, from sample `first` of the result on.
pub(super) fn along_scalar(row: &[i16], axis: &Axis, first: usize, out: &mut [u8]) {
    let base = axis.needed().start;
    for (index, out) in out.iter_mut().enumerate().skip(first) {
        let span = axis.span(index);
        let samples = &row[span.start - base..span.end - base];
        let sum: i32 = axis
            .weights(index)
            .iter()
            .zip(samples)
            .map(|(&w, &sample)| i32::from(w) * i32::from(sample))
            .sum();
        *out = ((sum + (1 << (SECOND - 1))) >> SECOND).clamp(0, 255) as u8;
    }
}
