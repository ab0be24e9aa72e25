//! Which part of a picture to keep: by entropy, or by what draws the eye. Done on a small copy; the same picture
//! always gives the same part.

use crate::ops::layout::{luma, with_colour};
use crate::pixels::{Layout, Pixels};

/// How parts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// The part with the highest Shannon entropy of its brightness.
    Entropy,
    /// The part with the most edges, skin tones and saturated colours, the more the nearer to its middle.
    Attention,
}

/// Places tried along one side.
const PLACES: u32 = 48;
/// Brightness levels that entropy tells apart: fewer than 256, so that a small part fills its histogram.
const LEVELS: usize = 64;
/// A part must be better by this share to win over one nearer to the middle.
const CLEARLY: f64 = 1.0 + 1e-6;

/// The best window of `window` (width and height as shares of the picture, up to 1), as the shares of the free space
/// that lie left of it and above it, 0..=1.
pub(crate) fn most_salient(picture: Pixels, window: (f64, f64), strategy: Strategy) -> (f64, f64) {
    let picture = with_colour(picture);
    let size = (picture.width, picture.height);
    let across = Window::new(size.0, window.0);
    let down = Window::new(size.1, window.1);
    match strategy {
        Strategy::Entropy => {
            let levels: Vec<u8> = brightness(&picture).into_iter().map(|luma| luma >> 2).collect();
            best(across, down, |left, top| {
                entropy(&levels, size.0, (left, across.length), (top, down.length))
            })
        }
        Strategy::Attention => {
            let scores = attention(&picture);
            let (columns, rows) = (weights(across.length), weights(down.length));
            best(across, down, |left, top| {
                let mut sum = 0.0;
                for (y, weight) in rows.iter().enumerate() {
                    let line = &scores[(top as usize + y) * size.0 as usize + left as usize..];
                    let row: f64 = line.iter().zip(&columns).map(|(score, weight)| score * weight).sum();
                    sum += row * weight;
                }
                sum
            })
        }
    }
}

/// A window along one side: its length in pixels of the copy and the room it has to move.
#[derive(Clone, Copy)]
struct Window {
    length: u32,
    room: u32,
}

impl Window {
    fn new(side: u32, share: f64) -> Self {
        let length = ((f64::from(side) * share).round() as u32).clamp(1, side);
        Self { length, room: side - length }
    }

    /// Places to try, from the middle outwards.
    fn places(self) -> Vec<u32> {
        let steps = self.room.min(PLACES);
        let mut places: Vec<u32> = (0..=steps)
            .map(|step| (u64::from(self.room) * u64::from(step) / u64::from(steps.max(1))) as u32)
            .collect();
        places.sort_by_key(|&place| (2 * place).abs_diff(self.room));
        places
    }

    fn share(self, place: u32) -> f64 {
        if self.room == 0 { 0.5 } else { f64::from(place) / f64::from(self.room) }
    }
}

fn best(across: Window, down: Window, score: impl Fn(u32, u32) -> f64) -> (f64, f64) {
    let mut found = (across.share(across.room / 2), down.share(down.room / 2));
    let mut highest = f64::NEG_INFINITY;
    for top in down.places() {
        for left in across.places() {
            let score = score(left, top);
            if highest == f64::NEG_INFINITY || score > highest * CLEARLY + f64::EPSILON {
                (highest, found) = (score, (across.share(left), down.share(top)));
            }
        }
    }
    found
}

fn entropy(levels: &[u8], stride: u32, (left, width): (u32, u32), (top, height): (u32, u32)) -> f64 {
    let mut counts = [0_u32; LEVELS];
    for y in top..top + height {
        for &level in &levels[(y * stride + left) as usize..][..width as usize] {
            counts[usize::from(level)] += 1;
        }
    }
    let total = f64::from(width * height);
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f64::from(count) / total)
        .map(|p| -p * p.log2())
        .sum()
}

/// How much the middle of a window counts for more than its edges: a parabola from 1 down to a quarter.
fn weights(length: u32) -> Vec<f64> {
    let half = f64::from(length) / 2.0;
    (0..length).map(|i| 1.0 - 0.75 * ((f64::from(i) + 0.5 - half) / half).powi(2)).collect()
}

