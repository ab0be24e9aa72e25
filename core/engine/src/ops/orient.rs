//! The eight ways to lay a rectangle on itself: quarter turns and mirrorings.

use std::fmt;

use crate::header::Orientation;
use crate::ops::transpose::Order;
use crate::ops::{Rect, Region, transpose};
use crate::pixels::Pixels;

/// Side of the square blocks in which rows and columns change places: both sides of the copy stay in the cache.
const BLOCK: usize = 32;

/// Clockwise quarter turns, then a mirroring left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Turn {
    quarters: u8,
    flop: bool,
}

impl Turn {
    /// Leaves everything where it is.
    pub(crate) const NONE: Self = Self { quarters: 0, flop: false };
    /// Mirrors left to right.
    pub(crate) const FLOP: Self = Self { quarters: 0, flop: true };
    /// Mirrors top to bottom.
    pub(crate) const FLIP: Self = Self { quarters: 2, flop: true };

    /// Turns clockwise by this many right angles.
    pub(crate) fn quarters(quarters: u8) -> Self {
        Self { quarters: quarters % 4, flop: false }
    }

    /// Turns stored rows upright. The table is that of the EXIF standard (CIPA DC-008), tag 0x0112.
    pub(crate) fn upright(orientation: Orientation) -> Self {
        let (quarters, flop) = match orientation.exif() {
            2 => (0, true),
            3 => (2, false),
            4 => (2, true),
            5 => (1, true),
            6 => (1, false),
            7 => (3, true),
            8 => (3, false),
            _ => (0, false),
        };
        Self { quarters, flop }
    }

    /// This turn and then `next`, as one.
    pub(crate) fn then(self, next: Self) -> Self {
        // Turning after a mirroring is turning the other way before it.
        let quarters =
            if self.flop { self.quarters + 4 - next.quarters } else { self.quarters + next.quarters };
        Self { quarters: quarters % 4, flop: self.flop != next.flop }
    }

    /// The turn that undoes this one.
    pub(crate) fn inverse(self) -> Self {
        if self.flop { self } else { Self { quarters: (4 - self.quarters) % 4, flop: false } }
    }

    /// Whether width and height change places.
    pub(crate) fn swaps_sides(self) -> bool {
        self.quarters % 2 == 1
    }

    /// Clockwise quarter turns, and whether a mirroring left to right follows.
    pub(crate) fn parts(self) -> (u8, bool) {
        (self.quarters, self.flop)
    }

    /// Of a turn that leaves the sides as they are: whether rows come from below, and whether each is mirrored.
    pub(super) fn rows(self) -> (bool, bool) {
        (self.quarters == 2, (self.quarters == 2) != self.flop)
    }

    /// Of a turn that changes the sides: how rows become columns.
    pub(super) fn columns(self) -> Option<Order> {
        // A quarter turn clockwise takes column x, read upwards, as row x; three take it read downwards as row
        // width-1-x. The mirroring reverses the rows of the result.
        let order = Order { upwards: (self.quarters == 1) != self.flop, last_first: self.quarters == 3 };
        self.swaps_sides().then_some(order)
    }

    /// The size of a picture after the turn.
    pub(crate) fn size(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.swaps_sides() { (height, width) } else { (width, height) }
    }

    /// Where `region` of a picture of `size` lies after the turn.
    pub(crate) fn region(self, mut region: Region, size: (u32, u32)) -> Region {
        let (mut width, mut height) = (f64::from(size.0), f64::from(size.1));
        for _ in 0..self.quarters {
            let Region { left, top, width: across, height: down } = region;
            region = Region { left: height - top - down, top: left, width: down, height: across };
            (width, height) = (height, width);
        }
        if self.flop {
            region.left = width - region.left - region.width;
        }
        region
    }

    /// Where `rect` of a picture of `size` lies after the turn.
    pub(crate) fn rect(self, rect: Rect, size: (u32, u32)) -> Rect {
        self.region(rect.into(), size).exact().expect("a turn moves pixel edges to pixel edges")
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.quarters, self.flop) {
            (0, true) => write!(f, "flop"),
            (2, true) => write!(f, "flip"),
            (quarters, flop) => {
                write!(f, "turn {}{}", u32::from(quarters) * 90, if flop { " and flop" } else { "" })
            }
        }
    }
}

/// Turns a picture. Without a change of sides it is done in place.
pub(crate) fn orient(pixels: Pixels, turn: Turn) -> Pixels {
    match pixels.layout.channels() {
        1 => orient_n::<1>(pixels, turn),
        2 => orient_n::<2>(pixels, turn),
        3 => orient_n::<3>(pixels, turn),
        _ => orient_n::<4>(pixels, turn),
    }
}

fn orient_n<const N: usize>(mut pixels: Pixels, turn: Turn) -> Pixels {
    let (width, height) = (pixels.width as usize, pixels.height as usize);
    let samples = pixels.data.as_chunks_mut::<N>().0;
    if let Some(order) = turn.columns() {
        let mut turned = Pixels::zeroed(pixels.height, pixels.width, pixels.layout);
        transpose(samples, turned.data.as_chunks_mut::<N>().0, (width, height), order);
        return turned;
    }
    match (turn.quarters, turn.flop) {
        (0, false) => {}
        (0, true) => samples.chunks_exact_mut(width).for_each(<[_]>::reverse),
        (2, false) => samples.reverse(),
        _ => {
            for y in 0..height / 2 {
                let (above, below) = samples.split_at_mut((height - 1 - y) * width);
                above[y * width..][..width].swap_with_slice(&mut below[..width]);
            }
        }
    }
    pixels
}

