//! Inverse transforms: 8x8, and 4x4, 2x2 and 1x1 from the lowest frequencies, which is what an ideal low-pass inside the
//! block leaves of it. Integer arithmetic throughout, so that every form gives the same samples.
//!
//! The 8x8 one is Loeffler, Ligtenberg and Moschytz's with 13-bit constants, as in libjpeg's accurate integer method,
//! with its products written as sums over the inputs; no rounding differs but for the order of the two passes. The
//! 4-point transform is the DCT's own definition.

#[cfg(target_arch = "x86_64")]
use super::idct_avx2;
#[cfg(target_arch = "aarch64")]
use super::idct_neon;
use crate::dct::{CONST_BITS, EVEN, ODD, PASS_BITS};
use crate::simd::Simd;

/// The odd inputs 1 and 3 of the 4-point transform: sqrt(2) cos(pi/8) and sqrt(2) sin(pi/8).
pub(super) const FOUR: [i16; 2] = [10_703, 4433];

/// Two blocks that lie side by side, each with horizontal frequencies in rows of 8, to samples at `out`.
///
/// `side` is 2, 4 or 8: how many samples a block has each way at this scale. `flat` says that no block has anything but its
/// mean. `out` holds `side` rows of at least `2 * side` samples, `stride` apart.
#[inline(always)]
pub(super) fn pair(
    simd: Simd,
    side: usize,
    blocks: &[[i16; 64]; 2],
    flat: bool,
    out: &mut [u8],
    stride: usize,
) {
    if flat {
        let means = [mean(blocks[0][0]), mean(blocks[1][0])];
        return match side {
            2 => even::<2>(means, out, stride),
            4 => even::<4>(means, out, stride),
            _ => even::<8>(means, out, stride),
        };
    }
    match side {
        2 => two(blocks, out, stride),
        4 => {
            #[cfg(target_arch = "x86_64")]
            if simd.avx2() {
                // SAFETY: the processor has AVX2.
                #[allow(unsafe_code, reason = "the processor was asked")]
                return unsafe { idct_avx2::four(blocks, out, stride) };
            }
            #[cfg(target_arch = "aarch64")]
            if simd.neon() {
                // SAFETY: the processor has NEON.
                #[allow(unsafe_code, reason = "the processor was asked")]
                unsafe {
                    idct_neon::four(&blocks[0], out, stride);
                    idct_neon::four(&blocks[1], &mut out[4..], stride);
                }
                return;
            }
            four(&blocks[0], out, stride);
            four(&blocks[1], &mut out[4..], stride);
        }
        _ => {
            #[cfg(target_arch = "x86_64")]
            if simd.avx2() {
                // SAFETY: the processor has AVX2.
                #[allow(unsafe_code, reason = "the processor was asked")]
                return unsafe { idct_avx2::eight(blocks, out, stride) };
            }
            #[cfg(target_arch = "aarch64")]
            if simd.neon() {
                // SAFETY: the processor has NEON.
                #[allow(unsafe_code, reason = "the processor was asked")]
                unsafe {
                    idct_neon::eight(&blocks[0], out, stride);
                    idct_neon::eight(&blocks[1], &mut out[8..], stride);
                }
                return;
            }
            eight(&blocks[0], out, stride);
            eight(&blocks[1], &mut out[8..], stride);
        }
    }
}

/// Blocks that lie side by side, to one sample each.
#[inline(always)]
pub(super) fn means(blocks: &[[i16; 64]], out: &mut [u8]) {
    for (block, sample) in blocks.iter().zip(out) {
        *sample = mean(block[0]);
    }
}

/// Two blocks of one value each. The side is known to the compiler, because a call for a few bytes costs more than they.
#[inline(always)]
fn even<const SIDE: usize>([left, right]: [u8; 2], out: &mut [u8], stride: usize) {
    for y in 0..SIDE {
        let row = &mut out[y * stride..][..2 * SIDE];
        row[..SIDE].copy_from_slice(&[left; SIDE]);
        row[SIDE..].copy_from_slice(&[right; SIDE]);
    }
}

/// The sample that a block with nothing but a mean shows everywhere.
#[inline(always)]
fn mean(dc: i16) -> u8 {
    sample((i32::from(dc) + 4) >> 3)
}

