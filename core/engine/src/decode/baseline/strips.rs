//! The picture as strips: one row of MCUs after another, every plane at its own scale.

use std::sync::Arc;

use super::bits::Bits;
use super::block::{self, Reading};
use super::frame::{Component, Frame};
use super::huffman::Tables;
use super::{Doubt, idct};
use crate::simd::Simd;

/// MCUs that are read before they are transformed: their coefficients stay in the nearest cache, and blocks of any
/// sampling come in pairs.
const GROUP: usize = 4;
/// A source of fewer pixels isn't worth the table for passing over symbols.
const LEAP_PIXELS: usize = 1 << 18;
const EOI: u8 = 0xD9;
const RST0: u8 = 0xD0;

/// What is asked of one plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Samples of a block each way: 1, 2, 4 or 8 for eighths of the full size.
    pub(crate) eighths: usize,
    /// The rows and columns that will be looked at, in samples at that scale. Others hold anything.
    pub(crate) rows: std::ops::Range<usize>,
    pub(crate) columns: std::ops::Range<usize>,
}

/// The rows of one plane in a strip.
pub(crate) struct Strip<'a> {
    /// The place of the first row in the plane.
    pub(crate) top: usize,
    /// How many rows there are; the last strip may have fewer than the others.
    pub(crate) rows: usize,
    data: &'a [u8],
    stride: usize,
}

impl<'a> Strip<'a> {
    /// Row `y` of the strip, with at least as many samples as the plane is wide.
    pub(crate) fn row(&self, y: usize) -> &'a [u8] {
        &self.data[y * self.stride..][..self.stride]
    }
}

struct Plane {
    wanted: Wanted,
    across: usize,
    down: usize,
    height: usize,
    steps: [u16; 64],
    tables: Arc<Tables>,
    /// The last coefficient in zigzag order that the scale shows.
    last: usize,
    /// The mean of the block before, as T.81 codes them.
    before: i32,
    /// Where its blocks lie among those of a group.
    first: usize,
    data: Vec<u8>,
    stride: usize,
}

/// The decoder at work.
pub(crate) struct Strips<'a> {
    bits: Bits<'a>,
    simd: Simd,
    planes: Vec<Plane>,
    /// The coefficients of a group.
    blocks: Vec<[i16; 64]>,
    /// MCUs across and down.
    mcus: (usize, usize),
    /// The groups that show any column that is wanted.
    groups: std::ops::Range<usize>,
    row: usize,
    restart: usize,
    /// MCUs until the next restart marker, and which of the eight it is.
    left: usize,
    next_marker: u8,
}

impl<'a> Strips<'a> {
    /// Starts on `source`, from which `frame` was parsed; `wanted` has one entry a plane.
    pub(crate) fn new(source: &'a [u8], frame: &Frame, wanted: Vec<Wanted>, simd: Simd) -> Self {
        let leaps = frame.width * frame.height >= LEAP_PIXELS;
        Self::with_leaps(source, frame, wanted, simd, leaps)
    }

    /// The same, with tables for passing over several symbols at once, where anything is passed over, or without.
    pub(super) fn with_leaps(
        source: &'a [u8],
        frame: &Frame,
        wanted: Vec<Wanted>,
        simd: Simd,
        leaps: bool,
    ) -> Self {
        let (across, down) = frame.mcu();
        let mcus = (frame.width.div_ceil(8 * across), frame.height.div_ceil(8 * down));
        let padded = mcus.0.next_multiple_of(GROUP);
        let mut first = 0;
        let mut groups: Option<std::ops::Range<usize>> = None;
        // Both planes of chroma have the same codes as a rule; of tables for each the nearest cache could not hold all.
        let mut made: Vec<(&Component, bool, Arc<Tables>)> = Vec::new();
        let mut planes = Vec::new();
        for (component, wanted) in frame.components.iter().zip(wanted) {
            let eighths = wanted.eighths;
            let group = GROUP * component.across * eighths;
            let shown = wanted.columns.start / group..wanted.columns.end.div_ceil(group);
            groups = Some(match groups {
                Some(all) => all.start.min(shown.start)..all.end.max(shown.end),
                None => shown,
            });
            let stride = padded * component.across * eighths;
            let leaps = leaps
                && (eighths < 8
                    || wanted.rows.len() < component.height
                    || wanted.columns.len() < component.width);
            let alike = made.iter().find(|(other, leap, _)| {
                (&other.dc, &other.ac, *leap) == (&component.dc, &component.ac, leaps)
            });
            let tables = match alike {
                Some((.., tables)) => Arc::clone(tables),
                None => {
                    let tables = Arc::new(Tables::new(&component.dc, &component.ac, leaps));
                    made.push((component, leaps, Arc::clone(&tables)));
                    tables
                }
            };
            planes.push(Plane {
                across: component.across,
                down: component.down,
                height: (component.height * eighths).div_ceil(8),
                steps: component.steps,
                tables,
                // The zigzag place of the highest frequency that is used both ways.
                last: [0, 4, 24, 63][eighths.trailing_zeros().min(3) as usize],
                before: 0,
                first,
                data: vec![0; stride * component.down * eighths],
                stride,
                wanted,
            });
            first += GROUP * component.across * component.down;
        }
        Self {
            bits: Bits::new(source, frame.data),
            simd,
            planes,
            blocks: vec![[0; 64]; first],
            mcus,
            groups: groups.unwrap_or_default(),
            row: 0,
            restart: frame.restart,
            left: frame.restart,
            next_marker: RST0,
        }
    }

