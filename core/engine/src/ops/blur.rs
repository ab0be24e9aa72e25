//! Gaussian blur. A wide blur leaves nothing fine to see, so it is done on a smaller copy, which costs no more than a
//! narrow one.

use fast_image_resize::FilterType;

use crate::error::Error;
use crate::limits::CancelToken;
use crate::ops::resize::{divide_alpha, multiply_alpha, resize_multiplied};
use crate::pixels::Pixels;

/// Standard deviation, in its own pixels, with which the smaller copy is blurred. Such a blur damps the finest waves
/// that the copy can hold to nothing, so that nothing is lost by having left out the finer ones.
const FINE_SIGMA: f64 = 2.5;
/// Samples summed at once: their sums stay in the first-level cache.
const RUN: usize = 2048;

/// Blurs with the standard deviation `sigma` in pixels. Near the edges only the picture's own pixels count; colour is
/// weighted by alpha.
pub(crate) fn blur(mut pixels: Pixels, sigma: f64, cancel: &CancelToken) -> Result<Pixels, Error> {
    multiply_alpha(&mut pixels)?;
    let (width, height) = (pixels.width, pixels.height);
    let small = (shrunk(width, sigma), shrunk(height, sigma));
    let across = sigma * f64::from(small.0) / f64::from(width);
    let down = sigma * f64::from(small.1) / f64::from(height);
    if small == (width, height) {
        convolve(&mut pixels, &kernel(across), &kernel(down), cancel)?;
    } else {
        let mut copy = resize_multiplied(&pixels, small, FilterType::Lanczos3)?;
        drop(pixels);
        convolve(&mut copy, &kernel(across), &kernel(down), cancel)?;
        pixels = resize_multiplied(&copy, (width, height), FilterType::CatmullRom)?;
    }
    divide_alpha(&mut pixels)?;
    Ok(pixels)
}

/// The side of the copy on which a blur of `sigma` is done.
fn shrunk(side: u32, sigma: f64) -> u32 {
    let factor = sigma / FINE_SIGMA;
    if factor < 2.0 {
        return side;
    }
    ((f64::from(side) / factor).round() as u32).max(1)
}

/// Half of a Gaussian's samples, the middle first; with its mirror image it adds up to one.
fn kernel(sigma: f64) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil().max(1.0) as usize;
    let weight = |distance: usize| (-0.5 * (distance as f64 / sigma).powi(2)).exp();
    let sum: f64 = (0..=radius).map(|d| if d == 0 { 1.0 } else { 2.0 * weight(d) }).sum();
    (0..=radius).map(|distance| (weight(distance) / sum) as f32).collect()
}

/// Convolves in place, rows and then columns. Finished rows overwrite the picture while the rows that are still
/// needed wait, already blurred sideways, in a ring.
fn convolve(pixels: &mut Pixels, across: &[f32], down: &[f32], cancel: &CancelToken) -> Result<(), Error> {
    let (stride, channels) = (pixels.stride(), pixels.layout.channels());
    let height = pixels.height as usize;
    let radius = down.len() - 1;
    let ring_rows = (2 * radius + 1).min(height);
    let mut ring = vec![0.0_f32; ring_rows * stride];
    // Zeros on either side count nothing; the shares make up for them.
    let margin = (across.len() - 1) * channels;
    let mut padded = vec![0.0_f32; stride + 2 * margin];
    let (shares_across, shares_down) = (shares(across, pixels.width), shares(down, pixels.height));
    let mut sums = vec![0.0_f32; RUN];
    let mut next = 0;
    for (y, share) in shares_down.into_iter().enumerate() {
        if y % 64 == 0 {
            cancel.check()?;
        }
        while next < height && next <= y + radius {
            for (to, &from) in padded[margin..].iter_mut().zip(&pixels.data[next * stride..][..stride]) {
                *to = f32::from(from);
            }
            let row = &mut ring[next % ring_rows * stride..][..stride];
            along_row(&padded, row, across, channels);
            for (pixel, share) in row.chunks_exact_mut(channels).zip(&shares_across) {
                for sample in pixel {
                    *sample *= share;
                }
            }
            next += 1;
        }
        let row = |y: usize| &ring[y % ring_rows * stride..][..stride];
        for start in (0..stride).step_by(RUN) {
            let run = start..stride.min(start + RUN);
            let sums = &mut sums[..run.len()];
            for (sum, middle) in sums.iter_mut().zip(&row(y)[run.clone()]) {
                *sum = down[0] * middle;
            }
            for (distance, &weight) in down.iter().enumerate().skip(1) {
                match (y.checked_sub(distance), Some(y + distance).filter(|&below| below < height)) {
                    (Some(above), Some(below)) => {
                        add_pair(sums, &row(above)[run.clone()], &row(below)[run.clone()], weight);
                    }
                    (Some(one), None) | (None, Some(one)) => add(sums, &row(one)[run.clone()], weight),
                    (None, None) => break,
                }
            }
            for (sample, sum) in pixels.data[y * stride..][run].iter_mut().zip(sums) {
                *sample = (*sum * share + 0.5) as u8;
            }
        }
    }
    Ok(())
}

