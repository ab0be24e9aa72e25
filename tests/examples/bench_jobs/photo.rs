//! Pictures that cost about what photos cost: smooth, with some noise.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

/// A PNG of this size.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut noise: u32 = 0x5eed;
    let picture = RgbImage::from_fn(width, height, |x, y| {
        // Numerical Recipes' generator is good enough for grain.
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (noise >> 28) as u8;
        let shade = |of: u32, at: u32| (at * 239 / of) as u8 + grain;
        image::Rgb([shade(width, x), shade(height, y), shade(width + height, x + y)])
    });
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png).expect("memory takes whatever is written");
    file.into_inner()
}
