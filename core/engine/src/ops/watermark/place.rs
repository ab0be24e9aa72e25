//! Where a watermark lies: the frame, its margins, the room that a stamp has before and after it is turned.

use crate::transformation::Position;

/// The default margin, as a share of the shorter side.
const MARGIN: f64 = 0.02;
/// The least distance from one stamp to the next, in pixels: what is closer is a veil, and takes memory and time as if every
/// pixel had a stamp.
const LEAST_DISTANCE: i64 = 16;

/// A picture and its margins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    size: (u32, u32),
    margin: u32,
}

/// What a stamp may take before it is turned, in pixels, at least one each way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Room {
    /// The width asked for, if there is as much.
    pub(super) width: f64,
    /// The size between the margins.
    inner: (f64, f64),
    sin: f64,
    cos: f64,
}

impl Room {
    /// The factor, up to 1, by which something of `size` must be scaled to fit in once it is turned.
    pub(super) fn factor(&self, (width, height): (f64, f64)) -> f64 {
        let across = width * self.cos + height * self.sin;
        let down = width * self.sin + height * self.cos;
        (self.inner.0 / across).min(self.inner.1 / down).min(1.0)
    }
}

impl Frame {
    /// `margin` is what was asked for, in pixels. It gives way where nothing would be left.
    pub(super) fn new(size: (u32, u32), margin: Option<u32>) -> Self {
        let shorter = size.0.min(size.1);
        let margin = margin.unwrap_or_else(|| (f64::from(shorter) * MARGIN).round() as u32);
        Self { size, margin: margin.min((shorter - 1) / 2) }
    }

    fn inner(&self) -> (u32, u32) {
        (self.size.0 - 2 * self.margin, self.size.1 - 2 * self.margin)
    }

    pub(super) fn room_for(&self, width: f64, degrees: f64) -> Room {
        let (sin, cos) = degrees.rem_euclid(360.0).to_radians().sin_cos();
        let inner = (f64::from(self.inner().0), f64::from(self.inner().1));
        // Not more than what could ever fit at this angle, so that no time is lost on a text that is too large.
        let (sin, cos) = (sin.abs(), cos.abs());
        let longest = (inner.0 / cos.max(1e-9)).min(inner.1 / sin.max(1e-9));
        Room { width: width.min(longest).max(1.0), inner, sin, cos }
    }

    /// The largest size of the same shape between the margins, at least one pixel each way.
    pub(super) fn shrunk(&self, (width, height): (u32, u32)) -> (u32, u32) {
        let inner = self.inner();
        if width <= inner.0 && height <= inner.1 {
            return (width, height);
        }
        let factor = (f64::from(inner.0) / f64::from(width)).min(f64::from(inner.1) / f64::from(height));
        let side = |side: u32, most: u32| ((f64::from(side) * factor).round() as u32).clamp(1, most);
        (side(width, inner.0), side(height, inner.1))
    }

    /// The upper left corner of a stamp of `size`, which is no larger than the room between the margins.
    pub(super) fn corner(&self, (width, height): (u32, u32), position: Position) -> (i64, i64) {
        let (margin, size) = (i64::from(self.margin), self.size);
        let (right, bottom) = (i64::from(size.0 - width) - margin, i64::from(size.1 - height) - margin);
        let left = match position {
            Position::Left | Position::LeftTop | Position::LeftBottom => margin,
            Position::Right | Position::RightTop | Position::RightBottom => right,
            _ => i64::midpoint(margin, right),
        };
        let top = match position {
            Position::Top | Position::LeftTop | Position::RightTop => margin,
            Position::Bottom | Position::LeftBottom | Position::RightBottom => bottom,
            _ => i64::midpoint(margin, bottom),
        };
        (left, top)
    }

    /// The upper left corners of stamps that cover the picture, one of them in the middle, every other row shifted by
    /// half. The gap is the margin that was asked for, or else half the stamp's height. They come by rows, from the top.
    pub(super) fn tiles(&self, (width, height): (u32, u32), margin: Option<u32>) -> Vec<(i64, i64)> {
        let gap = margin.unwrap_or_else(|| (height / 2).max(self.margin).max(1));
        let distance = |side: u32| (i64::from(side) + i64::from(gap)).max(LEAST_DISTANCE);
        let (across, down) = (distance(width), distance(height));
        let (width, height) = (i64::from(width), i64::from(height));
        let (right, bottom) = (i64::from(self.size.0), i64::from(self.size.1));
        let (left, top) = ((right - width) / 2, (bottom - height) / 2);
        let rows = (-(top + height).div_euclid(down) - 1)..=((bottom - top) / down + 1);
        let mut corners = Vec::new();
        for row in rows {
            let y = top + row * down;
            let shift = if row % 2 == 0 { 0 } else { across / 2 };
            let columns = (-(left + width + shift).div_euclid(across) - 1)..=((right - left) / across + 1);
            corners.extend(columns.map(|column| (left + column * across + shift, y)));
        }
        corners.retain(|&(x, y)| x < right && y < bottom && x + width > 0 && y + height > 0);
        corners
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_keep_the_margin() {
        let frame = Frame::new((100, 50), Some(5));
        assert_eq!(frame.corner((20, 10), Position::RightBottom), (75, 35));
        assert_eq!(frame.corner((20, 10), Position::Centre), (40, 20));
        assert_eq!(frame.corner((20, 10), Position::Top), (40, 5));
    }

    #[test]
    fn margins_give_way() {
        let frame = Frame::new((9, 3), Some(400));
        assert_eq!(frame.inner(), (7, 1));
        assert_eq!(Frame::new((1, 1), None).inner(), (1, 1));
        assert_eq!(frame.shrunk((70, 30)), (2, 1));
    }

    #[test]
    fn what_fits_after_turning() {
        let room = Frame::new((100, 50), Some(0)).room_for(100.0, 90.0);
        assert!((room.width - 50.0).abs() < 1e-6);
        assert!((room.factor((50.0, 200.0)) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn tiles_cover_the_picture_without_overlap() {
        let frame = Frame::new((103, 57), None);
        let tiles = frame.tiles((20, 17), Some(0));
        let mut seen = vec![0; 103 * 57];
        for (left, top) in tiles {
            for y in top.max(0)..(top + 17).min(57) {
                for x in left.max(0)..(left + 20).min(103) {
                    seen[(y * 103 + x) as usize] += 1;
                }
            }
        }
        assert!(seen.iter().all(|&times| times == 1));
    }

    #[test]
    fn the_smallest_stamps_are_not_laid_on_every_pixel() {
        for size in [(1, 1), (1, 400), (400, 1)] {
            let tiles = Frame::new((1600, 1600), None).tiles(size, Some(0));
            assert!((10..=101 * 102).contains(&tiles.len()), "{size:?}: {}", tiles.len());
            assert!(tiles.is_sorted_by_key(|&(_, top)| top));
        }
    }
}
