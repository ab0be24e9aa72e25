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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::samples::noise;
    use crate::pixels::Layout;

    /// Red and blue differ from luma by chroma; luma is the mean of all three by the weights of BT.601.
    fn definition(luma: u8, blue: u8, red: u8) -> [f64; 3] {
        let [luma, blue, red] = [f64::from(luma), f64::from(blue) - 128.0, f64::from(red) - 128.0];
        let red = luma + 2.0 * (1.0 - 0.299) * red;
        let blue = luma + 2.0 * (1.0 - 0.114) * blue;
        [red, (luma - 0.299 * red - 0.114 * blue) / 0.587, blue]
    }

    #[test]
    fn rows_of_every_width_follow_the_definition() {
        for width in 1..=67 {
            let mut planes = noise(width, 3, Layout::Grey);
            // As dark or as bright as can be, here and there.
            for sample in planes.data.iter_mut().step_by(5) {
                *sample = if *sample < 128 { 0 } else { 255 };
            }
            let (luma, blue, red) = (planes.row(0), planes.row(1), planes.row(2));
            let [plain, vector] = [Simd::SCALAR, Simd::best()].map(|simd| {
                let mut out = vec![99; 3 * width as usize];
                row(simd, luma, blue, red, &mut out);
                out
            });
            assert_eq!(plain, vector, "{width} pixels");
            for (x, found) in plain.as_chunks::<3>().0.iter().enumerate() {
                let exact = definition(luma[x], blue[x], red[x]).map(|sample| sample.clamp(0.0, 255.0));
                let near = found.iter().zip(exact).all(|(&a, b)| (f64::from(a) - b).abs() <= 0.51);
                assert!(near, "{found:?} is not {exact:?}, pixel {x} of {width}");
            }
        }
    }
}
