//! The forward transform and quantisation for AVX2: one block in each half of a register. The arithmetic is that of the
//! plain form, step by step.

#![allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]
#![allow(unsafe_code, reason = "vector loads and stores go through pointers")]

use std::arch::x86_64::*;

use super::fdct::Quantiser;
use crate::dct::{CONST_BITS, EVEN, ODD, PASS_BITS};
use crate::simd::avx2::{descale, transpose, weights};

/// Rounded sums, to 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn narrow<const BITS: i32>(low: __m256i, high: __m256i) -> __m256i {
    _mm256_packs_epi32(descale::<BITS>(low), descale::<BITS>(high))
}

/// The two inputs, zipped, of an even output, times its weights.
#[inline]
#[target_feature(enable = "avx2")]
fn even<const BITS: i32>(zipped: [__m256i; 2], n: usize) -> __m256i {
    let weights = weights(EVEN[n][0], EVEN[n][1]);
    narrow::<BITS>(_mm256_madd_epi16(zipped[0], weights), _mm256_madd_epi16(zipped[1], weights))
}

/// The four inputs, zipped in twos, of an odd output, times its weights.
#[inline]
#[target_feature(enable = "avx2")]
fn odd<const BITS: i32>(first: [__m256i; 2], second: [__m256i; 2], n: usize) -> __m256i {
    let (w, v) = (weights(ODD[n][0], ODD[n][1]), weights(ODD[n][2], ODD[n][3]));
    narrow::<BITS>(
        _mm256_add_epi32(_mm256_madd_epi16(first[0], w), _mm256_madd_epi16(second[0], v)),
        _mm256_add_epi32(_mm256_madd_epi16(first[1], w), _mm256_madd_epi16(second[1], v)),
    )
}

#[inline]
#[target_feature(enable = "avx2")]
fn zip(a: __m256i, b: __m256i) -> [__m256i; 2] {
    [_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)]
}

/// All but outputs 0 and 4 in full; those two without their shift.
#[inline]
#[target_feature(enable = "avx2")]
fn points<const BITS: i32>(i: [__m256i; 8]) -> [__m256i; 8] {
    let sums = [
        _mm256_add_epi16(i[0], i[7]),
        _mm256_add_epi16(i[1], i[6]),
        _mm256_add_epi16(i[2], i[5]),
        _mm256_add_epi16(i[3], i[4]),
    ];
    let (outer, inner) = (_mm256_add_epi16(sums[0], sums[3]), _mm256_add_epi16(sums[1], sums[2]));
    let turned = zip(_mm256_sub_epi16(sums[0], sums[3]), _mm256_sub_epi16(sums[1], sums[2]));
    let first = zip(_mm256_sub_epi16(i[0], i[7]), _mm256_sub_epi16(i[1], i[6]));
    let second = zip(_mm256_sub_epi16(i[2], i[5]), _mm256_sub_epi16(i[3], i[4]));
    [
        _mm256_add_epi16(outer, inner),
        odd::<BITS>(first, second, 0),
        even::<BITS>(turned, 0),
        odd::<BITS>(first, second, 1),
        _mm256_sub_epi16(outer, inner),
        odd::<BITS>(first, second, 2),
        even::<BITS>(turned, 1),
        odd::<BITS>(first, second, 3),
    ]
}

/// Two blocks that lie side by side, to quantised coefficients, and for each block which of them aren't zero.
#[target_feature(enable = "avx2")]
pub(super) fn pair(
    samples: &[u8],
    stride: usize,
    quantiser: &Quantiser,
    out: &mut [[i16; 64]; 2],
) -> [u64; 2] {
    const FIRST: i32 = (CONST_BITS - PASS_BITS) as i32;
    const SECOND: i32 = (CONST_BITS + PASS_BITS) as i32;
    const PASS: i32 = PASS_BITS as i32;
    let mut rows = [_mm256_setzero_si256(); 8];
    for y in 0..8 {
        let samples: &[u8] = &samples[y * stride..][..16];
        // SAFETY: sixteen bytes are there.
        let wide = _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(samples.as_ptr().cast()) });
        rows[y] = _mm256_sub_epi16(wide, _mm256_set1_epi16(128));
    }
    let mut rows = points::<FIRST>(rows);
    rows[0] = _mm256_slli_epi16::<PASS>(rows[0]);
    rows[4] = _mm256_slli_epi16::<PASS>(rows[4]);
    let mut rows = points::<SECOND>(transpose(rows));
    let half = _mm256_set1_epi16(1 << (PASS - 1));
    rows[0] = _mm256_srai_epi16::<PASS>(_mm256_add_epi16(rows[0], half));
    rows[4] = _mm256_srai_epi16::<PASS>(_mm256_add_epi16(rows[4], half));
    let mut busy = [0; 2];
    let mut last = _mm256_setzero_si256();
    for u in 0..8 {
        let row = rows[u];
        let table = |table: &[u16; 64]| {
            let eight: &[u16] = &table[u * 8..u * 8 + 8];
            // SAFETY: eight values are there.
            _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(eight.as_ptr().cast()) })
        };
        let size = _mm256_add_epi16(_mm256_abs_epi16(row), table(&quantiser.half));
        let product = _mm256_mulhi_epu16(size, table(&quantiser.reciprocal));
        let result = _mm256_sign_epi16(_mm256_mulhi_epu16(product, table(&quantiser.scale)), row);
        let [left, right] = out;
        let (left, right) = (&mut left[u * 8..u * 8 + 8], &mut right[u * 8..u * 8 + 8]);
        // SAFETY: both hold eight values, which is the size of the stores.
        unsafe {
            _mm256_storeu2_m128i(right.as_mut_ptr().cast(), left.as_mut_ptr().cast(), result);
        }
        if u % 2 == 1 {
            // A byte for each coefficient of two rows, then a bit: the left block in the lower half.
            let bytes = _mm256_packs_epi16(last, result);
            let zero = _mm256_cmpeq_epi8(bytes, _mm256_setzero_si256());
            let set = !_mm256_movemask_epi8(zero) as u32;
            busy[0] |= u64::from(set & 0xFFFF) << (8 * (u - 1));
            busy[1] |= u64::from(set >> 16) << (8 * (u - 1));
        }
        last = result;
    }
    busy
}
