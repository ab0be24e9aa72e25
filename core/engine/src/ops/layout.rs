//! Changes of the sample layout: grey to colour, with and without alpha.

use crate::pixels::{Layout, Pixels};

/// Adds an opaque alpha channel where there is none.
pub(crate) fn with_alpha(pixels: Pixels) -> Pixels {
    match pixels.layout {
        Layout::Grey => remap(&pixels, Layout::GreyAlpha, |[grey]| [grey, 255]),
        Layout::Rgb => remap(&pixels, Layout::Rgba, |[red, green, blue]| [red, green, blue, 255]),
        Layout::GreyAlpha | Layout::Rgba | Layout::Cmyk => pixels,
    }
}

/// Spreads grey over red, green and blue.
pub(crate) fn with_colour(pixels: Pixels) -> Pixels {
    match pixels.layout {
        Layout::Grey => remap(&pixels, Layout::Rgb, |[grey]| [grey; 3]),
        Layout::GreyAlpha => remap(&pixels, Layout::Rgba, |[grey, alpha]| [grey, grey, grey, alpha]),
        Layout::Rgb | Layout::Rgba | Layout::Cmyk => pixels,
    }
}

/// Drops colour. The weights are those of ITU-R BT.709, applied to gamma-encoded samples.
pub(crate) fn to_grey(pixels: Pixels) -> Pixels {
    match pixels.layout {
        Layout::Rgb => remap(&pixels, Layout::Grey, |[red, green, blue]| [luma(red, green, blue)]),
        Layout::Rgba => {
            remap(&pixels, Layout::GreyAlpha, |[red, green, blue, alpha]| [luma(red, green, blue), alpha])
        }
        Layout::Grey | Layout::GreyAlpha | Layout::Cmyk => pixels,
    }
}

/// Brightness by ITU-R BT.709, in steps of 255.
pub(crate) fn luma(red: u8, green: u8, blue: u8) -> u8 {
    // The weights 0.2126, 0.7152 and 0.0722 in 65536ths; they add up to one.
    ((u32::from(red) * 13_933 + u32::from(green) * 46_871 + u32::from(blue) * 4732 + 32_768) >> 16) as u8
}

/// Removes an alpha channel that is solid everywhere, so that nothing afterwards pays for it.
pub(crate) fn drop_opaque_alpha(pixels: Pixels) -> Pixels {
    let opaque = match pixels.layout {
        Layout::GreyAlpha => pixels.data.as_chunks::<2>().0.iter().all(|sample| sample[1] == 255),
        Layout::Rgba => pixels.data.as_chunks::<4>().0.iter().all(|sample| sample[3] == 255),
        Layout::Grey | Layout::Rgb | Layout::Cmyk => false,
    };
    match pixels.layout {
        Layout::GreyAlpha if opaque => remap(&pixels, Layout::Grey, |[grey, _]| [grey]),
        Layout::Rgba if opaque => remap(&pixels, Layout::Rgb, |[red, green, blue, _]| [red, green, blue]),
        _ => pixels,
    }
}

/// Each pixel of `A` samples through `change` to one of `B`.
pub(crate) fn remap<const A: usize, const B: usize>(
    pixels: &Pixels,
    layout: Layout,
    change: impl Fn([u8; A]) -> [u8; B],
) -> Pixels {
    debug_assert!(pixels.layout.channels() == A && layout.channels() == B);
    let mut changed = Pixels::zeroed(pixels.width, pixels.height, layout);
    let to = changed.data.as_chunks_mut::<B>().0;
    for (to, &from) in to.iter_mut().zip(pixels.data.as_chunks::<A>().0) {
        *to = change(from);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_of_primaries() {
        let rgb = Pixels::from_data(4, 1, Layout::Rgb, vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]);
        assert_eq!(to_grey(rgb).data, [54, 182, 18, 255]);
    }

    #[test]
    fn only_solid_alpha_is_dropped() {
        let pixels = |alpha| Pixels::from_data(2, 1, Layout::GreyAlpha, vec![1, 255, 2, alpha]);
        assert_eq!(drop_opaque_alpha(pixels(255)).layout, Layout::Grey);
        assert_eq!(drop_opaque_alpha(pixels(254)).layout, Layout::GreyAlpha);
    }
}
