//! Rotation by any angle, on a canvas that is enlarged to hold the whole picture.

use crate::color::css::Colour;
use crate::error::Error;
use crate::limits::CancelToken;
use crate::ops::ground::ready_for;
use crate::ops::resize::multiply_alpha;
use crate::pixels::{Layout, Pixels};

/// Steps between two samples at which the cubic's weights are kept.
const PHASES: usize = 256;
/// Side of the blocks in which the canvas is filled: the slanted strip of the source that a block needs stays in
/// the cache, as whole rows of it would not.
const BLOCK: u32 = 64;

/// The size of the canvas that holds a picture of `size` turned by `degrees`.
pub(crate) fn canvas((width, height): (u32, u32), degrees: f64) -> (u64, u64) {
    let (sin, cos) = sin_cos(degrees);
    let (width, height) = (f64::from(width), f64::from(height));
    // What sticks out by less than a thousandth of a pixel is a rounding error or can't be seen.
    let side = |length: f64| ((length - 1e-3).ceil() as u64).max(1);
    (side(width * cos.abs() + height * sin.abs()), side(width * sin.abs() + height * cos.abs()))
}

/// Rotates clockwise about the middle. Samples lie on a Catmull-Rom cubic; the picture's edges are blended into
/// `ground` over one pixel. The result has an alpha channel if the picture had one or `ground` is not opaque.
pub(crate) fn rotate(
    pixels: Pixels,
    degrees: f64,
    ground: Colour,
    cancel: &CancelToken,
) -> Result<Pixels, Error> {
    let mut pixels = ready_for(pixels, ground);
    multiply_alpha(&mut pixels)?;
    match pixels.layout {
        Layout::Grey => rotate_n::<1>(&pixels, degrees, [ground[0]], cancel),
        Layout::GreyAlpha => rotate_n::<2>(&pixels, degrees, multiplied([ground[0], ground[3]]), cancel),
        Layout::Rgb => rotate_n::<3>(&pixels, degrees, [ground[0], ground[1], ground[2]], cancel),
        Layout::Rgba | Layout::Cmyk => rotate_n::<4>(&pixels, degrees, multiplied(ground), cancel),
    }
}

fn rotate_n<const N: usize>(
    source: &Pixels,
    degrees: f64,
    ground: [u8; N],
    cancel: &CancelToken,
) -> Result<Pixels, Error> {
    let (width, height) = canvas((source.width, source.height), degrees);
    let mut rotated = Pixels::zeroed(width as u32, height as u32, source.layout);
    let (width, height) = (rotated.width, rotated.height);
    let plane = Plane::<N>::new(source);
    let (sin, cos) = sin_cos(degrees);
    let (middle_x, middle_y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let (source_x, source_y) = (f64::from(source.width) / 2.0, f64::from(source.height) / 2.0);
    let samples = rotated.data.as_chunks_mut::<N>().0;
    for top in (0..height).step_by(BLOCK as usize) {
        cancel.check()?;
        for left in (0..width).step_by(BLOCK as usize) {
            for y in top..height.min(top + BLOCK) {
                let down = f64::from(y) + 0.5 - middle_y;
                for x in left..width.min(left + BLOCK) {
                    let across = f64::from(x) + 0.5 - middle_x;
                    let u = across * cos + down * sin + source_x;
                    let v = down * cos - across * sin + source_y;
                    samples[y as usize * width as usize + x as usize] = plane.sample(u, v, ground);
                }
            }
        }
    }
    if source.layout.has_alpha() {
        crate::ops::resize::divide_alpha(&mut rotated)?;
    }
    Ok(rotated)
}

/// A picture to take samples from, colour multiplied by alpha.
struct Plane<'a, const N: usize> {
    samples: &'a [[u8; N]],
    width: usize,
    height: usize,
    weights: Vec<[f32; 4]>,
}

impl<'a, const N: usize> Plane<'a, N> {
    fn new(pixels: &'a Pixels) -> Self {
        let weights = (0..=PHASES).map(|phase| catmull_rom(phase as f32 / PHASES as f32)).collect();
        let samples = pixels.data.as_chunks::<N>().0;
        Self { samples, width: pixels.width as usize, height: pixels.height as usize, weights }
    }

    /// The picture at `(u, v)` as far as it covers the pixel there, `ground` for the rest.
    fn sample(&self, u: f64, v: f64, ground: [u8; N]) -> [u8; N] {
        let covered = |at: f64, side: usize| (at.min(side as f64 - at) + 0.5).clamp(0.0, 1.0) as f32;
        let cover = covered(u, self.width) * covered(v, self.height);
        if cover == 0.0 {
            return ground;
        }
        let colour = self.cubic(u - 0.5, v - 0.5);
        let mut mixed = [0; N];
        // The cubic overshoots beside sharp steps; multiplied colour must not pass its alpha.
        let most = if N.is_multiple_of(2) { colour[N - 1].clamp(0.0, 255.0) } else { 255.0 };
        for i in 0..N {
            let value = colour[i].clamp(0.0, most);
            mixed[i] = (value * cover + f32::from(ground[i]) * (1.0 - cover) + 0.5) as u8;
        }
        mixed
    }