/// Writes `to[x][y]` from `from[y][x]`, either index counted from the end where the turn asks for it.
fn transpose<const N: usize>(
    from: &[[u8; N]],
    to: &mut [[u8; N]],
    (width, height): (usize, usize),
    order: Order,
) {
    if N == 1 {
        let (from, to) = (from.as_flattened(), to.as_flattened_mut());
        return transpose::bytes(from, to, (width, height), order);
    }
    let Order { upwards, last_first } = order;
    for top in (0..width).step_by(BLOCK) {
        for left in (0..height).step_by(BLOCK) {
            for row in top..width.min(top + BLOCK) {
                let x = if last_first { width - 1 - row } else { row };
                let line = &mut to[row * height..][..height];
                let right = height.min(left + BLOCK);
                for (column, sample) in (left..right).zip(&mut line[left..right]) {
                    let y = if upwards { height - 1 - column } else { column };
                    *sample = from[y * width + x];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Turning;
    use crate::pixels::Layout;

    fn all() -> impl Iterator<Item = Turn> {
        (0..8).map(|n| Turn { quarters: n % 4, flop: n >= 4 })
    }

    fn picture(width: u32, height: u32, layout: Layout) -> Pixels {
        let count = width as usize * height as usize * layout.channels();
        Pixels::from_data(width, height, layout, (0..count).map(|i| (i * 7 + i / 251) as u8).collect())
    }

    /// The definition, one pixel at a time: quarter turns, each on its own, then the mirroring.
    fn oracle(mut pixels: Pixels, turn: Turn) -> Pixels {
        let channels = pixels.layout.channels();
        let step = |from: &Pixels, (width, height): (u32, u32), at: &dyn Fn(u32, u32) -> (u32, u32)| {
            let mut data = Vec::new();
            for y in 0..height {
                for x in 0..width {
                    let (u, v) = at(x, y);
                    data.extend_from_slice(&from.row(v)[u as usize * channels..][..channels]);
                }
            }
            Pixels::from_data(width, height, from.layout, data)
        };
        for _ in 0..turn.quarters {
            let (width, height) = (pixels.width, pixels.height);
            pixels = step(&pixels, (height, width), &|x, y| (y, height - 1 - x));
        }
        if turn.flop {
            let (width, height) = (pixels.width, pixels.height);
            pixels = step(&pixels, (width, height), &|x, y| (width - 1 - x, y));
        }
        pixels
    }

    #[test]
    fn every_turn_is_as_defined() {
        for layout in [Layout::Grey, Layout::GreyAlpha, Layout::Rgb, Layout::Rgba] {
            for (width, height) in [(1, 1), (1, 9), (33, 2), (67, 65), (32, 64)] {
                for turn in all() {
                    let source = picture(width, height, layout);
                    assert_eq!(orient(source.clone(), turn), oracle(source, turn), "{turn} {width}x{height}");
                }
            }
        }
    }

    #[test]
    fn planes_are_turned_while_their_rows_arrive() {
        for (width, height) in [(1, 1), (1, 9), (33, 2), (67, 65), (64, 128), (130, 131), (16, 200)] {
            for turn in all() {
                let source = picture(width, height, Layout::Grey);
                let mut turning = Turning::new((width as usize, height as usize), turn);
                for y in 0..height {
                    assert!(!turning.is_whole());
                    turning.take(|row| row.copy_from_slice(source.row(y)));
                }
                assert!(turning.is_whole());
                assert_eq!(turning.finish(), oracle(source, turn), "{turn} {width}x{height}");
            }
        }
    }

    #[test]
    fn turns_combine_and_undo() {
        let source = picture(5, 3, Layout::Rgb);
        for first in all() {
            assert_eq!(first.then(first.inverse()), Turn::NONE);
            for second in all() {
                let at_once = orient(source.clone(), first.then(second));
                assert_eq!(at_once, orient(orient(source.clone(), first), second), "{first}, {second}");
            }
        }
    }

    #[test]
    fn regions_move_with_the_pixels() {
        let rect = Rect { left: 1, top: 2, width: 3, height: 1 };
        let source = picture(7, 5, Layout::Grey);
        for turn in all() {
            let moved = turn.rect(rect, (7, 5));
            let cut_first = orient(crate::ops::crop(&source, rect), turn);
            assert_eq!(crate::ops::crop(&orient(source.clone(), turn), moved), cut_first, "{turn}");
        }
    }

    /// The corner in which the stored picture's first pixel must appear, from the EXIF standard's wording.
    #[test]
    fn exif_orientations() {
        let corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (1, 0), (1, 1), (0, 1)];
        for (value, corner) in (1..=8).zip(corners) {
            let turn = Turn::upright(Orientation::from_exif(value).unwrap());
            let pixels = Pixels::from_data(2, 3, Layout::Grey, vec![9, 0, 0, 0, 0, 0]);
            let turned = orient(pixels, turn);
            let at = turned.data.iter().position(|&v| v == 9).unwrap() as u32;
            let (x, y) = (at % turned.width, at / turned.width);
            let found = (x.min(1), y.min(1));
            assert_eq!(found, corner, "orientation {value}");
            assert_eq!(turn.swaps_sides(), value >= 5);
        }
    }
}
