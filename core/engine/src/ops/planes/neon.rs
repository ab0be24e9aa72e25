//! The two passes for NEON. The arithmetic is that of the plain form: sums of 32 bits have no order.

#![allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]
#![allow(unsafe_code, reason = "vector loads and stores go through pointers")]

use std::arch::aarch64::*;
use std::collections::VecDeque;

use super::axis::Axis;
use super::kernel::{FIRST, SECOND};
use crate::simd::neon::descale;

/// Sums rows from `from` on, one for each weight.
#[target_feature(enable = "neon")]
pub(super) fn down(rows: &VecDeque<Box<[u8]>>, from: usize, weights: &[i16], out: &mut [i16]) {
    let weighted: Vec<(&[[u8; 16]], i16)> =
        rows.range(from..).zip(weights).map(|(row, &weight)| (row.as_chunks().0, weight)).collect();
    let lanes = rows[from].len() / 16;
    for (x, out) in out.as_chunks_mut::<16>().0.iter_mut().take(lanes).enumerate() {
        let mut sums = [vdupq_n_s32(0); 4];
        for &(row, weight) in &weighted {
            let samples: &[u8; 16] = &row[x];
            // SAFETY: sixteen bytes are there.
            let samples = unsafe { vld1q_u8(samples.as_ptr()) };
            let low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(samples)));
            let high = vreinterpretq_s16_u16(vmovl_high_u8(samples));
            sums[0] = vmlal_n_s16(sums[0], vget_low_s16(low), weight);
            sums[1] = vmlal_high_n_s16(sums[1], low, weight);
            sums[2] = vmlal_n_s16(sums[2], vget_low_s16(high), weight);
            sums[3] = vmlal_high_n_s16(sums[3], high, weight);
        }
        let low = vcombine_s16(descale::<{ FIRST as i32 }>(sums[0]), descale::<{ FIRST as i32 }>(sums[1]));
        let high = vcombine_s16(descale::<{ FIRST as i32 }>(sums[2]), descale::<{ FIRST as i32 }>(sums[3]));
        // SAFETY: `out` is sixteen values, which is the size of both stores.
        unsafe {
            vst1q_s16(out.as_mut_ptr(), low);
            vst1q_s16(out.as_mut_ptr().add(8), high);
        }
    }
}

/// Samples times weights, still in four parts. Both slices are as long as the axis has taps, a multiple of eight.
#[inline]
#[target_feature(enable = "neon")]
fn parts(samples: &[i16], weights: &[i16]) -> int32x4_t {
    let mut sum = vdupq_n_s32(0);
    for (samples, weights) in samples.as_chunks::<8>().0.iter().zip(weights.as_chunks::<8>().0) {
        // SAFETY: eight values are there in both.
        let (samples, weights) = unsafe { (vld1q_s16(samples.as_ptr()), vld1q_s16(weights.as_ptr())) };
        sum = vmlal_s16(sum, vget_low_s16(samples), vget_low_s16(weights));
        sum = vmlal_high_s16(sum, samples, weights);
    }
    sum
}

/// Sums samples of a row, whose first is the first that `axis` needs. Behind its last there are as many as an axis has
/// taps, of any value.
#[target_feature(enable = "neon")]
pub(super) fn along(row: &[i16], axis: &Axis, out: &mut [u8]) {
    let taps = axis.taps();
    let (base, spans, weights) = (axis.needed().start, axis.spans(), axis.all_weights());
    let fours = out.len() / 4;
    for n in 0..fours {
        let (spans, weights) = (&spans[4 * n..][..4], &weights[4 * n * taps..][..4 * taps]);
        let first = parts(&row[spans[0].0 as usize - base..][..taps], &weights[..taps]);
        let second = parts(&row[spans[1].0 as usize - base..][..taps], &weights[taps..][..taps]);
        let third = parts(&row[spans[2].0 as usize - base..][..taps], &weights[2 * taps..][..taps]);
        let fourth = parts(&row[spans[3].0 as usize - base..][..taps], &weights[3 * taps..][..taps]);
        let sums =
            descale::<{ SECOND as i32 }>(vpaddq_s32(vpaddq_s32(first, second), vpaddq_s32(third, fourth)));
        let samples = vreinterpret_u32_u8(vqmovun_s16(vcombine_s16(sums, sums)));
        out[4 * n..][..4].copy_from_slice(&vget_lane_u32::<0>(samples).to_le_bytes());
    }
    super::kernel::along_scalar(row, axis, 4 * fours, out);
}
