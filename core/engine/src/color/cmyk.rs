//! Ink to light for pictures that say nothing of their inks.

use crate::pixels::{Layout, Pixels};

/// Each ink takes its share of what the others leave: `red = (1 - cyan) * (1 - black)`.
pub(crate) fn to_rgb(pixels: Pixels) -> Pixels {
    let Pixels { width, height, mut data, .. } = pixels;
    let count = data.len() / 4;
    for index in 0..count {
        let ink = &data[index * 4..][..4];
        let black = 255 - u32::from(ink[3]);
        let light = [0, 1, 2].map(|channel: usize| {
            let product = (255 - u32::from(ink[channel])) * black;
            ((product + 127) / 255) as u8
        });
        data[index * 3..][..3].copy_from_slice(&light);
    }
    data.truncate(count * 3);
    Pixels::from_data(width, height, Layout::Rgb, data)
}
