//! Which vector instructions the processor has. Every kernel exists in plain Rust, which is also the oracle of the
//! tests, and for AVX2; both give the same bits. On other processors the plain one runs.

/// What may be used. A value with AVX2 exists only where the processor was asked and has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Simd {
    avx2: bool,
}

impl Simd {
    /// Plain Rust.
    #[cfg(test)]
    pub(crate) const SCALAR: Self = Self { avx2: false };

    /// The best that this processor has. The answer is kept by the standard library, so asking is cheap.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        let avx2 = std::arch::is_x86_feature_detected!("avx2");
        #[cfg(not(target_arch = "x86_64"))]
        let avx2 = false;
        Self { avx2 }
    }

    /// Whether AVX2 is there.
    pub(crate) fn avx2(self) -> bool {
        self.avx2
    }
}

/// Rows and columns change places, in each half on its own.
#[inline]
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
pub(crate) fn transpose(r: [std::arch::x86_64::__m256i; 8]) -> [std::arch::x86_64::__m256i; 8] {
    #[allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]
    use std::arch::x86_64::*;

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
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
pub(crate) fn weights(even: i16, odd: i16) -> std::arch::x86_64::__m256i {
    std::arch::x86_64::_mm256_set1_epi32(i32::from(even) & 0xFFFF | i32::from(odd) << 16)
}

/// Drops this many fraction bits, rounding halves up.
#[inline]
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
pub(crate) fn descale<const BITS: i32>(value: std::arch::x86_64::__m256i) -> std::arch::x86_64::__m256i {
    use std::arch::x86_64::{_mm256_add_epi32, _mm256_set1_epi32, _mm256_srai_epi32};

    _mm256_srai_epi32::<BITS>(_mm256_add_epi32(value, _mm256_set1_epi32(1 << (BITS - 1))))
}
