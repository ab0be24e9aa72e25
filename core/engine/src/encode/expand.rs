//! Layouts that an encoder doesn't take, widened to one that it does.

use std::borrow::Cow;

use crate::pixels::{Layout, Pixels};

/// The same picture as RGB or RGBA. Alpha is dropped where `layout` has none.
pub(crate) fn to(pixels: &Pixels, layout: Layout) -> Cow<'_, Pixels> {
    if pixels.layout == layout {
        return Cow::Borrowed(pixels);
    }
    let from = pixels.layout.channels();
    let widen = |p: &[u8]| match pixels.layout {
        Layout::Grey => [p[0], p[0], p[0], u8::MAX],
        Layout::GreyAlpha => [p[0], p[0], p[0], p[1]],
        Layout::Rgb => [p[0], p[1], p[2], u8::MAX],
        Layout::Rgba | Layout::Cmyk => [p[0], p[1], p[2], p[3]],
    };
    let data = pixels.data.chunks_exact(from).flat_map(|p| widen(p).into_iter().take(layout.channels()));
    Cow::Owned(Pixels::from_data(pixels.width, pixels.height, layout, data.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widens_every_layout() {
        let grey = Pixels::from_data(2, 1, Layout::Grey, vec![7, 9]);
        assert_eq!(to(&grey, Layout::Rgb).data, [7, 7, 7, 9, 9, 9]);
        let grey_alpha = Pixels::from_data(1, 1, Layout::GreyAlpha, vec![7, 9]);
        assert_eq!(to(&grey_alpha, Layout::Rgba).data, [7, 7, 7, 9]);
        let rgb = Pixels::from_data(1, 1, Layout::Rgb, vec![1, 2, 3]);
        assert_eq!(to(&rgb, Layout::Rgba).data, [1, 2, 3, 255]);
        assert!(matches!(to(&rgb, Layout::Rgb), Cow::Borrowed(_)));
    }
}
