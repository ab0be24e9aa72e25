//! The two passes for AVX2. The arithmetic is that of the plain form: sums of 32 bits have no order.

#![allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]
#![allow(unsafe_code, reason = "vector loads and stores go through pointers")]

use std::arch::x86_64::*;
use std::collections::VecDeque;

use super::axis::Axis;
use super::kernel::{FIRST, SECOND};

/// Sixteen samples as 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn widen(samples: &[u8; 16]) -> __m256i {
    // SAFETY: sixteen bytes are there.
    _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(samples.as_ptr().cast()) })
}

/// Two rows and their weights, in every lane.
type Pair<'a> = (&'a [[u8; 16]], &'a [[u8; 16]], __m256i);

/// Sums rows from `from` on, one for each weight.
#[target_feature(enable = "avx2")]
pub(super) fn down(rows: &VecDeque<Box<[u8]>>, from: usize, weights: &[i16], out: &mut [i16]) {
    // Rows in twos, each two with their weights in every lane; a row without a partner is its own, at no weight.
    let mut pairs: Vec<Pair<'_>> = Vec::with_capacity(weights.len().div_ceil(2));
    for (n, pair) in weights.chunks(2).enumerate() {
        let first = from + 2 * n;
        let second = first + pair.len() - 1;
        let both = i32::from(pair[0]) & 0xFFFF | i32::from(pair.get(1).copied().unwrap_or(0)) << 16;
        pairs.push((rows[first].as_chunks().0, rows[second].as_chunks().0, _mm256_set1_epi32(both)));
    }
    let half = _mm256_set1_epi32(1 << (FIRST - 1));
    let lanes = rows[from].len() / 16;
    for (x, out) in out.as_chunks_mut::<16>().0.iter_mut().take(lanes).enumerate() {
        let (mut low, mut high) = (half, half);
        for (first, second, both) in &pairs {
            let (first, second) = (widen(&first[x]), widen(&second[x]));
            low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), *both));
            high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), *both));
        }
        let (low, high) =
            (_mm256_srai_epi32::<{ FIRST as i32 }>(low), _mm256_srai_epi32::<{ FIRST as i32 }>(high));
        // SAFETY: `out` is sixteen values, which is the size of the store.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), _mm256_packs_epi32(low, high)) };
    }
}

/// Samples times weights, still in eight parts. Both slices are as long as the axis has taps, a multiple of eight.
#[inline]
#[target_feature(enable = "avx2")]
fn parts(samples: &[i16], weights: &[i16]) -> __m256i {
    let mut sum = _mm256_setzero_si256();
    let whole = samples.len().min(weights.len());
    let mut at = 0;
    while at + 16 <= whole {
        // SAFETY: sixteen values from `at` on are there in both.
        let (samples, weights) = unsafe {
            (
                _mm256_loadu_si256(samples.as_ptr().add(at).cast()),
                _mm256_loadu_si256(weights.as_ptr().add(at).cast()),
            )
        };
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, weights));
        at += 16;
    }
    if at + 8 <= whole {
        // SAFETY: eight values from `at` on are there in both.
        let (samples, weights) = unsafe {
            (
                _mm_loadu_si128(samples.as_ptr().add(at).cast()),
                _mm_loadu_si128(weights.as_ptr().add(at).cast()),
            )
        };
        sum = _mm256_add_epi32(sum, _mm256_zextsi128_si256(_mm_madd_epi16(samples, weights)));
    }
    sum
}

/// Sums samples of a row, whose first is the first that `axis` needs. Behind its last there are as many as an axis has
/// taps, of any value.
#[target_feature(enable = "avx2")]
pub(super) fn along(row: &[i16], axis: &Axis, out: &mut [u8]) {
    // The usual lengths are known to the compiler.
    match axis.taps() {
        8 => along_taps::<8>(row, axis, out),
        16 => along_taps::<16>(row, axis, out),
        24 => along_taps::<24>(row, axis, out),
        _ => along_taps::<0>(row, axis, out),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn along_taps<const TAPS: usize>(row: &[i16], axis: &Axis, out: &mut [u8]) {
    let taps = if TAPS == 0 { axis.taps() } else { TAPS };
    let (base, spans, weights) = (axis.needed().start, axis.spans(), axis.all_weights());
    let half = _mm_set1_epi32(1 << (SECOND - 1));
    let fours = out.len() / 4;
    for n in 0..fours {
        let (spans, weights) = (&spans[4 * n..][..4], &weights[4 * n * taps..][..4 * taps]);
        let first = parts(&row[spans[0].0 as usize - base..][..taps], &weights[..taps]);
        let second = parts(&row[spans[1].0 as usize - base..][..taps], &weights[taps..][..taps]);
        let third = parts(&row[spans[2].0 as usize - base..][..taps], &weights[2 * taps..][..taps]);
        let fourth = parts(&row[spans[3].0 as usize - base..][..taps], &weights[3 * taps..][..taps]);
        let sums = _mm256_hadd_epi32(_mm256_hadd_epi32(first, second), _mm256_hadd_epi32(third, fourth));
        let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
        let sums = _mm_srai_epi32::<{ SECOND as i32 }>(_mm_add_epi32(sums, half));
        let samples = _mm_packus_epi16(_mm_packs_epi32(sums, sums), sums);
        out[4 * n..][..4].copy_from_slice(&_mm_cvtsi128_si32(samples).to_le_bytes());
    }
    super::kernel::along_scalar(row, axis, 4 * fours, out);
}