/// For each place along a side, what the kernel's part inside the picture must be multiplied by to add up to one.
fn shares(kernel: &[f32], side: u32) -> Vec<f32> {
    // Sums from the middle out to each distance.
    let sums: Vec<f32> = kernel
        .iter()
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect();
    let reach = |distance: usize| sums[distance.min(kernel.len() - 1)];
    let side = side as usize;
    (0..side).map(|at| 1.0 / (reach(at) + reach(side - 1 - at) - kernel[0])).collect()
}

fn along_row(padded: &[f32], row: &mut [f32], kernel: &[f32], channels: usize) {
    let margin = (kernel.len() - 1) * channels;
    let length = row.len();
    for start in (0..length).step_by(RUN) {
        let run = &mut row[start..length.min(start + RUN)];
        let middle = start + margin;
        for (sum, value) in run.iter_mut().zip(&padded[middle..]) {
            *sum = kernel[0] * value;
        }
        for (distance, &weight) in kernel.iter().enumerate().skip(1) {
            let shift = distance * channels;
            add_pair(run, &padded[middle - shift..], &padded[middle + shift..], weight);
        }
    }
}

fn add(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

fn add_pair(sums: &mut [f32], before: &[f32], after: &[f32], weight: f32) {
    for ((sum, before), after) in sums.iter_mut().zip(before).zip(after) {
        *sum += weight * (before + after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Layout;

    /// The definition in double precision, over every pixel that weighs anything.
    fn oracle(pixels: &Pixels, sigma: f64) -> Vec<f64> {
        let (width, height) = (i64::from(pixels.width), i64::from(pixels.height));
        let channels = pixels.layout.channels() as i64;
        let radius = (4.0 * sigma).ceil() as i64;
        let weight = |d: i64| (-0.5 * (d as f64 / sigma).powi(2)).exp();
        let pass = |from: &dyn Fn(i64, i64, i64) -> f64, x: i64, y: i64, c: i64, dx: i64, dy: i64| {
            let (mut sum, mut total) = (0.0, 0.0);
            for d in -radius..=radius {
                let (u, v) = (x + d * dx, y + d * dy);
                if (0..width).contains(&u) && (0..height).contains(&v) {
                    sum += weight(d) * from(u, v, c);
                    total += weight(d);
                }
            }
            sum / total
        };
        let at = |x: i64, y: i64, c: i64| f64::from(pixels.data[((y * width + x) * channels + c) as usize]);
        let mut rows = Vec::new();
        for y in 0..height {
            for x in 0..width {
                for c in 0..channels {
                    rows.push(pass(&at, x, y, c, 1, 0));
                }
            }
        }
        let at = |x: i64, y: i64, c: i64| rows[((y * width + x) * channels + c) as usize];
        let mut result = Vec::new();
        for y in 0..height {
            for x in 0..width {
                for c in 0..channels {
                    result.push(pass(&at, x, y, c, 0, 1));
                }
            }
        }
        result
    }

    fn picture(width: u32, height: u32, layout: Layout) -> Pixels {
        let channels = layout.channels() as u32;
        let sample = |x: u32, y: u32, c: u32| {
            let checks = if (x / 7 + y / 5).is_multiple_of(2) { 60 } else { 0 };
            ((x * (3 + c) + y * 2) % 150 + checks) as u8
        };
        let data = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| (0..channels).map(move |c| sample(x, y, c))))
            .collect();
        Pixels::from_data(width, height, layout, data)
    }

    #[test]
    fn close_to_the_definition_at_every_width() {
        for (sigma, worst) in [(0.3, 1.0), (1.0, 1.0), (2.9, 1.0), (5.1, 4.0), (8.0, 4.0), (30.0, 4.0)] {
            for (width, height, layout) in
                [(97, 64, Layout::Rgb), (64, 41, Layout::Grey), (20, 90, Layout::Rgb)]
            {
                let source = picture(width, height, layout);
                let exact = oracle(&source, sigma);
                let found = blur(source, sigma, &CancelToken::new()).unwrap();
                let differences: Vec<f64> = found
                    .data
                    .iter()
                    .zip(exact)
                    .map(|(found, exact)| (f64::from(*found) - exact).abs())
                    .collect();
                let most = differences.iter().copied().fold(0.0, f64::max);
                let mean = differences.iter().sum::<f64>() / differences.len() as f64;
                assert!(most <= worst && mean <= 0.7, "sigma {sigma} {width}x{height}: {most} {mean}");
            }
        }
    }

    #[test]
    fn flat_pictures_and_extreme_widths() {
        for (width, height) in [(1, 1), (3, 1), (1, 200), (50, 50)] {
            for sigma in [0.3, 5.0, 1000.0] {
                let data = [120, 60, 30, 255].repeat(width as usize * height as usize);
                let flat = Pixels::from_data(width, height, Layout::Rgba, data);
                assert_eq!(
                    blur(flat.clone(), sigma, &CancelToken::new()).unwrap(),
                    flat,
                    "{width}x{height} {sigma}"
                );
            }
        }
    }

    #[test]
    fn transparent_colour_does_not_bleed() {
        let mut data = [255, 0, 0, 255].repeat(20);
        data.extend([0, 255, 0, 0].repeat(20));
        let found = blur(Pixels::from_data(40, 1, Layout::Rgba, data), 2.0, &CancelToken::new()).unwrap();
        for sample in found.data.as_chunks::<4>().0 {
            assert!(sample[3] < 20 || (sample[0] > 240 && sample[1] < 15), "{sample:?}");
        }
    }
}