/// A score for each pixel: edges, skin and saturation.
fn attention(picture: &Pixels) -> Vec<f64> {
    let luma = brightness(picture);
    let (width, height) = (picture.width as usize, picture.height as usize);
    let channels = picture.layout.channels();
    let mut scores = Vec::with_capacity(luma.len());
    for y in 0..height {
        for x in 0..width {
            let at = |x: usize, y: usize| f64::from(luma[y.min(height - 1) * width + x.min(width - 1)]);
            let (left, above) = (at(x.saturating_sub(1), y), at(x, y.saturating_sub(1)));
            let edge = (at(x + 1, y) - left).hypot(at(x, y + 1) - above);
            let sample = &picture.data[(y * width + x) * channels..][..channels];
            let seen = if channels == 4 { f64::from(sample[3]) / 255.0 } else { 1.0 };
            let colour = [sample[0], sample[1], sample[2]].map(f64::from);
            scores.push(seen * ((edge / 100.0).min(1.0) + 1.5 * skin(colour) + 0.4 * saturation(colour)));
        }
    }
    scores
}

/// How near a colour is to skin, 0..=1. Skin of all shades has about the same direction in RGB and differs in
/// length; very dark and very bright pixels have no direction worth the name.
fn skin([red, green, blue]: [f64; 3]) -> f64 {
    const DIRECTION: [f64; 3] = [0.78, 0.57, 0.44];
    let length = (red * red + green * green + blue * blue).sqrt();
    if !(60.0..=420.0).contains(&length) {
        return 0.0;
    }
    let difference =
        [red, green, blue].iter().zip(DIRECTION).map(|(c, d)| (c / length - d).powi(2)).sum::<f64>();
    (1.0 - difference.sqrt() / 0.12).max(0.0)
}

/// Saturation of colours bright enough to show it, 0..=1; faint tints count nothing.
fn saturation([red, green, blue]: [f64; 3]) -> f64 {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most < 50.0 {
        return 0.0;
    }
    (((most - least) / most - 0.4) / 0.6).max(0.0) * (most / 255.0)
}

/// Brightness of each pixel; the transparent ones are black.
fn brightness(picture: &Pixels) -> Vec<u8> {
    match picture.layout {
        Layout::Rgba => {
            let samples = picture.data.as_chunks::<4>().0.iter();
            samples
                .map(|&[r, g, b, alpha]| (u32::from(luma(r, g, b)) * u32::from(alpha) / 255) as u8)
                .collect()
        }
        _ => {
            picture.data.as_chunks::<3>().0.iter().map(|&[red, green, blue]| luma(red, green, blue)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flat grey picture with a patch around `(x, y)`.
    fn with_patch(width: u32, height: u32, at: (u32, u32), colour: impl Fn(u32, u32) -> [u8; 3]) -> Pixels {
        let mut data = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let inside = x.abs_diff(at.0) < 10 && y.abs_diff(at.1) < 10;
                data.extend(if inside { colour(x, y) } else { [120; 3] });
            }
        }
        Pixels::from_data(width, height, Layout::Rgb, data)
    }

    #[test]
    fn finds_the_patch() {
        let noise = |x: u32, y: u32| [(x * 37 + y * 91) as u8; 3];
        let skin = |_: u32, _: u32| [220, 165, 130];
        let red = |_: u32, _: u32| [250, 20, 20];
        for x in [15, 60, 100, 145] {
            for (strategy, picture) in [
                (Strategy::Entropy, with_patch(160, 40, (x, 20), noise)),
                (Strategy::Attention, with_patch(160, 40, (x, 20), noise)),
                (Strategy::Attention, with_patch(160, 40, (x, 20), skin)),
                (Strategy::Attention, with_patch(160, 40, (x, 20), red)),
            ] {
                let (left, top) = most_salient(picture, (0.25, 1.0), strategy);
                let start = left * 120.0;
                assert!(
                    start <= f64::from(x - 8) && start + 40.0 >= f64::from(x + 8),
                    "{strategy:?} {x}: {start}"
                );
                assert!((top - 0.5).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn attention_puts_the_subject_in_the_middle() {
        let picture = with_patch(160, 160, (50, 100), |_, _| [250, 20, 20]);
        let (left, top) = most_salient(picture, (0.5, 0.5), Strategy::Attention);
        assert!(
            (left * 80.0 + 40.0 - 50.0).abs() < 12.0 && (top * 80.0 + 40.0 - 100.0).abs() < 12.0,
            "{left} {top}"
        );
    }

    #[test]
    fn nothing_to_see_keeps_the_middle() {
        for strategy in [Strategy::Entropy, Strategy::Attention] {
            for (width, height) in [(1, 1), (100, 30), (30, 101)] {
                let flat = Pixels::from_data(width, height, Layout::Grey, vec![9; (width * height) as usize]);
                let (left, top) = most_salient(flat, (0.5, 0.5), strategy);
                assert!((left - 0.5).abs() < 0.05 && (top - 0.5).abs() < 0.05, "{left} {top}");
            }
        }
    }
}
