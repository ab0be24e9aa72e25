//! Finds the font size and the line breaks with which a text fills its room.

use cosmic_text::{Align, Attrs, Buffer, CacheKey, CacheKeyFlags, FontSystem, Metrics, Shaping, Wrap};

use crate::ops::watermark::place::Room;

/// Below this, in pixels, a smaller font makes no difference that can be seen.
pub(super) const LEAST_FONT_SIZE: f32 = 0.5;
/// The font size at which the natural width of a text is measured.
const MEASURE: f32 = 64.0;
/// Distance between base lines as a share of the font size.
const LINE_HEIGHT: f32 = 1.25;
/// A text that would be smaller than this on one line is broken into several, in pixels and as a share of the
/// width that it may take.
const LEGIBLE: f64 = 12.0;
const LEGIBLE_SHARE: f64 = 0.05;

/// A glyph and where its origin lies.
pub(super) struct Placed {
    pub(super) key: CacheKey,
    pub(super) x: i32,
    pub(super) y: i32,
}

/// A text in lines.
pub(super) struct Block {
    pub(super) glyphs: Vec<Placed>,
    pub(super) font_size: f32,
}

/// Lays `text` out in the largest font with which it is as wide as `room` asks for and fits in, times `scale`.
pub(super) fn lay_out(fonts: &mut FontSystem, text: &str, room: &Room, scale: f64) -> Block {
    let attributes =
        Attrs::new().family(cosmic_text::Family::SansSerif).cache_key_flags(CacheKeyFlags::DISABLE_HINTING);
    let mut buffer = Buffer::new(fonts, Metrics::relative(MEASURE, LINE_HEIGHT));
    buffer.set_wrap(Wrap::WordOrGlyph);
    buffer.set_size(None, None);
    buffer.set_text(&printable(text), &attributes, Shaping::Advanced, Some(Align::Left));
    buffer.shape_until_scroll(fonts, false);
    let (width, height) = measure(&buffer);
    let asked = f64::from(MEASURE) * room.width / f64::from(width.max(1.0));
    let legible = LEGIBLE.max(room.width * LEGIBLE_SHARE);
    let font_size = if asked >= legible {
        // One line for each of the text's own: everything grows with the font.
        let factor = asked / f64::from(MEASURE);
        asked * room.factor((f64::from(width) * factor, f64::from(height) * factor))
    } else {
        largest_that_fits(fonts, &mut buffer, room, legible)
    };
    let font_size = ((font_size * scale) as f32).max(LEAST_FONT_SIZE);
    // Lines are broken to the width that they had when the size was found, with a little more so that rounding
    // breaks none of them once more.
    let wrap = if asked >= legible { width * font_size / MEASURE } else { (room.width * scale) as f32 };
    set(fonts, &mut buffer, font_size, Some(wrap * 1.01 + 0.5));
    for line in &mut buffer.lines {
        line.set_align(Some(Align::Center));
    }
    set(fonts, &mut buffer, font_size, Some(wrap * 1.01 + 1.0));
    Block { glyphs: glyphs(&buffer), font_size }
}

/// Halves the interval until the largest size is known to a hundredth.
fn largest_that_fits(fonts: &mut FontSystem, buffer: &mut Buffer, room: &Room, most: f64) -> f64 {
    let mut fits = |font_size: f64| {
        set(fonts, buffer, font_size as f32, Some(room.width as f32));
        let (width, height) = measure(buffer);
        f64::from(width) <= room.width * 1.001 && room.factor((f64::from(width), f64::from(height))) >= 1.0
    };
    if fits(most) {
        return most;
    }
    let (mut low, mut high) = (0.0, most);
    while high - low > (high * 0.01).max(0.05) {
        let middle = f64::midpoint(low, high);
        if fits(middle) { low = middle } else { high = middle }
    }
    low
}

fn set(fonts: &mut FontSystem, buffer: &mut Buffer, font_size: f32, width: Option<f32>) {
    let metrics = Metrics::relative(font_size.max(LEAST_FONT_SIZE), LINE_HEIGHT);
    buffer.set_metrics_and_size(metrics, width, None);
    buffer.shape_until_scroll(fonts, false);
}

/// Width of the longest line and height of all lines.
fn measure(buffer: &Buffer) -> (f32, f32) {
    buffer.layout_runs().fold((0.0_f32, 0.0_f32), |(width, height), run| {
        (width.max(run.line_w), height.max(run.line_top + run.line_height))
    })
}

fn glyphs(buffer: &Buffer) -> Vec<Placed> {
    let mut glyphs = Vec::new();
    for run in buffer.layout_runs() {
        for glyph in run.glyphs {
            let at = glyph.physical((0.0, run.line_y), 1.0);
            glyphs.push(Placed { key: at.cache_key, x: at.x, y: at.y });
        }
    }
    glyphs
}

/// Line breaks of every kind become one; other control characters, which would show as empty boxes, become spaces. So no line
/// has a paragraph's end in it: the shaper takes a line for one paragraph, with one direction.
fn printable(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    text.trim().chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}
