//! The background: behind transparent pixels, and beside the picture.

use crate::color::css::Colour;
use crate::ops::Rect;
use crate::ops::blend::{over, over_opaque};
use crate::ops::layout::{remap, with_alpha, with_colour};
use crate::pixels::{Layout, Pixels};

/// Lays a picture on `ground`. On an opaque ground the result has no alpha channel.
pub(crate) fn flatten(pixels: Pixels, ground: Colour) -> Pixels {
    let pixels = if is_grey(ground) || !pixels.layout.has_alpha() { pixels } else { with_colour(pixels) };
    let solid = ground[3] == 255;
    match pixels.layout {
        Layout::GreyAlpha if solid => {
            remap(&pixels, Layout::Grey, |[grey, alpha]| [over_opaque(grey, alpha.into(), ground[0])])
        }
        Layout::GreyAlpha => remap(&pixels, Layout::GreyAlpha, |[grey, alpha]| {
            let [grey, .., alpha] = over([grey, grey, grey, alpha], ground);
            [grey, alpha]
        }),
        Layout::Rgba if solid => remap(&pixels, Layout::Rgb, |[red, green, blue, alpha]| {
            [(red, ground[0]), (green, ground[1]), (blue, ground[2])]
                .map(|(above, below)| over_opaque(above, alpha.into(), below))
        }),
        Layout::Rgba => remap(&pixels, Layout::Rgba, |above| over(above, ground)),
        Layout::Grey | Layout::Rgb | Layout::Cmyk => pixels,
    }
}

/// Puts a picture at `(place.left, place.top)` of a larger canvas of `size`, the rest of which is `ground`.
pub(crate) fn pad(pixels: Pixels, place: Rect, size: (u32, u32), ground: Colour) -> Pixels {
    let pixels = ready_for(pixels, ground);
    let mut canvas = Pixels::zeroed(size.0, size.1, pixels.layout);
    fill(&mut canvas, ground);
    let (channels, stride, length) = (canvas.layout.channels(), canvas.stride(), pixels.stride());
    for y in 0..pixels.height {
        let start = (place.top + y) as usize * stride + place.left as usize * channels;
        canvas.data[start..][..length].copy_from_slice(pixels.row(y));
    }
    canvas
}

/// Gives a picture the channels that it needs to lie beside `ground`.
pub(crate) fn ready_for(pixels: Pixels, ground: Colour) -> Pixels {
    let pixels = if ground[3] < 255 { with_alpha(pixels) } else { pixels };
    if is_grey(ground) { pixels } else { with_colour(pixels) }
}

fn fill(pixels: &mut Pixels, [red, green, blue, alpha]: Colour) {
    match pixels.layout {
        Layout::Grey => pixels.data.fill(red),
        Layout::GreyAlpha => pixels.data.as_chunks_mut::<2>().0.fill([red, alpha]),
        Layout::Rgb => pixels.data.as_chunks_mut::<3>().0.fill([red, green, blue]),
        Layout::Rgba | Layout::Cmyk => pixels.data.as_chunks_mut::<4>().0.fill([red, green, blue, alpha]),
    }
}

fn is_grey([red, green, blue, alpha]: Colour) -> bool {
    alpha == 0 || (red == green && green == blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattening() {
        let source = Pixels::from_data(3, 1, Layout::GreyAlpha, vec![0, 0, 0, 255, 0, 51]);
        let white = flatten(source.clone(), [255; 4]);
        assert_eq!((white.layout, white.data.as_slice()), (Layout::Grey, &[255, 0, 204][..]));
        let red = flatten(source, [255, 0, 0, 255]);
        assert_eq!((red.layout, red.data.as_slice()), (Layout::Rgb, &[255, 0, 0, 0, 0, 0, 204, 0, 0][..]));
    }

    #[test]
    fn padding_takes_the_channels_of_the_ground() {
        let dot = Pixels::from_data(1, 1, Layout::Grey, vec![9]);
        let place = Rect { left: 1, top: 0, width: 1, height: 1 };
        assert_eq!(pad(dot.clone(), place, (3, 1), [255; 4]).data, [255, 9, 255]);
        assert_eq!(pad(dot.clone(), place, (2, 1), [0; 4]).data, [0, 0, 9, 255]);
        assert_eq!(pad(dot, place, (2, 1), [1, 2, 3, 255]).data, [1, 2, 3, 9, 9, 9]);
    }
}
