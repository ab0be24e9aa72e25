//! Steps that the kernels for AVX2 share.

#![allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]

use std::arch::x86_64::*;

/// Rows and columns change places, in each half on its own.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn transpose(r: [__m256i; 8]) -> [__m256i; 8] {
    let a = [
        _mm256_unpacklo_epi16(r[0], r[1]),
        _mm256_unpackhi_epi16(r[0], r[1]),
        _mm256_unpacklo_epi16(r[2], r[3]),
        _mm256_unpackhi_epi16(r[2], r[3]),
        _mm256_unpacklo_epi16(r[4], r[5]),
        _mm256_unpackhi_epi16(r[4], r[5]),
        _mm256_unpacklo_epi16(r[6], r[7]),
        _mm256_unpackhi_epi16(r[6], r[7]),
    ];
    let b = [
        _mm256_unpacklo_epi32(a[0], a[2]),
        _mm256_unpackhi_epi32(a[0], a[2]),
        _mm256_unpacklo_epi32(a[1], a[3]),
        _mm256_unpackhi_epi32(a[1], a[3]),
        _mm256_unpacklo_epi32(a[4], a[6]),
        _mm256_unpackhi_epi32(a[4], a[6]),
        _mm256_unpacklo_epi32(a[5], a[7]),
        _mm256_unpackhi_epi32(a[5], a[7]),
    ];
    [
        _mm256_unpacklo_epi64(b[0], b[4]),
        _mm256_unpackhi_epi64(b[0], b[4]),
        _mm256_unpacklo_epi64(b[1], b[5]),
        _mm256_unpackhi_epi64(b[1], b[5]),
        _mm256_unpacklo_epi64(b[2], b[6]),
        _mm256_unpackhi_epi64(b[2], b[6]),
        _mm256_unpacklo_epi64(b[3], b[7]),
        _mm256_unpackhi_epi64(b[3], b[7]),
    ]
}

/// A pair of weights in every lane.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn weights(even: i16, odd: i16) -> __m256i {
    _mm256_set1_epi32(i32::from(even) & 0xFFFF | i32::from(odd) << 16)
}

/// Drops this many fraction bits, rounding halves up.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn descale<const BITS: i32>(value: __m256i) -> __m256i {
    _mm256_srai_epi32::<BITS>(_mm256_add_epi32(value, _mm256_set1_epi32(1 << (BITS - 1))))
}
