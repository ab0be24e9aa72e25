//! Colour by alpha, a row at a time: what is resampled must count colours by how much they show.

use std::sync::LazyLock;

use crate::pixels::Layout;

/// Multiplies colour by alpha. Tells whether the row hides nothing, which is so without alpha.
pub(super) fn multiply_row(row: &mut [u8], layout: Layout) -> bool {
    match layout {
        Layout::GreyAlpha => multiply::<2>(row),
        Layout::Rgba => multiply::<4>(row),
        Layout::Grey | Layout::Rgb | Layout::Cmyk => true,
    }
}

/// Divides colour by alpha, which undoes the multiplication but for what was rounded away.
pub(super) fn divide_row(row: &mut [u8], layout: Layout) {
    match layout {
        Layout::GreyAlpha => divide::<2>(row),
        Layout::Rgba => divide::<4>(row),
        Layout::Grey | Layout::Rgb | Layout::Cmyk => {}
    }
}

fn multiply<const N: usize>(row: &mut [u8]) -> bool {
    let pixels = row.as_chunks_mut::<N>().0;
    let hides = pixels.iter().fold(0, |hides, pixel| hides | !pixel[N - 1]);
    if hides == 0 {
        return true;
    }
    for pixel in pixels {
        let alpha = u16::from(pixel[N - 1]);
        for sample in &mut pixel[..N - 1] {
            // The nearest of a 255th: exact for all values.
            let product = u16::from(*sample) * alpha + 128;
            *sample = ((product + (product >> 8)) >> 8) as u8;
        }
    }
    false
}

/// 255 over each alpha, in 65536ths.
static INVERSE: LazyLock<[u32; 256]> =
    LazyLock::new(|| std::array::from_fn(|alpha| (255 << 16) / (alpha as u32).max(1)));

fn divide<const N: usize>(row: &mut [u8]) {
    for pixel in row.as_chunks_mut::<N>().0 {
        let alpha = pixel[N - 1];
        match alpha {
            255 => {}
            0 => pixel[..N - 1].fill(0),
            _ => {
                let inverse = INVERSE[usize::from(alpha)];
                for sample in &mut pixel[..N - 1] {
                    *sample = ((u32::from(*sample) * inverse + (1 << 15)) >> 16).min(255) as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_products_and_quotients() {
        for alpha in 0..=255_u8 {
            for sample in 0..=255_u8 {
                let mut pixel = [sample, alpha];
                assert_eq!(multiply_row(&mut pixel, Layout::GreyAlpha), alpha == 255);
                let exact = f64::from(sample) * f64::from(alpha) / 255.0;
                assert!((f64::from(pixel[0]) - exact).abs() <= 0.5, "{sample} under {alpha}");
                let shown = f64::from(pixel[0]);
                divide_row(&mut pixel, Layout::GreyAlpha);
                let exact = if alpha == 0 { 0.0 } else { shown * 255.0 / f64::from(alpha) };
                assert!((f64::from(pixel[0]) - exact.min(255.0)).abs() <= 0.51, "{sample} under {alpha}");
            }
        }
        let mut pixels = [10, 20, 30, 255, 100, 100, 100, 51];
        assert!(!multiply_row(&mut pixels, Layout::Rgba));
        assert_eq!(pixels, [10, 20, 30, 255, 20, 20, 20, 51]);
    }
}