/// From a signed value to a sample, with the saturations of the vector form.
#[inline(always)]
fn sample(value: i32) -> u8 {
    (value.clamp(i16::MIN.into(), i16::MAX.into()) + 128).clamp(0, 255) as u8
}

fn two(blocks: &[[i16; 64]; 2], out: &mut [u8], stride: usize) {
    let (upper, lower) = out.split_at_mut(stride);
    let (upper, lower) = (&mut upper[..4], &mut lower[..4]);
    for index in 0..2 {
        let block = &blocks[index];
        let (mean, down) = (i32::from(block[0]) + 4, i32::from(block[1]));
        let (across, both) = (i32::from(block[8]), i32::from(block[9]));
        upper[2 * index] = sample((mean + across + down + both) >> 3);
        upper[2 * index + 1] = sample((mean - across + down - both) >> 3);
        lower[2 * index] = sample((mean + across - down - both) >> 3);
        lower[2 * index + 1] = sample((mean - across - down + both) >> 3);
    }
}

/// Rounds away fraction bits and keeps what fits 16 bits.
fn descale(value: i32, bits: u32) -> i32 {
    (value.wrapping_add(1 << (bits - 1)) >> bits).clamp(i16::MIN.into(), i16::MAX.into())
}

fn four_points([a, b, c, d]: [i32; 4], bits: u32) -> [i32; 4] {
    let [outer, inner] = FOUR.map(i32::from);
    let (even, odd) =
        ([(a + c) << CONST_BITS, (a - c) << CONST_BITS], [b * outer + d * inner, b * inner - d * outer]);
    [
        even[0].wrapping_add(odd[0]),
        even[1].wrapping_add(odd[1]),
        even[1].wrapping_sub(odd[1]),
        even[0].wrapping_sub(odd[0]),
    ]
    .map(|value| descale(value, bits))
}

fn four(block: &[i16; 64], out: &mut [u8], stride: usize) {
    let mut between = [[0; 4]; 4];
    for v in 0..4 {
        let points = four_points([0, 1, 2, 3].map(|u| i32::from(block[u * 8 + v])), CONST_BITS - PASS_BITS);
        (0..4).for_each(|x| between[x][v] = points[x]);
    }
    for (x, line) in between.into_iter().enumerate() {
        for (y, value) in four_points(line, CONST_BITS + PASS_BITS + 3).into_iter().enumerate() {
            out[y * stride + x] = sample(value);
        }
    }
}

fn eight_points(i: [i32; 8], bits: u32) -> [i32; 8] {
    let sum = |weights: &[i16], inputs: &[i32]| {
        weights.iter().zip(inputs).fold(0_i32, |sum, (&w, &i)| sum.wrapping_add(i32::from(w) * i))
    };
    let (plus, minus) = ((i[0] + i[4]) << CONST_BITS, (i[0] - i[4]) << CONST_BITS);
    let even = [sum(&EVEN[0], &[i[2], i[6]]), sum(&EVEN[1], &[i[2], i[6]])];
    let outer = [
        plus.wrapping_add(even[0]),
        minus.wrapping_add(even[1]),
        minus.wrapping_sub(even[1]),
        plus.wrapping_sub(even[0]),
    ];
    let mut out = [0; 8];
    for n in 0..4 {
        let odd = sum(&ODD[n], &[i[1], i[3], i[5], i[7]]);
        out[n] = descale(outer[n].wrapping_add(odd), bits);
        out[7 - n] = descale(outer[n].wrapping_sub(odd), bits);
    }
    out
}

fn eight(block: &[i16; 64], out: &mut [u8], stride: usize) {
    let mut between = [[0; 8]; 8];
    for v in 0..8 {
        let inputs = [0, 1, 2, 3, 4, 5, 6, 7].map(|u| i32::from(block[u * 8 + v]));
        let points = eight_points(inputs, CONST_BITS - PASS_BITS);
        (0..8).for_each(|x| between[x][v] = points[x]);
    }
    for (x, line) in between.into_iter().enumerate() {
        for (y, value) in eight_points(line, CONST_BITS + PASS_BITS + 3).into_iter().enumerate() {
            out[y * stride + x] = sample(value);
        }
    }
}
