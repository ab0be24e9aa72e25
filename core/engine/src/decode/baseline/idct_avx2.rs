//! The inverse transforms for AVX2: one block in each half of a register. The arithmetic is that of the plain form,
//! step by step.

#![allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]
#![expect(clippy::needless_range_loop, reason = "plain loops are what is inlined into code for AVX2")]
#![allow(unsafe_code, reason = "vector loads and stores go through pointers")]

use std::arch::x86_64::*;

use super::idct::FOUR;
use crate::dct::{CONST_BITS, EVEN, ODD, PASS_BITS};
use crate::simd::avx2::{descale, transpose, weights};

const FIRST: i32 = (CONST_BITS - PASS_BITS) as i32;
const SECOND: i32 = (CONST_BITS + PASS_BITS + 3) as i32;

/// Row `u` of both blocks.
#[inline]
#[target_feature(enable = "avx2")]
fn load(blocks: &[[i16; 64]; 2], u: usize) -> __m256i {
    let (low, high) = (&blocks[0][u * 8..u * 8 + 8], &blocks[1][u * 8..u * 8 + 8]);
    // SAFETY: both slices hold eight values, which is the size of the loads.
    unsafe { _mm256_loadu2_m128i(high.as_ptr().cast(), low.as_ptr().cast()) }
}

/// Four points of four columns, the inputs paired as 0 with 2 and 1 with 3.
#[inline]
#[target_feature(enable = "avx2")]
fn four_points<const BITS: i32>(even: __m256i, odd: __m256i) -> [__m256i; 2] {
    let one = 1 << CONST_BITS;
    let plus = _mm256_madd_epi16(even, weights(one, one));
    let minus = _mm256_madd_epi16(even, weights(one, -one));
    let outer = _mm256_madd_epi16(odd, weights(FOUR[0], FOUR[1]));
    let inner = _mm256_madd_epi16(odd, weights(FOUR[1], -FOUR[0]));
    let upper = _mm256_packs_epi32(
        descale::<BITS>(_mm256_add_epi32(plus, outer)),
        descale::<BITS>(_mm256_add_epi32(minus, inner)),
    );
    let lower = _mm256_packs_epi32(
        descale::<BITS>(_mm256_sub_epi32(minus, inner)),
        descale::<BITS>(_mm256_sub_epi32(plus, outer)),
    );
    [upper, lower]
}

/// Two blocks to 4x4 samples each.
#[target_feature(enable = "avx2")]
pub(super) fn four(blocks: &[[i16; 64]; 2], out: &mut [u8], stride: usize) {
    let rows = [load(blocks, 0), load(blocks, 1), load(blocks, 2), load(blocks, 3)];
    let even = _mm256_unpacklo_epi16(rows[0], rows[2]);
    let odd = _mm256_unpacklo_epi16(rows[1], rows[3]);
    let [upper, lower] = four_points::<FIRST>(even, odd);
    // Each half register now holds two columns x of four vertical frequencies; bring 0 with 2 and 1 with 3 together.
    let order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
    let (upper, lower) = (_mm256_shuffle_epi8(upper, order), _mm256_shuffle_epi8(lower, order));
    let even = _mm256_unpacklo_epi64(upper, lower);
    let odd = _mm256_unpackhi_epi64(upper, lower);
    let [upper, lower] = four_points::<SECOND>(even, odd);
    let middle = _mm256_set1_epi16(128);
    let samples = _mm256_packus_epi16(_mm256_adds_epi16(upper, middle), _mm256_adds_epi16(lower, middle));
    // Rows of the left block in the lower half, of the right one in the upper: side by side.
    let rows = [_mm256_castsi256_si128(samples), _mm256_extracti128_si256::<1>(samples)];
    let (top, bottom) = (_mm_unpacklo_epi32(rows[0], rows[1]), _mm_unpackhi_epi32(rows[0], rows[1]));
    let eights = [
        _mm_cvtsi128_si64(top),
        _mm_cvtsi128_si64(_mm_unpackhi_epi64(top, top)),
        _mm_cvtsi128_si64(bottom),
        _mm_cvtsi128_si64(_mm_unpackhi_epi64(bottom, bottom)),
    ];
    for y in 0..4 {
        out[y * stride..][..8].copy_from_slice(&eights[y].to_le_bytes());
    }
}

/// Eight points of eight columns.
#[inline]
#[target_feature(enable = "avx2")]
fn eight_points<const BITS: i32>(i: [__m256i; 8]) -> [__m256i; 8] {
    let one = 1 << CONST_BITS;
    let mut halves = [[_mm256_setzero_si256(); 8]; 2];
    for half in 0..2 {
        let out = &mut halves[half];
        let zip = |a: __m256i, b: __m256i| {
            if half == 0 { _mm256_unpacklo_epi16(a, b) } else { _mm256_unpackhi_epi16(a, b) }
        };
        let (zero_four, two_six) = (zip(i[0], i[4]), zip(i[2], i[6]));
        let (one_three, five_seven) = (zip(i[1], i[3]), zip(i[5], i[7]));
        let plus = _mm256_madd_epi16(zero_four, weights(one, one));
        let minus = _mm256_madd_epi16(zero_four, weights(one, -one));
        let first = _mm256_madd_epi16(two_six, weights(EVEN[0][0], EVEN[0][1]));
        let second = _mm256_madd_epi16(two_six, weights(EVEN[1][0], EVEN[1][1]));
        let outer = [
            _mm256_add_epi32(plus, first),
            _mm256_add_epi32(minus, second),
            _mm256_sub_epi32(minus, second),
            _mm256_sub_epi32(plus, first),
        ];
        for n in 0..4 {
            let odd = _mm256_add_epi32(
                _mm256_madd_epi16(one_three, weights(ODD[n][0], ODD[n][1])),
                _mm256_madd_epi16(five_seven, weights(ODD[n][2], ODD[n][3])),
            );
            out[n] = descale::<BITS>(_mm256_add_epi32(outer[n], odd));
            out[7 - n] = descale::<BITS>(_mm256_sub_epi32(outer[n], odd));
        }
    }
    let mut packed = [_mm256_setzero_si256(); 8];
    for n in 0..8 {
        packed[n] = _mm256_packs_epi32(halves[0][n], halves[1][n]);
    }
    packed
}

/// Two blocks to 8x8 samples each.
#[target_feature(enable = "avx2")]
pub(super) fn eight(blocks: &[[i16; 64]; 2], out: &mut [u8], stride: usize) {
    let mut rows = [_mm256_setzero_si256(); 8];
    for u in 0..8 {
        rows[u] = load(blocks, u);
    }
    let rows = eight_points::<SECOND>(transpose(eight_points::<FIRST>(rows)));
    let middle = _mm256_set1_epi16(128);
    for half in 0..4 {
        let y = 2 * half;
        let samples =
            _mm256_packus_epi16(_mm256_adds_epi16(rows[y], middle), _mm256_adds_epi16(rows[y + 1], middle));
        // Left block: row y, row y + 1; right block the same. Exchange the middle quarters.
        let samples = _mm256_permute4x64_epi64::<0b11_01_10_00>(samples);
        let (upper, lower) = out[y * stride..].split_at_mut(stride);
        let (upper, lower) = (&mut upper[..16], &mut lower[..16]);
        // SAFETY: both hold sixteen bytes, which is the size of the stores.
        unsafe {
            _mm_storeu_si128(upper.as_mut_ptr().cast(), _mm256_castsi256_si128(samples));
            _mm_storeu_si128(lower.as_mut_ptr().cast(), _mm256_extracti128_si256::<1>(samples));
        }
    }
}
