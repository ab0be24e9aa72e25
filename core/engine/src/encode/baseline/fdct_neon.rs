//! The forward transform and quantisation for NEON, a block at a time. The arithmetic is that of the plain form, step by
//! step.

#![allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]
#![allow(unsafe_code, reason = "vector loads and stores go through pointers")]

use std::arch::aarch64::*;

use super::fdct::Quantiser;
use crate::dct::{CONST_BITS, EVEN, ODD, PASS_BITS};
use crate::simd::neon::{descale, transpose};

/// A rounded sum of inputs, each times its weight.
#[inline]
#[target_feature(enable = "neon")]
fn sum<const BITS: i32, const INPUTS: usize>(
    inputs: [int16x8_t; INPUTS],
    weights: [i16; INPUTS],
) -> int16x8_t {
    let (mut low, mut high) = (vdupq_n_s32(0), vdupq_n_s32(0));
    for n in 0..INPUTS {
        low = vmlal_n_s16(low, vget_low_s16(inputs[n]), weights[n]);
        high = vmlal_high_n_s16(high, inputs[n], weights[n]);
    }
    vcombine_s16(descale::<BITS>(low), descale::<BITS>(high))
}

/// All but outputs 0 and 4 in full; those two without their shift.
#[inline]
#[target_feature(enable = "neon")]
fn points<const BITS: i32>(i: [int16x8_t; 8]) -> [int16x8_t; 8] {
    let sums = [vaddq_s16(i[0], i[7]), vaddq_s16(i[1], i[6]), vaddq_s16(i[2], i[5]), vaddq_s16(i[3], i[4])];
    let (outer, inner) = (vaddq_s16(sums[0], sums[3]), vaddq_s16(sums[1], sums[2]));
    let turned = [vsubq_s16(sums[0], sums[3]), vsubq_s16(sums[1], sums[2])];
    let differences =
        [vsubq_s16(i[0], i[7]), vsubq_s16(i[1], i[6]), vsubq_s16(i[2], i[5]), vsubq_s16(i[3], i[4])];
    [
        vaddq_s16(outer, inner),
        sum::<BITS, 4>(differences, ODD[0]),
        sum::<BITS, 2>(turned, EVEN[0]),
        sum::<BITS, 4>(differences, ODD[1]),
        vsubq_s16(outer, inner),
        sum::<BITS, 4>(differences, ODD[2]),
        sum::<BITS, 2>(turned, EVEN[1]),
        sum::<BITS, 4>(differences, ODD[3]),
    ]
}

/// The upper halves of products.
#[inline]
#[target_feature(enable = "neon")]
fn upper(a: uint16x8_t, b: uint16x8_t) -> uint16x8_t {
    let low = vmull_u16(vget_low_u16(a), vget_low_u16(b));
    vshrn_high_n_u32::<16>(vshrn_n_u32::<16>(low), vmull_high_u16(a, b))
}

/// One block to quantised coefficients, and which of them aren't zero.
#[target_feature(enable = "neon")]
pub(super) fn one(samples: &[u8], stride: usize, quantiser: &Quantiser, out: &mut [i16; 64]) -> u64 {
    const FIRST: i32 = (CONST_BITS - PASS_BITS) as i32;
    const SECOND: i32 = (CONST_BITS + PASS_BITS) as i32;
    const PASS: i32 = PASS_BITS as i32;
    /// The bit of each lane.
    const BITS: [u16; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
    let mut rows = [vdupq_n_s16(0); 8];
    for (y, row) in rows.iter_mut().enumerate() {
        let samples: &[u8] = &samples[y * stride..][..8];
        // SAFETY: eight bytes are there.
        let samples = unsafe { vld1_u8(samples.as_ptr()) };
        *row = vreinterpretq_s16_u16(vsubl_u8(samples, vdup_n_u8(128)));
    }
    let mut rows = points::<FIRST>(rows);
    rows[0] = vshlq_n_s16::<PASS>(rows[0]);
    rows[4] = vshlq_n_s16::<PASS>(rows[4]);
    let mut rows = points::<SECOND>(transpose(rows));
    rows[0] = vrshrq_n_s16::<PASS>(rows[0]);
    rows[4] = vrshrq_n_s16::<PASS>(rows[4]);
    // SAFETY: eight values are there.
    let bits = unsafe { vld1q_u16(BITS.as_ptr()) };
    let mut busy = 0;
    for (u, (row, out)) in rows.into_iter().zip(out.as_chunks_mut::<8>().0).enumerate() {
        let table = |table: &[u16; 64]| {
            let eight: &[u16] = &table[u * 8..u * 8 + 8];
            // SAFETY: eight values are there.
            unsafe { vld1q_u16(eight.as_ptr()) }
        };
        let size = vaddq_u16(vreinterpretq_u16_s16(vabsq_s16(row)), table(&quantiser.half));
        let product = upper(size, table(&quantiser.reciprocal));
        let result = vreinterpretq_s16_u16(upper(product, table(&quantiser.scale)));
        // All bits where the coefficient is negative: the result's are turned over, and one is added.
        let sign = vshrq_n_s16::<15>(row);
        let result = vsubq_s16(veorq_s16(result, sign), sign);
        // SAFETY: eight values are there, which is the size of the store.
        unsafe { vst1q_s16(out.as_mut_ptr(), result) };
        busy |= u64::from(vaddvq_u16(vandq_u16(vtstq_s16(result, result), bits))) << (8 * u);
    }
    busy
}
