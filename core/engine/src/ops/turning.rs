//! A plane that is turned while its rows arrive, so that it exists only once.

use crate::ops::Turn;
use crate::ops::transpose::{self, BAND};
use crate::pixels::{Layout, Pixels};

/// A plane on its way. Its rows, as they lie before the turn, are taken in order.
pub(crate) struct Turning {
    turn: Turn,
    width: usize,
    height: usize,
    /// Rows that wait for others with which they become columns.
    band: Vec<u8>,
    /// Rows that were taken, and those of them that are in their place.
    taken: usize,
    placed: usize,
    to: Pixels,
}

impl Turning {
    /// For a plane of this size before the turn.
    pub(crate) fn new((width, height): (usize, usize), turn: Turn) -> Self {
        let size = turn.size((width as u32, height as u32));
        let band = if turn.swaps_sides() { vec![0; width * BAND.min(height)] } else { Vec::new() };
        Self {
            turn,
            width,
            height,
            band,
            taken: 0,
            placed: 0,
            to: Pixels::zeroed(size.0, size.1, Layout::Grey),
        }
    }

    /// Bytes that are held beside the turned plane.
    pub(crate) fn extra_bytes((width, height): (usize, usize), turn: Turn) -> usize {
        if turn.swaps_sides() { width * BAND.min(height) } else { 0 }
    }

    /// Whether all rows were taken.
    pub(crate) fn is_whole(&self) -> bool {
        self.taken == self.height
    }

    /// Takes the next row: `fill` writes it.
    pub(crate) fn take(&mut self, fill: impl FnOnce(&mut [u8])) {
        let width = self.width;
        if let Some(order) = self.turn.columns() {
            fill(&mut self.band[(self.taken - self.placed) * width..][..width]);
            self.taken += 1;
            if (self.taken - self.placed) * width == self.band.len() || self.is_whole() {
                let rows = &self.band[..(self.taken - self.placed) * width];
                transpose::band(rows, &mut self.to.data, width, (self.placed, self.height), order);
                self.placed = self.taken;
            }
            return;
        }
        let (from_below, mirrored) = self.turn.rows();
        let y = if from_below { self.height - 1 - self.taken } else { self.taken };
        let row = &mut self.to.data[y * width..][..width];
        fill(row);
        if mirrored {
            row.reverse();
        }
        self.taken += 1;
    }

    /// The turned plane.
    pub(crate) fn finish(self) -> Pixels {
        self.to
    }
}
