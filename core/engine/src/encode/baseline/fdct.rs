//! The forward transform (Loeffler, Ligtenberg and Moschytz with 13-bit constants, as libjpeg's accurate integer
//! method; columns first) and quantisation. Coefficients lie transposed: horizontal frequency times 8 plus vertical.

#[cfg(target_arch = "x86_64")]
use super::fdct_avx2;
#[cfg(target_arch = "aarch64")]
use super::fdct_neon;
use crate::dct::{CONST_BITS, EVEN, ODD, PASS_BITS};
use crate::simd::Simd;

/// Division by quantisation steps, as multiplication and shift; exact for what the transform gives.
pub(super) struct Quantiser {
    /// Half of each divisor, then the 16-bit reciprocal, then the power of two by which it is too large, as the upper
    /// half of a product. Transposed as coefficients are.
    pub(super) half: [u16; 64],
    pub(super) reciprocal: [u16; 64],
    pub(super) scale: [u16; 64],
}

impl Quantiser {
    /// `steps` are those of the file, row by row, 1..=255.
    pub(super) fn new(steps: &[u16; 64]) -> Self {
        let mut quantiser = Self { half: [0; 64], reciprocal: [0; 64], scale: [0; 64] };
        for (at, &step) in steps.iter().enumerate() {
            let to = at % 8 * 8 + at / 8;
            // The transform gives coefficients times eight.
            let divisor = u32::from(step) * 8;
            let log = divisor.ilog2();
            // A power of two has the reciprocal 2^16, which is one bit too long: halve it and shift less.
            let log = if divisor.is_power_of_two() { log - 1 } else { log };
            quantiser.half[to] = (divisor / 2) as u16;
            quantiser.reciprocal[to] = (1_u32 << (16 + log)).div_ceil(divisor) as u16;
            quantiser.scale[to] = 1 << (16 - log);
        }
        quantiser
    }
}

/// Two blocks that lie side by side, to quantised coefficients, and for each block which of them aren't zero, the first in
/// the lowest bit. `samples` begins with the first sample of the left one;
/// its rows are `stride` apart.
#[inline(always)]
pub(super) fn pair(
    simd: Simd,
    samples: &[u8],
    stride: usize,
    quantiser: &Quantiser,
    out: &mut [[i16; 64]; 2],
) -> [u64; 2] {
    #[cfg(target_arch = "x86_64")]
    if simd.avx2() {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "the processor was asked")]
        return unsafe { fdct_avx2::pair(samples, stride, quantiser, out) };
    }
    let [left, right] = out;
    #[cfg(target_arch = "aarch64")]
    if simd.neon() {
        // SAFETY: the processor has NEON.
        #[allow(unsafe_code, reason = "the processor was asked")]
        return unsafe {
            [
                fdct_neon::one(samples, stride, quantiser, left),
                fdct_neon::one(&samples[8..], stride, quantiser, right),
            ]
        };
    }
    let _ = simd;
    [one(samples, stride, quantiser, left), one(&samples[8..], stride, quantiser, right)]
}

fn one(samples: &[u8], stride: usize, quantiser: &Quantiser, out: &mut [i16; 64]) -> u64 {
    let mut busy = 0;
    let mut between = [[0; 8]; 8];
    for x in 0..8 {
        let column = [0, 1, 2, 3, 4, 5, 6, 7].map(|y| i32::from(samples[y * stride + x]) - 128);
        let points = points(column, CONST_BITS - PASS_BITS, |sum| sum << PASS_BITS);
        (0..8).for_each(|v| between[v][x] = points[v]);
    }
    for (v, line) in between.into_iter().enumerate() {
        let points = points(line, CONST_BITS + PASS_BITS, |sum| (sum + (1 << (PASS_BITS - 1))) >> PASS_BITS);
        for (u, value) in points.into_iter().enumerate() {
            let at = u * 8 + v;
            let size = value.unsigned_abs() + u32::from(quantiser.half[at]);
            let product = (size * u32::from(quantiser.reciprocal[at])) >> 16;
            let result = ((product * u32::from(quantiser.scale[at])) >> 16) as i16;
            out[at] = if value < 0 { -result } else { result };
            busy |= u64::from(result != 0) << at;
        }
    }
    busy
}

fn points(i: [i32; 8], bits: u32, plain: impl Fn(i32) -> i32) -> [i32; 8] {
    let descale = |value: i32| (value + (1 << (bits - 1))) >> bits;
    let sums = [i[0] + i[7], i[1] + i[6], i[2] + i[5], i[3] + i[4]];
    let differences = [i[0] - i[7], i[1] - i[6], i[2] - i[5], i[3] - i[4]];
    let (outer, inner) = (sums[0] + sums[3], sums[1] + sums[2]);
    let turned = [sums[0] - sums[3], sums[1] - sums[2]];
    let mut out = [0; 8];
    out[0] = plain(outer + inner);
    out[4] = plain(outer - inner);
    for n in 0..2 {
        let sum: i32 = EVEN[n].iter().zip(turned).map(|(&w, t)| i32::from(w) * t).sum();
        out[2 + 4 * n] = descale(sum);
    }
    for n in 0..4 {
        let sum: i32 = ODD[n].iter().zip(differences).map(|(&w, d)| i32::from(w) * d).sum();
        out[1 + 2 * n] = descale(sum);
    }
    out
}
