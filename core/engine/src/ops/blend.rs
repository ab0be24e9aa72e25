//! Laying one colour or picture over another: Porter and Duff's "over" with straight alpha.

use crate::color::css::Colour;
use crate::ops::layout::{luma, with_colour};
use crate::pixels::{Layout, Pixels};

/// `above` over `below`.
pub(crate) fn over(above: Colour, below: Colour) -> Colour {
    let (alpha, ground) = (u32::from(above[3]), u32::from(below[3]));
    if alpha == 255 || ground == 0 {
        return above;
    }
    // In units of 1/255²: what each colour contributes, and their sum.
    let (share, rest) = (alpha * 255, ground * (255 - alpha));
    let whole = share + rest;
    let mix =
        |i: usize| ((u32::from(above[i]) * share + u32::from(below[i]) * rest + whole / 2) / whole) as u8;
    [mix(0), mix(1), mix(2), ((whole + 127) / 255) as u8]
}

/// `above` over an opaque sample.
pub(crate) fn over_opaque(above: u8, alpha: u32, below: u8) -> u8 {
    div_255(u32::from(above) * alpha + u32::from(below) * (255 - alpha)) as u8
}

/// `value / 255` to the nearest, for values up to 255².
pub(crate) fn div_255(value: u32) -> u32 {
    let value = value + 128;
    (value + (value >> 8)) >> 8
}

/// Lays `stamp` (RGBA) over `picture` with its upper left corner at `(left, top)`; what is outside is cut off.
/// `opacity` is 0..=1. A grey picture becomes a coloured one if the stamp has colour.
pub(crate) fn lay_over(picture: Pixels, stamp: &Pixels, (left, top): (i64, i64), opacity: f64) -> Pixels {
    debug_assert_eq!(stamp.layout, Layout::Rgba);
    let mut picture = if is_grey(stamp) { picture } else { with_colour(picture) };
    let opacity = (opacity * 256.0).round() as u32;
    let columns = visible(left, stamp.width, picture.width);
    let rows = visible(top, stamp.height, picture.height);
    let (channels, stride) = (picture.layout.channels(), picture.stride());
    for y in rows {
        if columns.is_empty() {
            break;
        }
        let from =
            (y as i64 - top) as usize * stamp.stride() + (columns.start as i64 - left).max(0) as usize * 4;
        let above = stamp.data[from..].as_chunks::<4>().0;
        let line = &mut picture.data[y * stride..][columns.start * channels..columns.end * channels];
        for (below, &[red, green, blue, alpha]) in line.chunks_exact_mut(channels).zip(above) {
            let alpha = (u32::from(alpha) * opacity + 128) >> 8;
            if alpha > 0 {
                blend_pixel(below, [red, green, blue, alpha as u8]);
            }
        }
    }
    picture
}

fn blend_pixel(below: &mut [u8], above: Colour) {
    let [red, green, blue, alpha] = above;
    match *below {
        [grey] => below[0] = over_opaque(luma(red, green, blue), alpha.into(), grey),
        [grey, ground] => {
            let mixed = over(above, [grey, grey, grey, ground]);
            below.copy_from_slice(&[luma(mixed[0], mixed[1], mixed[2]), mixed[3]]);
        }
        [r, g, b] => {
            let alpha = alpha.into();
            let mixed =
                [(red, r), (green, g), (blue, b)].map(|(above, below)| over_opaque(above, alpha, below));
            below.copy_from_slice(&mixed);
        }
        [r, g, b, ground] => below.copy_from_slice(&over(above, [r, g, b, ground])),
        _ => {}
    }
}

/// The columns (or rows) of a picture that a stamp at `start` covers.
fn visible(start: i64, length: u32, limit: u32) -> std::ops::Range<usize> {
    let end = (start + i64::from(length)).clamp(0, i64::from(limit));
    start.clamp(0, end) as usize..end as usize
}

/// Whether what can be seen of an RGBA `stamp` has no colour.
pub(crate) fn is_grey(stamp: &Pixels) -> bool {
    stamp
        .data
        .as_chunks::<4>()
        .0
        .iter()
        .all(|[red, green, blue, alpha]| *alpha == 0 || (red == green && green == blue))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_follows_its_definition() {
        for alpha in [0_u8, 1, 77, 128, 254, 255] {
            for ground in [0_u8, 1, 100, 255] {
                let found = over([200, 10, 0, alpha], [0, 90, 255, ground]);
                let (a, g) = (f64::from(alpha) / 255.0, f64::from(ground) / 255.0);
                let whole = a + g * (1.0 - a);
                assert!((f64::from(found[3]) - whole * 255.0).abs() <= 0.5 + 1e-9);
                if whole > 0.0 {
                    for (found, (s, d)) in found.into_iter().zip([(200.0, 0.0), (10.0, 90.0), (0.0, 255.0)]) {
                        let exact: f64 = (s * a + d * g * (1.0 - a)) / whole;
                        assert!((f64::from(found) - exact).abs() <= 1.0, "{alpha} over {ground}");
                    }
                }
            }
        }
    }

    #[test]
    fn stamps_are_cut_at_the_frame_and_keep_grey_grey() {
        let white = Pixels::from_data(3, 3, Layout::Rgba, vec![255; 36]);
        for (place, lit) in [((-2, -2), 1), ((1, 1), 1), ((0, -1), 4), ((5, 0), 0), ((-9, 0), 0)] {
            let result = lay_over(Pixels::zeroed(2, 2, Layout::Grey), &white, place, 1.0);
            assert_eq!(result.layout, Layout::Grey);
            let sum: usize = result.data.iter().map(|&sample| usize::from(sample)).sum();
            assert_eq!(sum, 255 * lit, "{place:?}");
        }
        let red = Pixels::from_data(1, 1, Layout::Rgba, vec![255, 0, 0, 255]);
        let result = lay_over(Pixels::zeroed(2, 1, Layout::GreyAlpha), &red, (0, 0), 0.5);
        assert_eq!(result.data, [255, 0, 0, 128, 0, 0, 0, 0]);
    }
}