    /// Decodes the next row of MCUs; `false` when there is none left, and then the file is known to be whole.
    pub(crate) fn advance(&mut self) -> Result<bool, Doubt> {
        if self.row == self.mcus.1 {
            self.bits.finish(EOI)?;
            return Ok(false);
        }
        let shown = self.planes.iter().any(|plane| {
            let rows = plane.down * plane.wanted.eighths;
            self.row * rows < plane.wanted.rows.end && (self.row + 1) * rows > plane.wanted.rows.start
        });
        for group in 0..self.mcus.0.div_ceil(GROUP) {
            let count = GROUP.min(self.mcus.0 - group * GROUP);
            if shown && self.groups.contains(&group) {
                self.group(group, count)?;
            } else {
                self.pass(count)?;
            }
        }
        self.row += 1;
        Ok(true)
    }

    /// The strip of plane `index` that was decoded last.
    pub(crate) fn strip(&self, index: usize) -> Strip<'_> {
        let plane = &self.planes[index];
        let rows = plane.down * plane.wanted.eighths;
        let top = (self.row - 1) * rows;
        Strip {
            top,
            rows: rows.min(plane.height - top.min(plane.height)),
            data: &plane.data,
            stride: plane.stride,
        }
    }

    fn next_mcu(&mut self) -> Result<(), Doubt> {
        self.bits.ready()?;
        if self.restart > 0 {
            if self.left == 0 {
                self.bits.restart(self.next_marker)?;
                self.next_marker = RST0 + ((self.next_marker + 1) & 7);
                self.left = self.restart;
                self.planes.iter_mut().for_each(|plane| plane.before = 0);
            }
            self.left -= 1;
        }
        Ok(())
    }

    /// Reads a group of MCUs and transforms it.
    fn group(&mut self, group: usize, count: usize) -> Result<(), Doubt> {
        for plane in &self.planes {
            let blocks = &mut self.blocks[plane.first..][..GROUP * plane.across * plane.down];
            match plane.wanted.eighths {
                1 => {}
                2 => blocks.iter_mut().for_each(|block| block[..16].fill(0)),
                4 => blocks.iter_mut().for_each(|block| block[..32].fill(0)),
                _ => blocks.fill([0; 64]),
            }
        }
        // One bit a block: whether it has anything but its mean. There are at most 4 * 10 of them.
        let mut busy = 0_u64;
        for mcu in 0..count {
            self.next_mcu()?;
            for plane in &mut self.planes {
                let Plane { tables, steps, last, across, down, before, first, .. } = plane;
                let reading = Reading { tables, steps, last: *last };
                for y in 0..*down {
                    for x in 0..*across {
                        let index = *first + (y * GROUP + mcu) * *across + x;
                        let block = &mut self.blocks[index];
                        let any = block::read(&mut self.bits, &reading, before, block)?;
                        busy |= u64::from(any) << index;
                    }
                }
            }
        }
        for plane in &mut self.planes {
            let side = plane.wanted.eighths;
            let columns = GROUP * plane.across;
            for y in 0..plane.down {
                let first = plane.first + y * columns;
                let out = &mut plane.data[y * side * plane.stride + group * columns * side..];
                if side == 1 {
                    idct::means(&self.blocks[first..][..columns], out);
                    continue;
                }
                for x in (0..columns).step_by(2) {
                    let pair = self.blocks[first + x..].first_chunk().expect("groups have pairs of blocks");
                    let flat = (busy >> (first + x)).trailing_zeros() >= 2;
                    idct::pair(self.simd, side, pair, flat, &mut out[x * side..], plane.stride);
                }
            }
        }
        Ok(())
    }

    /// Goes past a group of MCUs that nobody looks at.
    fn pass(&mut self, count: usize) -> Result<(), Doubt> {
        for _ in 0..count {
            self.next_mcu()?;
            for plane in &mut self.planes {
                let Plane { tables, steps, across, down, before, .. } = plane;
                let reading = Reading { tables, steps, last: 0 };
                for _ in 0..*across * *down {
                    block::pass(&mut self.bits, &reading, before)?;
                }
            }
        }
        Ok(())
    }
}
