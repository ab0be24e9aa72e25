//! The inverse transforms for NEON, a block at a time. The arithmetic is that of the plain form, step by step.

#![allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]
#![allow(unsafe_code, reason = "vector loads and stores go through pointers")]

use std::arch::aarch64::*;

use super::idct::FOUR;
use crate::dct::{CONST_BITS, EVEN, ODD, PASS_BITS};
use crate::simd::neon::{descale, transpose};

const FIRST: i32 = (CONST_BITS - PASS_BITS) as i32;
const SECOND: i32 = (CONST_BITS + PASS_BITS + 3) as i32;

/// The sum of two inputs, each times its weight.
#[inline]
#[target_feature(enable = "neon")]
fn sum(inputs: [int16x4_t; 2], weights: [i16; 2]) -> int32x4_t {
    vmlal_n_s16(vmull_n_s16(inputs[0], weights[0]), inputs[1], weights[1])
}

/// Four points of four columns.
#[inline]
#[target_feature(enable = "neon")]
fn four_points<const BITS: i32>(i: [int16x4_t; 4]) -> [int16x4_t; 4] {
    let one = 1 << CONST_BITS;
    let (plus, minus) = (sum([i[0], i[2]], [one, one]), sum([i[0], i[2]], [one, -one]));
    let outer = sum([i[1], i[3]], [FOUR[0], FOUR[1]]);
    let inner = sum([i[1], i[3]], [FOUR[1], -FOUR[0]]);
    [
        descale::<BITS>(vaddq_s32(plus, outer)),
        descale::<BITS>(vaddq_s32(minus, inner)),
        descale::<BITS>(vsubq_s32(minus, inner)),
        descale::<BITS>(vsubq_s32(plus, outer)),
    ]
}

/// Rows and columns of four change places.
#[inline]
#[target_feature(enable = "neon")]
fn transpose_four(r: [int16x4_t; 4]) -> [int16x4_t; 4] {
    let even = [vreinterpret_s32_s16(vtrn1_s16(r[0], r[1])), vreinterpret_s32_s16(vtrn1_s16(r[2], r[3]))];
    let odd = [vreinterpret_s32_s16(vtrn2_s16(r[0], r[1])), vreinterpret_s32_s16(vtrn2_s16(r[2], r[3]))];
    [
        vreinterpret_s16_s32(vtrn1_s32(even[0], even[1])),
        vreinterpret_s16_s32(vtrn1_s32(odd[0], odd[1])),
        vreinterpret_s16_s32(vtrn2_s32(even[0], even[1])),
        vreinterpret_s16_s32(vtrn2_s32(odd[0], odd[1])),
    ]
}

/// A block to 4x4 samples.
#[target_feature(enable = "neon")]
pub(super) fn four(block: &[i16; 64], out: &mut [u8], stride: usize) {
    let mut rows = [vdup_n_s16(0); 4];
    for (row, inputs) in rows.iter_mut().zip(block.as_chunks::<8>().0) {
        // SAFETY: eight values are there, of which four are loaded.
        *row = unsafe { vld1_s16(inputs.as_ptr()) };
    }
    let rows = four_points::<SECOND>(transpose_four(four_points::<FIRST>(rows)));
    for (y, row) in rows.into_iter().enumerate() {
        let samples = vreinterpret_u32_u8(samples(vcombine_s16(row, row)));
        out[y * stride..][..4].copy_from_slice(&vget_lane_u32::<0>(samples).to_le_bytes());
    }
}

/// From signed values to samples.
#[inline]
#[target_feature(enable = "neon")]
fn samples(values: int16x8_t) -> uint8x8_t {
    vqmovun_s16(vqaddq_s16(values, vdupq_n_s16(128)))
}

/// Eight points of eight columns.
#[inline]
#[target_feature(enable = "neon")]
fn eight_points<const BITS: i32>(i: [int16x8_t; 8]) -> [int16x8_t; 8] {
    let mut low = [vdup_n_s16(0); 8];
    let mut high = low;
    for n in 0..8 {
        (low[n], high[n]) = (vget_low_s16(i[n]), vget_high_s16(i[n]));
    }
    let (low, high) = (four_columns::<BITS>(low), four_columns::<BITS>(high));
    let mut points = [vdupq_n_s16(0); 8];
    for n in 0..8 {
        points[n] = vcombine_s16(low[n], high[n]);
    }
    points
}

/// Eight points of four columns.
#[inline]
#[target_feature(enable = "neon")]
fn four_columns<const BITS: i32>(i: [int16x4_t; 8]) -> [int16x4_t; 8] {
    let one = 1 << CONST_BITS;
    let (plus, minus) = (sum([i[0], i[4]], [one, one]), sum([i[0], i[4]], [one, -one]));
    let (first, second) = (sum([i[2], i[6]], EVEN[0]), sum([i[2], i[6]], EVEN[1]));
    let outer =
        [vaddq_s32(plus, first), vaddq_s32(minus, second), vsubq_s32(minus, second), vsubq_s32(plus, first)];
    let mut points = [vdup_n_s16(0); 8];
    for n in 0..4 {
        let [a, b, c, d] = ODD[n];
        let odd = vaddq_s32(sum([i[1], i[3]], [a, b]), sum([i[5], i[7]], [c, d]));
        points[n] = descale::<BITS>(vaddq_s32(outer[n], odd));
        points[7 - n] = descale::<BITS>(vsubq_s32(outer[n], odd));
    }
    points
}

/// A block to 8x8 samples.
#[target_feature(enable = "neon")]
pub(super) fn eight(block: &[i16; 64], out: &mut [u8], stride: usize) {
    let mut rows = [vdupq_n_s16(0); 8];
    for (row, inputs) in rows.iter_mut().zip(block.as_chunks::<8>().0) {
        // SAFETY: eight values are there.
        *row = unsafe { vld1q_s16(inputs.as_ptr()) };
    }
    let rows = eight_points::<SECOND>(transpose(eight_points::<FIRST>(rows)));
    for (y, row) in rows.into_iter().enumerate() {
        let out = &mut out[y * stride..][..8];
        // SAFETY: eight bytes are there, which is the size of the store.
        unsafe { vst1_u8(out.as_mut_ptr(), samples(row)) };
    }
}
