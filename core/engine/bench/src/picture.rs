//! Raw pictures as scoring and making need them: 8 bits, interleaved, three or four channels.

use std::f64::consts::PI;

/// A raw picture; alpha is straight.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    pub(crate) data: Vec<u8>,
}

impl Picture {
    /// A picture from a function of column and row that gives three or four samples.
    pub(crate) fn from_fn<const N: usize>(
        width: usize,
        height: usize,
        mut pixel: impl FnMut(usize, usize) -> [u8; N],
    ) -> Self {
        let mut data = Vec::with_capacity(width * height * N);
        for y in 0..height {
            for x in 0..width {
                data.extend(pixel(x, y));
            }
        }
        Self { width, height, channels: N, data }
    }

    fn row(&self, y: usize) -> &[u8] {
        let stride = self.width * self.channels;
        &self.data[y * stride..][..stride]
    }

    /// A picture of another size without resampling: cut from the middle where this one is larger, continued by
    /// its mirror images where it is smaller.
    pub(crate) fn tiled(&self, width: usize, height: usize) -> Self {
        let at = |i: usize, wanted: usize, have: usize| {
            let i = i + have.saturating_sub(wanted) / 2;
            let phase = i % (2 * have);
            if phase < have { phase } else { 2 * have - 1 - phase }
        };
        let mut data = Vec::with_capacity(width * height * self.channels);
        for y in 0..height {
            let row = self.row(at(y, height, self.height));
            for x in 0..width {
                let x = at(x, width, self.width) * self.channels;
                data.extend_from_slice(&row[x..x + self.channels]);
            }
        }
        Self { width, height, channels: self.channels, data }
    }

    /// The quarter at the top.
    pub(crate) fn upper_quarter(&self) -> Self {
        let height = (self.height / 4).max(1);
        let data = self.data[..height * self.width * self.channels].to_vec();
        Self { height, data, ..*self }
    }

    /// Turned clockwise by a quarter.
    pub(crate) fn turned(&self) -> Self {
        let mut data = Vec::with_capacity(self.data.len());
        for y in 0..self.width {
            for x in 0..self.height {
                let from = ((self.height - 1 - x) * self.width + y) * self.channels;
                data.extend_from_slice(&self.data[from..from + self.channels]);
            }
        }
        Self { width: self.height, height: self.width, channels: self.channels, data }
    }

    /// Laid on one level of grey, as three channels.
    pub(crate) fn on(&self, ground: u8) -> Self {
        if self.channels == 3 {
            return self.clone();
        }
        let over = |sample: u8, alpha: u8| {
            let (sample, alpha) = (u32::from(sample), u32::from(alpha));
            ((sample * alpha + u32::from(ground) * (255 - alpha) + 127) / 255) as u8
        };
        let data = self.data.chunks_exact(self.channels);
        let data = data.flat_map(|p| match self.channels {
            1 => [p[0]; 3],
            2 => [over(p[0], p[1]); 3],
            _ => [over(p[0], p[3]), over(p[1], p[3]), over(p[2], p[3])],
        });
        Self { width: self.width, height: self.height, channels: 3, data: data.collect() }
    }

    /// Fills `width` × `height` by the definition of Lanczos resampling with three lobes, in floating point: the filter is
    /// stretched over the source when it shrinks. Colour is weighted by its alpha.
    pub(crate) fn filling(&self, width: usize, height: usize) -> Self {
        let weights = |from: usize, to: usize| filter(from, to, from as f64 / to as f64, 0.0);
        self.resampled(&weights(self.width, width), &weights(self.height, height))
    }

    /// Covers `width` × `height` in the same way; what does not fit is cut off evenly on both sides.
    pub(crate) fn covering(&self, width: usize, height: usize) -> Self {
        let factor = (width as f64 / self.width as f64).max(height as f64 / self.height as f64);
        let scaled = |side: usize| (side as f64 * factor).round().max(1.0);
        let weights = |from: usize, to: usize| {
            let scaled = scaled(from).max(to as f64);
            filter(from, to, from as f64 / scaled, ((scaled - to as f64) / 2.0).floor())
        };
        self.resampled(&weights(self.width, width), &weights(self.height, height))
    }

    fn resampled(&self, columns: &[Tap], rows: &[Tap]) -> Self {
        let (width, height, channels) = (columns.len(), rows.len(), self.channels);
        let mut across = vec![0.0_f32; width * self.height * channels];
        let mut line = vec![0.0_f32; self.width * channels];
        for (y, target) in across.chunks_exact_mut(width * channels).enumerate() {
            premultiplied(self.row(y), channels, &mut line);
            for (pixel, tap) in target.chunks_exact_mut(channels).zip(columns) {
                for (weight, from) in
                    tap.weights.iter().zip(line[tap.start * channels..].chunks_exact(channels))
                {
                    pixel.iter_mut().zip(from).for_each(|(sum, sample)| *sum += weight * sample);
                }
            }
        }
        let mut data = Vec::with_capacity(width * height * channels);
        let mut sums = vec![0.0_f32; width * channels];
        for tap in rows {
            sums.fill(0.0);
            for (weight, row) in
                tap.weights.iter().zip(across[tap.start * width * channels..].chunks_exact(width * channels))
            {
                sums.iter_mut().zip(row).for_each(|(sum, sample)| *sum += weight * sample);
            }
            data.extend(sums.chunks_exact(channels).flat_map(straight));
        }
        Self { width, height, channels, data }
    }
}

