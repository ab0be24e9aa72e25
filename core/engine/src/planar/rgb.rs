//! From YCbCr to RGB, a row at a time: ITU-R BT.601 over the full range, as JFIF has it.

use crate::simd::Simd;

/// Fraction bits of the factors.
const BITS: u32 = 14;

/// Converts a row. All planes are as long as it is wide.
pub(super) fn row(simd: Simd, luma: &[u8], blue: &[u8], red: &[u8], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if simd.avx2() {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "the processor was asked")]
        return unsafe { row_avx2(luma, blue, red, out) };
    }
    let _ = simd;
    convert(luma, blue, red, out);
}

/// The plain form, compiled for wider vectors.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn row_avx2(luma: &[u8], blue: &[u8], red: &[u8], out: &mut [u8]) {
    convert(luma, blue, red, out);
}

#[inline(always)]
fn convert(luma: &[u8], blue: &[u8], red: &[u8], out: &mut [u8]) {
    /// A factor in 16384ths.
    const fn fixed(factor: f64) -> i32 {
        (factor * (1 << BITS) as f64 + 0.5) as i32
    }
    let half = 1 << (BITS - 1);
    let planes = luma.iter().zip(blue).zip(red);
    for (((&y, &b), &r), out) in planes.zip(out.as_chunks_mut::<3>().0) {
        let (y, b, r) = ((i32::from(y) << BITS) + half, i32::from(b) - 128, i32::from(r) - 128);
        let put = |value: i32| (value >> BITS).clamp(0, 255) as u8;
        *out = [
            put(y + fixed(1.402) * r),
            put(y - fixed(0.344_136) * b - fixed(0.714_136) * r),
            put(y + fixed(1.772) * b),
        ];
    }
}
