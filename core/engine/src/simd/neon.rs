//! Steps that the kernels for NEON share.

#![allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]

use std::arch::aarch64::*;

/// Rows and columns change places.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn transpose(r: [int16x8_t; 8]) -> [int16x8_t; 8] {
    let [upper, lower] = [four_rows(r[0], r[1], r[2], r[3]), four_rows(r[4], r[5], r[6], r[7])];
    let first = |n: usize| vreinterpretq_s16_s64(vtrn1q_s64(upper[n], lower[n]));
    let second = |n: usize| vreinterpretq_s16_s64(vtrn2q_s64(upper[n], lower[n]));
    [first(0), first(1), first(2), first(3), second(0), second(1), second(2), second(3)]
}

/// Of four rows the columns 0 and 4, 1 and 5, 2 and 6, 3 and 7.
#[inline]
#[target_feature(enable = "neon")]
fn four_rows(a: int16x8_t, b: int16x8_t, c: int16x8_t, d: int16x8_t) -> [int64x2_t; 4] {
    let even = [vreinterpretq_s32_s16(vtrn1q_s16(a, b)), vreinterpretq_s32_s16(vtrn1q_s16(c, d))];
    let odd = [vreinterpretq_s32_s16(vtrn2q_s16(a, b)), vreinterpretq_s32_s16(vtrn2q_s16(c, d))];
    [
        vreinterpretq_s64_s32(vtrn1q_s32(even[0], even[1])),
        vreinterpretq_s64_s32(vtrn1q_s32(odd[0], odd[1])),
        vreinterpretq_s64_s32(vtrn2q_s32(even[0], even[1])),
        vreinterpretq_s64_s32(vtrn2q_s32(odd[0], odd[1])),
    ]
}

/// Drops this many fraction bits, rounding halves up, and keeps what fits 16 bits.
#[inline]
#[target_feature(enable = "neon")]
pub(crate) fn descale<const BITS: i32>(value: int32x4_t) -> int16x4_t {
    vqmovn_s32(vshrq_n_s32::<BITS>(vaddq_s32(value, vdupq_n_s32(1 << (BITS - 1)))))
}