/// The samples that one sample of the result is made from.
struct Tap {
    start: usize,
    weights: Vec<f32>,
}

fn filter(from: usize, to: usize, step: f64, offset: f64) -> Vec<Tap> {
    let stretch = step.max(1.0);
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
    let kernel = |x: f64| if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
    let tap = |at: usize| {
        let middle = (at as f64 + offset + 0.5) * step;
        let start = (middle - 3.0 * stretch).floor().max(0.0) as usize;
        let end = ((middle + 3.0 * stretch).ceil() as usize).min(from);
        let weights: Vec<f64> = (start..end).map(|i| kernel((i as f64 + 0.5 - middle) / stretch)).collect();
        let sum: f64 = weights.iter().sum();
        Tap { start, weights: weights.into_iter().map(|weight| (weight / sum) as f32).collect() }
    };
    (0..to).map(tap).collect()
}

fn premultiplied(row: &[u8], channels: usize, into: &mut [f32]) {
    let has_alpha = channels.is_multiple_of(2);
    for (pixel, target) in row.chunks_exact(channels).zip(into.chunks_exact_mut(channels)) {
        let alpha = if has_alpha { f32::from(pixel[channels - 1]) / 255.0 } else { 1.0 };
        target.iter_mut().zip(pixel).for_each(|(target, sample)| *target = f32::from(*sample) * alpha);
        if has_alpha {
            target[channels - 1] = f32::from(pixel[channels - 1]);
        }
    }
}

fn straight(pixel: &[f32]) -> Vec<u8> {
    let has_alpha = pixel.len().is_multiple_of(2);
    let alpha = if has_alpha { pixel[pixel.len() - 1].clamp(0.0, 255.0) / 255.0 } else { 1.0 };
    let sample = |(i, value): (usize, &f32)| {
        let is_alpha = has_alpha && i + 1 == pixel.len();
        let value = if is_alpha || alpha == 0.0 { *value } else { value / alpha };
        value.round().clamp(0.0, 255.0) as u8
    };
    pixel.iter().enumerate().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> Picture {
        Picture::from_fn(width, height, |x, y| [(x * 3) as u8, (y * 5) as u8, 7])
    }

    #[test]
    fn the_same_size_changes_nothing_and_a_flat_picture_stays_flat() {
        let picture = ramp(40, 30);
        assert_eq!(picture.covering(40, 30), picture);
        assert_eq!(picture.filling(40, 30), picture);
        let flat = Picture::from_fn(50, 37, |_, _| [90, 200, 3, 128]);
        assert!(flat.covering(17, 9).data.chunks_exact(4).all(|p| p == [90, 200, 3, 128]));
    }

    #[test]
    fn filling_keeps_all() {
        let flat = ramp(60, 40).filling(20, 40);
        // Three columns of 0, 3, 6 and so on become one.
        assert_eq!(flat.data[10 * 3], 93);
        assert_eq!(flat.data[20 * 3 * 7 + 1], 35);
    }

    #[test]
    fn shrinking_keeps_the_middle() {
        let small = ramp(60, 40).covering(20, 20);
        // Half of the height: 30 columns, of which five are cut off on either side.
        assert_eq!(small.data[0], ramp(60, 40).covering(30, 20).data[5 * 3]);
    }

    #[test]
    fn a_quarter_turn_moves_the_lower_left_corner_up() {
        let picture = ramp(4, 3);
        let turned = picture.turned();
        assert_eq!((turned.width, turned.height), (3, 4));
        assert_eq!(turned.data[..3], picture.row(2)[..3]);
        assert_eq!(turned.turned().turned().turned(), picture);
    }

    #[test]
    fn tiling_cuts_the_middle_or_mirrors() {
        let picture = ramp(6, 4);
        assert_eq!(picture.tiled(4, 4).data[..3], picture.data[3..6]);
        let wide = picture.tiled(12, 4);
        assert_eq!(wide.data[11 * 3..12 * 3], picture.data[..3]);
    }

    #[test]
    fn transparent_pixels_show_the_ground() {
        let picture = Picture::from_fn(1, 2, |_, y| [10, 20, 30, if y == 0 { 0 } else { 255 }]);
        assert_eq!(picture.on(255).data, [255, 255, 255, 10, 20, 30]);
    }
}
