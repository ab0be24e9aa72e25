//! A mild sharpening: the difference from the neighbourhood, a third of it added.

use crate::error::Error;
use crate::ops::resize::{divide_alpha, multiply_alpha};
use crate::pixels::Pixels;

/// Sharpens in place with the 3×3 kernel of 32 in the middle and -1 around it, over 24, the one that sharp uses when
/// no strength is given. Edges are repeated outwards.
pub(crate) fn sharpen(mut pixels: Pixels) -> Result<Pixels, Error> {
    multiply_alpha(&mut pixels)?;
    let (stride, channels) = (pixels.stride(), pixels.layout.channels());
    let height = pixels.height as usize;
    // Sums of three rows, with one more pixel on either side, and copies of the rows that are overwritten.
    let mut sums = vec![0_u16; stride + 2 * channels];
    let mut above = pixels.row(0).to_vec();
    let mut here = above.clone();
    for y in 0..height {
        let below = (y + 1).min(height - 1) * stride;
        here.copy_from_slice(&pixels.data[y * stride..][..stride]);
        for (i, sum) in sums[channels..][..stride].iter_mut().enumerate() {
            *sum = u16::from(above[i]) + u16::from(here[i]) + u16::from(pixels.data[below + i]);
        }
        sums.copy_within(channels..2 * channels, 0);
        sums.copy_within(stride..stride + channels, stride + channels);
        for (i, sample) in pixels.data[y * stride..][..stride].iter_mut().enumerate() {
            let around = sums[i] + sums[i + channels] + sums[i + 2 * channels];
            let sharp = (33 * i32::from(here[i]) - i32::from(around) + 12).div_euclid(24);
            *sample = sharp.clamp(0, 255) as u8;
        }
        std::mem::swap(&mut above, &mut here);
    }
    divide_alpha(&mut pixels)?;
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Layout;

    #[test]
    fn a_step_gets_steeper_and_flat_parts_stay() {
        let data = [100, 100, 100, 148, 148, 148].repeat(3);
        let sharp = sharpen(Pixels::from_data(6, 3, Layout::Grey, data)).unwrap();
        assert_eq!(sharp.row(1), [100, 100, 94, 154, 148, 148]);
        assert_eq!(sharp.row(0), sharp.row(2));
    }

    #[test]
    fn one_pixel_stays() {
        let dot = Pixels::from_data(1, 1, Layout::Rgba, vec![200, 100, 50, 255]);
        assert_eq!(sharpen(dot.clone()).unwrap(), dot);
    }
}
