//! A watermark over planes, a row at a time: the same "over" as on RGB, which is a weighted mean and so gives the same in
//! YCbCr. Where chroma is halved, a sample of it is covered as much as the pixels that share it are on the average.

use std::collections::BTreeMap;

use crate::ops::watermark::Stamped;
use crate::pixels::Pixels;

/// The watermark for one plane: every place where it lies.
pub(super) struct Marks {
    stamps: Vec<Stamp>,
    /// Which stamp, and where its left upper corner is, from the top on.
    places: Vec<(usize, i64, i64)>,
    /// Height of the tallest stamp.
    tallest: usize,
}

/// A stamp on the grid of a plane.
struct Stamp {
    width: usize,
    height: usize,
    /// How much of a sample is covered, in 255ths, and its own value times that.
    cover: Vec<u16>,
    value: Vec<u16>,
}

/// What each plane shows of a colour, in 65536ths of red, green and blue, and its middle (ITU-R BT.601, full range).
const WEIGHTS: [([i32; 3], i32); 3] =
    [([19_595, 38_470, 7471], 0), ([-11_059, -21_709, 32_768], 128), ([32_768, -27_439, -5329], 128)];

impl Marks {
    /// For plane `index`, which has one sample for `factor` pixels each way.
    pub(super) fn new(stamped: &Stamped, index: usize, factor: usize) -> Self {
        let mut marks = Self { stamps: Vec::new(), places: Vec::new(), tallest: 0 };
        // On a coarser grid a stamp looks different by where it begins.
        let mut known = BTreeMap::new();
        let grid = factor as i64;
        for &(left, top) in &stamped.corners {
            let shift = (left.rem_euclid(grid) as usize, top.rem_euclid(grid) as usize);
            let stamp = *known.entry(shift).or_insert_with(|| {
                marks.stamps.push(Stamp::new(&stamped.stamp, stamped.opacity, index, factor, shift));
                marks.stamps.len() - 1
            });
            marks.places.push((stamp, left.div_euclid(grid), top.div_euclid(grid)));
        }
        marks.tallest = marks.stamps.iter().map(|stamp| stamp.height).max().unwrap_or(0);
        debug_assert!(marks.places.is_sorted_by_key(|&(.., top)| top));
        marks
    }

    /// Lays it over row `y` of the plane.
    pub(super) fn lay_over(&self, y: usize, row: &mut [u8]) {
        let y = y as i64;
        let first = self.places.partition_point(|&(.., top)| top + (self.tallest as i64) <= y);
        for &(stamp, left, top) in &self.places[first..] {
            let stamp = &self.stamps[stamp];
            let Ok(line) = usize::try_from(y - top) else { break };
            let hidden = left.min(0).unsigned_abs() as usize;
            let start = left.max(0) as usize;
            if line >= stamp.height || hidden >= stamp.width || start >= row.len() {
                continue;
            }
            let range = line * stamp.width + hidden..(line + 1) * stamp.width;
            let above = stamp.cover[range.clone()].iter().zip(&stamp.value[range]);
            for (sample, (&cover, &value)) in row[start..].iter_mut().zip(above) {
                let sum = u32::from(value) + u32::from(255 - cover) * u32::from(*sample) + 128;
                *sample = ((sum + (sum >> 8)) >> 8).min(255) as u8;
            }
        }
    }
}

impl Stamp {
    fn new(stamp: &Pixels, opacity: f64, index: usize, factor: usize, shift: (usize, usize)) -> Self {
        let opacity = (opacity * 256.0).round() as u32;
        let (weights, middle) = WEIGHTS[index];
        let width = (stamp.width as usize + shift.0).div_ceil(factor);
        let height = (stamp.height as usize + shift.1).div_ceil(factor);
        let (mut cover, mut value) = (vec![0_u32; width * height], vec![0_u32; width * height]);
        for y in 0..stamp.height as usize {
            let line = (y + shift.1) / factor * width;
            let pixels = stamp.row(y as u32).as_chunks::<4>().0;
            for (x, &[red, green, blue, alpha]) in pixels.iter().enumerate() {
                let alpha = (u32::from(alpha) * opacity + 128) >> 8;
                let sum: i32 = weights.iter().zip([red, green, blue]).map(|(w, c)| w * i32::from(c)).sum();
                let sample = ((sum + (1 << 15)) >> 16) + middle;
                let at = line + (x + shift.0) / factor;
                cover[at] += alpha;
                value[at] += alpha * sample.clamp(0, 255) as u32;
            }
        }
        let area = (factor * factor) as u32;
        let mean = |sums: Vec<u32>| sums.into_iter().map(|sum| ((sum + area / 2) / area) as u16).collect();
        Self { width, height, cover: mean(cover), value: mean(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Layout;

    #[test]
    fn a_solid_stamp_replaces_and_a_clear_one_leaves() {
        let stamp = Pixels::from_data(3, 2, Layout::Rgba, [[255, 0, 0, 255]; 6].concat());
        let stamped = |opacity| Stamped { stamp: stamp.clone(), corners: vec![(-1, 1), (5, 3)], opacity };
        let rows = |index, factor, opacity, (width, height): (usize, usize)| {
            let marks = Marks::new(&stamped(opacity), index, factor);
            let row = |y| {
                let mut row = vec![100; width];
                marks.lay_over(y, &mut row);
                row
            };
            (0..height).map(row).collect::<Vec<_>>()
        };
        let luma = rows(0, 1, 1.0, (7, 5));
        assert_eq!(luma[0], [100; 7]);
        assert_eq!(luma[1], [76, 76, 100, 100, 100, 100, 100]);
        assert_eq!(luma[2], luma[1]);
        assert_eq!(luma[3], [100, 100, 100, 100, 100, 76, 76]);
        // A quarter of the sample at 2,2 is covered, and half of the one at 0,1.
        let red = rows(2, 2, 1.0, (4, 3));
        assert_eq!(red[0], [177, 100, 100, 100]);
        assert_eq!(red[1], [177, 100, 139, 177]);
        assert_eq!(rows(0, 1, 0.0, (7, 5)), vec![vec![100; 7]; 5]);
    }
}
