//! A JPEG encoder that takes planes a strip at a time: baseline, one scan, the standard's Huffman tables (ITU-T T.81,
//! Annex K), quantisation tables scaled by quality as libjpeg does.

#![expect(
    clippy::inline_always,
    reason = "what happens per symbol or block must be one loop, with its state in registers"
)]

mod fdct;
#[cfg(target_arch = "x86_64")]
mod fdct_avx2;
mod header;
mod huffman;
#[cfg(test)]
mod tests;

use crate::simd::Simd;
use fdct::Quantiser;
use huffman::{Coder, Writer};

/// What planes a picture has and how large they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sampling {
    Grey,
    /// YCbCr with chroma halved both ways.
    Halved,
    /// YCbCr with whole chroma.
    Full,
}

impl Sampling {
    /// Luma samples for one of chroma, each way.
    pub(crate) fn factor(self) -> usize {
        if self == Self::Halved { 2 } else { 1 }
    }

    pub(crate) fn planes(self) -> usize {
        if self == Self::Grey { 1 } else { 3 }
    }
}

struct Plane {
    /// Samples of one strip, filled up to whole MCUs, and the length of its rows.
    samples: Vec<u8>,
    stride: usize,
    /// The true width, and the true height of the strip at hand.
    width: usize,
    rows: usize,
    /// Blocks of an MCU, each way, and which tables it uses.
    blocks: usize,
    chroma: bool,
    /// The quantised coefficients of one strip, a row of blocks after another.
    coefficients: Vec<[i16; 64]>,
    /// For each block which of its coefficients aren't zero.
    busy: Vec<u64>,
    /// The mean of the block before.
    before: i32,
}

/// The encoder at work.
pub(crate) struct Encoder {
    simd: Simd,
    planes: Vec<Plane>,
    quantisers: [Quantiser; 2],
    coders: [Coder; 2],
    mcus: usize,
    writer: Writer,
}

impl Encoder {
    /// Begins a file. `quality` is 1..=100, the sides are 1..=65535.
    pub(crate) fn new((width, height): (usize, usize), sampling: Sampling, quality: u8, simd: Simd) -> Self {
        let factor = sampling.factor();
        let tables = header::tables(quality);
        let mcus = width.div_ceil(8 * factor);
        let planes = (0..sampling.planes()).map(|index| {
            let blocks = if index == 0 { factor } else { 1 };
            let columns = mcus * blocks;
            // Blocks are transformed in twos.
            let stride = columns.next_multiple_of(2) * 8;
            Plane {
                samples: vec![0; stride * 8 * blocks],
                stride,
                width: if index == 0 { width } else { width.div_ceil(factor) },
                rows: 0,
                blocks,
                chroma: index > 0,
                coefficients: vec![[0; 64]; stride / 8 * blocks],
                busy: vec![0; stride / 8 * blocks],
                before: 0,
            }
        });
        let mut writer = Writer::default();
        header::write(writer.bytes(), (width, height), sampling, &tables);
        Self {
            simd,
            planes: planes.collect(),
            quantisers: [Quantiser::new(&tables[0]), Quantiser::new(&tables[1])],
            coders: [Coder::luma(), Coder::chroma()],
            mcus,
            writer,
        }
    }

    /// Rows of plane `index` in a strip.
    pub(crate) fn rows(&self, index: usize) -> usize {
        8 * self.planes[index].blocks
    }

    /// Row `y` of plane `index` in the strip to be written next, to be filled in full.
    pub(crate) fn row(&mut self, index: usize, y: usize) -> &mut [u8] {
        let plane = &mut self.planes[index];
        &mut plane.samples[y * plane.stride..][..plane.width]
    }

    /// Writes the strip, of which plane `index` has `rows[index]` rows, at least one. What lacks is made of the last
    /// row and the last column.
    pub(crate) fn strip(&mut self, rows: &[usize]) {
        for (plane, &rows) in self.planes.iter_mut().zip(rows) {
            plane.rows = rows;
            plane.fill_up(rows);
            plane.transform(&self.quantisers[usize::from(plane.chroma)], self.simd);
        }
        for mcu in 0..self.mcus {
            for plane in &mut self.planes {
                let coder = &self.coders[usize::from(plane.chroma)];
                let columns = plane.stride / 8;
                for y in 0..plane.blocks {
                    for x in 0..plane.blocks {
                        let column = mcu * plane.blocks + x;
                        if column >= plane.width.div_ceil(8) || y >= plane.rows.div_ceil(8) {
                            coder.nothing(&mut self.writer);
                            continue;
                        }
                        let index = y * columns + column;
                        let block = &plane.coefficients[index];
                        coder.block(&mut self.writer, block, plane.busy[index], &mut plane.before);
                    }
                }
            }
        }
    }

    /// Ends the file.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.writer.finish()
    }
}

impl Plane {
    fn fill_up(&mut self, rows: usize) {
        for row in self.samples.chunks_exact_mut(self.stride).take(rows) {
            let last = row[self.width - 1];
            row[self.width..].fill(last);
        }
        let all = 8 * self.blocks;
        for y in rows..all {
            self.samples.copy_within((rows - 1) * self.stride..rows * self.stride, y * self.stride);
        }
    }

    fn transform(&mut self, quantiser: &Quantiser, simd: Simd) {
        let columns = self.stride / 8;
        for y in 0..self.blocks {
            let samples = &self.samples[8 * y * self.stride..][..8 * self.stride];
            let coefficients = &mut self.coefficients[y * columns..][..columns];
            let busy = &mut self.busy[y * columns..][..columns];
            let pairs = coefficients.as_chunks_mut::<2>().0.iter_mut().zip(busy.as_chunks_mut::<2>().0);
            for (x, (pair, busy)) in pairs.enumerate() {
                *busy = fdct::pair(simd, &samples[16 * x..], self.stride, quantiser, pair);
            }
        }
    }
}