    /// Interpolates at `(x, y)`, where whole numbers are the middles of pixels. Edge pixels are repeated outwards.
    fn cubic(&self, x: f64, y: f64) -> [f32; N] {
        let (left, across) = self.split(x);
        let (top, down) = self.split(y);
        let mut sum = [0.0; N];
        let inside = left >= 0 && top >= 0 && left + 4 <= self.width as i64 && top + 4 <= self.height as i64;
        for (row, weight) in down.iter().enumerate() {
            let y = (top + row as i64).clamp(0, self.height as i64 - 1) as usize;
            let line = &self.samples[y * self.width..][..self.width];
            let mut part = [0.0; N];
            if inside {
                for (sample, weight) in line[left as usize..][..4].iter().zip(across) {
                    for i in 0..N {
                        part[i] += f32::from(sample[i]) * weight;
                    }
                }
            } else {
                for (column, weight) in across.iter().enumerate() {
                    let x = (left + column as i64).clamp(0, self.width as i64 - 1) as usize;
                    for i in 0..N {
                        part[i] += f32::from(line[x][i]) * weight;
                    }
                }
            }
            for i in 0..N {
                sum[i] += part[i] * weight;
            }
        }
        sum
    }

    /// The first of the four samples around a place, and their weights.
    fn split(&self, at: f64) -> (i64, &[f32; 4]) {
        let floor = at.floor();
        let phase = ((at - floor) * PHASES as f64).round() as usize;
        (floor as i64 - 1, &self.weights[phase])
    }
}

/// The weights of four neighbouring samples at `t` between the second and the third.
fn catmull_rom(t: f32) -> [f32; 4] {
    [
        0.5 * ((-t + 2.0) * t - 1.0) * t,
        0.5 * ((3.0 * t - 5.0) * t * t + 2.0),
        0.5 * ((-3.0 * t + 4.0) * t + 1.0) * t,
        0.5 * (t - 1.0) * t * t,
    ]
}

/// Exact at the quarter turns, where a tiny cosine would enlarge the canvas.
fn sin_cos(degrees: f64) -> (f64, f64) {
    match degrees.rem_euclid(360.0) {
        0.0 | 360.0 => (0.0, 1.0),
        90.0 => (1.0, 0.0),
        180.0 => (0.0, -1.0),
        270.0 => (-1.0, 0.0),
        degrees => degrees.to_radians().sin_cos(),
    }
}

fn multiplied<const N: usize>(mut colour: [u8; N]) -> [u8; N] {
    let alpha = u32::from(colour[N - 1]);
    for channel in &mut colour[..N - 1] {
        *channel = crate::ops::blend::div_255(u32::from(*channel) * alpha) as u8;
    }
    colour
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Turn, orient};

    fn picture(width: u32, height: u32) -> Pixels {
        let data = (0..width * height).flat_map(|i| [(i % 251) as u8, (i / width * 5) as u8, 77]).collect();
        Pixels::from_data(width, height, Layout::Rgb, data)
    }

    #[test]
    fn quarter_turns_move_pixels() {
        for quarters in 0..4 {
            for (width, height) in [(1, 1), (7, 4), (70, 133)] {
                let source = picture(width, height);
                let turned = orient(source.clone(), Turn::quarters(quarters));
                let rotated =
                    rotate(source, f64::from(quarters) * 90.0, [255; 4], &CancelToken::new()).unwrap();
                assert_eq!(rotated, turned, "{quarters} {width}x{height}");
            }
        }
    }

    #[test]
    fn the_canvas_holds_the_picture() {
        assert_eq!(canvas((100, 100), 45.0), (142, 142));
        assert_eq!(canvas((300, 200), 90.0), (200, 300));
        assert_eq!(canvas((300, 200), 180.0), (300, 200));
        assert_eq!(canvas((1, 1), 33.0), (2, 2));
    }

    #[test]
    fn corners_are_ground_and_the_middle_stays() {
        let mut source = Pixels::zeroed(41, 41, Layout::Rgb);
        source.data.fill(200);
        let solid = rotate(source.clone(), 33.0, [10, 20, 30, 255], &CancelToken::new()).unwrap();
        assert_eq!(solid.layout, Layout::Rgb);
        let pixel = |p: &Pixels, x: u32, y: u32| {
            let channels = p.layout.channels();
            p.row(y)[x as usize * channels..][..channels].to_vec()
        };
        assert_eq!(pixel(&solid, 0, 0), [10, 20, 30]);
        assert_eq!(pixel(&solid, solid.width / 2, solid.height / 2), [200; 3]);
        let clear = rotate(source, 33.0, [0; 4], &CancelToken::new()).unwrap();
        assert_eq!(pixel(&clear, 0, 0), [0; 4]);
        assert_eq!(pixel(&clear, clear.width / 2, clear.height / 2), [200, 200, 200, 255]);
        // No dark or bright fringe: wherever there is something, it has the picture's colour.
        for sample in clear.data.as_chunks::<4>().0 {
            assert!(sample[3] < 32 || sample[0].abs_diff(200) <= 16, "{sample:?}");
        }
        // What is covered adds up to the picture's area.
        let area = clear.data.as_chunks::<4>().0.iter().map(|s| f64::from(s[3]) / 255.0).sum::<f64>();
        assert!((area - 41.0 * 41.0).abs() < 12.0, "{area}");
    }

    #[test]
    fn turning_there_and_back_gives_the_picture() {
        let data = (0..90 * 70_u32).map(|i| (128.0 + 90.0 * (f64::from(i % 90) / 9.0).sin()) as u8).collect();
        let source = Pixels::from_data(90, 70, Layout::Grey, data);
        let there = rotate(source.clone(), 21.0, [128, 128, 128, 255], &CancelToken::new()).unwrap();
        let back = rotate(there, -21.0, [128, 128, 128, 255], &CancelToken::new()).unwrap();
        let (left, top) = ((back.width - 90) / 2, (back.height - 70) / 2);
        let mut total = 0;
        for y in 10..60 {
            for x in 10..80 {
                let found = back.row(top + y)[(left + x) as usize];
                total += u32::from(found.abs_diff(source.row(y)[x as usize]));
            }
        }
        assert!(f64::from(total) / 3500.0 < 6.0, "mean difference {}", f64::from(total) / 3500.0);
    }
}
