//! A JPEG encoder that takes planes a strip at a time: baseline, one scan (ITU-T T.81), quantisation tables scaled by
//! quality as libjpeg does. Huffman tables are made for the picture where it is small; its symbols wait for them. Of a large
//! picture only the first ones wait: its tables are made for them and for what the standard expects, and the rest is written
//! as it comes.

#![expect(
    clippy::inline_always,
    reason = "what happens per symbol or block must be one loop, with its state in registers"
)]

mod codes;
mod fdct;
#[cfg(target_arch = "x86_64")]
mod fdct_avx2;
#[cfg(target_arch = "aarch64")]
mod fdct_neon;
mod header;
mod huffman;
#[cfg(test)]
mod tests;
mod waiting;

use crate::simd::Simd;
use fdct::Quantiser;
use huffman::{Coder, Writer};
use waiting::Waiting;

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
    mcus: usize,
    head: Head,
    entropy: Entropy,
    writer: Writer,
}

/// What the markers before the data tell, but for the codes.
struct Head {
    size: (usize, usize),
    sampling: Sampling,
    tables: [[u16; 64]; 2],
}

/// Where symbols go.
enum Entropy {
    Waiting(Box<Waiting>),
    Coding(Box<[Coder; 2]>),
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
        Self {
            simd,
            planes: planes.collect(),
            quantisers: [Quantiser::new(&tables[0]), Quantiser::new(&tables[1])],
            mcus,
            head: Head { size: (width, height), sampling, tables },
            entropy: Entropy::Waiting(Box::new(Waiting::new())),
            writer: Writer::default(),
        }
    }

    /// Bytes at the most beside the strip and the file, for a picture of this many pixels.
    pub(crate) fn waiting_bytes(pixels: usize) -> usize {
        Waiting::peak_bytes(pixels)
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
        let Self { planes, mcus, entropy, writer, .. } = self;
        match entropy {
            Entropy::Waiting(waiting) => {
                each_block(planes, *mcus, |chroma, block| match block {
                    Some(Block { coefficients, busy, before }) => {
                        waiting.block(chroma, coefficients, busy, before);
                    }
                    None => waiting.nothing(chroma),
                });
                if waiting.is_full() {
                    self.settle(true);
                }
            }
            Entropy::Coding(coders) => each_block(planes, *mcus, |chroma, block| {
                let coder = &coders[usize::from(chroma)];
                match block {
                    Some(Block { coefficients, busy, before }) => {
                        coder.block(writer, coefficients, busy, before);
                    }
                    None => coder.nothing(writer),
                }
            }),
        }
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.settle(false);
        self.writer.finish()
    }

    /// Chooses the tables and writes what has waited for them. If `more` is to come, they must have a code for everything.
    fn settle(&mut self, more: bool) {
        let Entropy::Waiting(waiting) = &mut self.entropy else { return };
        let codes = if more { waiting.codes_for_more() } else { waiting.codes() };
        let Head { size, sampling, tables } = &self.head;
        header::write(self.writer.bytes(), *size, *sampling, tables, &codes);
        let made = Box::new(codes.each_ref().map(Coder::new));
        if let Entropy::Waiting(waiting) = std::mem::replace(&mut self.entropy, Entropy::Coding(made))
            && let Entropy::Coding(coders) = &self.entropy
        {
            waiting.write(coders, &mut self.writer);
        }
    }
}

/// A quantised block, and the mean of the one before.
struct Block<'a> {
    coefficients: &'a [i16; 64],
    busy: u64,
    before: &'a mut i32,
}

/// Hands out the blocks of a strip in the order of the file, with whether they are chroma; those outside the picture are
/// nothing.
#[inline(always)]
fn each_block(planes: &mut [Plane], mcus: usize, mut take: impl FnMut(bool, Option<Block<'_>>)) {
    for mcu in 0..mcus {
        for plane in &mut *planes {
            let columns = plane.stride / 8;
            for y in 0..plane.blocks {
                for x in 0..plane.blocks {
                    let column = mcu * plane.blocks + x;
                    if column >= plane.width.div_ceil(8) || y >= plane.rows.div_ceil(8) {
                        take(plane.chroma, None);
                        continue;
                    }
                    let index = y * columns + column;
                    let coefficients = &plane.coefficients[index];
                    let block = Block { coefficients, busy: plane.busy[index], before: &mut plane.before };
                    take(plane.chroma, Some(block));
                }
            }
        }
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
