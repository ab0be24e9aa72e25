//! A stamp from text: shaping, wrapping and drawing with the font that is built in, and with those that the program was given.
//! Text is literal; characters that all fonts lack show as an empty box.

mod fonts;
mod layout;

use cosmic_text::{SwashCache, SwashContent};

use super::place::Room;
use crate::color::css::Colour;
use crate::error::Error;
use crate::limits::CancelToken;
use crate::ops::blend::over;
use crate::ops::blur;
use crate::pixels::{Layout, Pixels};
use fonts::with_fonts;
use layout::Placed;

pub use fonts::{FontsError, use_fonts};

/// The outline's opacity where it is darkest.
const OUTLINE: f32 = 0.8;
/// The outline's standard deviation as a share of the font size.
const OUTLINE_SIGMA: f32 = 0.035;

/// Draws `text` as wide as `room` asks for, in as large a font as fits. Without a colour it is white with a dark
/// outline, which can be read on anything. Nothing comes of a text that has no ink.
pub(super) fn stamp(
    text: &str,
    colour: Option<Colour>,
    room: &Room,
    cancel: &CancelToken,
) -> Result<Option<Pixels>, Error> {
    let outlined = colour.is_none();
    let Some((ink, font_size)) = with_fonts(|fonts| {
        let mut cache = SwashCache::new();
        // Marks can pile up far beyond their line; each round takes what the last one found to be too much.
        let mut scale = 1.0;
        for _ in 0..4 {
            cancel.check()?;
            let block = layout::lay_out(fonts, text, room, scale);
            cache.image_cache.clear();
            let Some(bounds) = Bounds::of(&block.glyphs, fonts, &mut cache) else { return Ok(None) };
            let size = (f64::from(bounds.width()), f64::from(bounds.height()));
            let factor = room.factor(size);
            if factor >= 0.97 || block.font_size <= layout::LEAST_FONT_SIZE {
                return Ok(Some((draw(&block.glyphs, &bounds, fonts, &mut cache), block.font_size)));
            }
            scale *= factor;
        }
        // It is shrunk to fit afterwards; nothing is cut off.
        let block = layout::lay_out(fonts, text, room, scale);
        cache.image_cache.clear();
        let bounds = Bounds::of(&block.glyphs, fonts, &mut cache);
        Ok(bounds.map(|bounds| (draw(&block.glyphs, &bounds, fonts, &mut cache), block.font_size)))
    })?
    else {
        return Ok(None);
    };
    if outlined {
        return with_outline(&ink, font_size, cancel).map(Some);
    }
    Ok(Some(coloured(&ink, colour.unwrap_or([255; 4]))))
}

fn coloured(ink: &Pixels, [red, green, blue, alpha]: Colour) -> Pixels {
    crate::ops::layout::remap(ink, Layout::Rgba, |[cover]| {
        [red, green, blue, crate::ops::blend::div_255(u32::from(cover) * u32::from(alpha)) as u8]
    })
}

/// White over a dark glow in the shape of the text.
fn with_outline(ink: &Pixels, font_size: f32, cancel: &CancelToken) -> Result<Pixels, Error> {
    let sigma = (font_size * OUTLINE_SIGMA).max(0.5);
    let border = (sigma * 2.5).ceil() as u32;
    let size = (ink.width + 2 * border, ink.height + 2 * border);
    let place = crate::ops::Rect { left: border, top: border, width: ink.width, height: ink.height };
    let ink = crate::ops::pad(ink.clone(), place, size, [0, 0, 0, 255]);
    let glow = blur(ink.clone(), sigma.into(), cancel)?;
    let mut stamp = Pixels::zeroed(size.0, size.1, Layout::Rgba);
    let samples = stamp.data.as_chunks_mut::<4>().0;
    for ((sample, &cover), &glow) in samples.iter_mut().zip(&ink.data).zip(&glow.data) {
        // A thin stroke's glow is faint; strengthened, it has a firm edge.
        let dark = (f32::from(glow) * 2.2).min(255.0) * OUTLINE;
        *sample = over([255, 255, 255, cover], [0, 0, 0, dark as u8]);
    }
    Ok(stamp)
}

/// The smallest rectangle around all ink, in whole pixels.
#[derive(Clone, Copy)]
struct Bounds {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Bounds {
    fn of(glyphs: &[Placed], fonts: &mut cosmic_text::FontSystem, cache: &mut SwashCache) -> Option<Self> {
        let mut bounds: Option<Self> = None;
        for glyph in glyphs {
            let Some(image) = cache.get_image(fonts, glyph.key) else { continue };
            let (width, height) = (image.placement.width as i32, image.placement.height as i32);
            if width == 0 || height == 0 {
                continue;
            }
            let (left, top) = (glyph.x + image.placement.left, glyph.y - image.placement.top);
            let around = bounds.unwrap_or(Self { left, top, right: left, bottom: top });
            bounds = Some(Self {
                left: around.left.min(left),
                top: around.top.min(top),
                right: around.right.max(left + width),
                bottom: around.bottom.max(top + height),
            });
        }
        bounds
    }

    fn width(&self) -> u32 {
        self.right.abs_diff(self.left)
    }

    fn height(&self) -> u32 {
        self.bottom.abs_diff(self.top)
    }
}

/// Draws the glyphs' coverage; where they overlap the stronger counts.
fn draw(
    glyphs: &[Placed],
    bounds: &Bounds,
    fonts: &mut cosmic_text::FontSystem,
    cache: &mut SwashCache,
) -> Pixels {
    let mut ink = Pixels::zeroed(bounds.width(), bounds.height(), Layout::Grey);
    let stride = ink.stride();
    for glyph in glyphs {
        let Some(image) = cache.get_image(fonts, glyph.key) else { continue };
        let width = image.placement.width as usize;
        // The last byte of a pixel says how much of it is covered. Emoji that come in colours have the text's colour too.
        let bytes = match image.content {
            SwashContent::Mask => 1,
            SwashContent::Color | SwashContent::SubpixelMask => 4,
        };
        if width == 0 {
            continue;
        }
        let left = glyph.x.abs_diff(bounds.left - image.placement.left) as usize;
        let top = glyph.y.abs_diff(bounds.top + image.placement.top) as usize;
        for (row, samples) in image.data.chunks_exact(width * bytes).enumerate() {
            let line = &mut ink.data[(top + row) * stride + left..][..width];
            for (to, from) in line.iter_mut().zip(samples.chunks_exact(bytes)) {
                *to = (*to).max(from[bytes - 1]);
            }
        }
    }
    ink
}
