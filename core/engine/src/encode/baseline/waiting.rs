//! The symbols of a small picture, or the first ones of a large one, which wait until it is known which codes suit them.

use super::codes::Codes;
use super::huffman::{Coder, Writer, symbols};

/// A picture of more symbols isn't small; they take 4 bytes each.
const MOST: usize = 3 << 16;

/// What was counted of one kind of plane.
struct Counts {
    dc: [u32; 16],
    ac: [u32; 256],
}

/// Symbols in their order, and how often each occurs in luma and in chroma.
pub(super) struct Waiting {
    tokens: Vec<Token>,
    counts: [Counts; 2],
}

/// A symbol with its value: 16 bits of the value, 1 bit for chroma, 1 bit for means, 8 bits of the symbol.
#[derive(Clone, Copy)]
struct Token(u32);

const CHROMA: u32 = 1 << 9;
const MEAN: u32 = 1 << 8;

impl Waiting {
    pub(super) fn new() -> Self {
        let counts = || Counts { dc: [0; 16], ac: [0; 256] };
        // Memory that is never written costs nothing.
        Self { tokens: Vec::with_capacity(MOST), counts: [counts(), counts()] }
    }

    /// Bytes at the most, for a picture of this many pixels.
    pub(super) fn peak_bytes(pixels: usize) -> usize {
        // A strip may go beyond.
        (2 * pixels).min(MOST + MOST / 8) * 4
    }

    /// Whether there are too many to wait for the rest.
    pub(super) fn is_full(&self) -> bool {
        self.tokens.len() >= MOST
    }

    /// Takes a quantised block; `busy` tells which coefficients aren't zero.
    #[inline]
    pub(super) fn block(&mut self, chroma: bool, block: &[i16; 64], busy: u64, before: &mut i32) {
        let Self { tokens, counts } = self;
        let counts = &mut counts[usize::from(chroma)];
        let plane = if chroma { CHROMA } else { 0 };
        symbols(block, busy, before, |is_mean, symbol, value| {
            if is_mean {
                counts.dc[symbol as usize & 15] += 1;
            } else {
                counts.ac[symbol as usize & 255] += 1;
            }
            let mean = if is_mean { MEAN } else { 0 };
            tokens.push(Token(value << 16 | plane | mean | symbol & 255));
        });
    }

    /// Takes a block that lies outside the picture: as the one before, and flat.
    pub(super) fn nothing(&mut self, chroma: bool) {
        let counts = &mut self.counts[usize::from(chroma)];
        counts.dc[0] += 1;
        counts.ac[0] += 1;
        let plane = if chroma { CHROMA } else { 0 };
        self.tokens.extend([Token(plane | MEAN), Token(plane)]);
    }

    /// The tables that take the fewest bits for what is here, for means and for all else, of luma and of chroma.
    pub(super) fn codes(&self) -> [[Codes; 2]; 2] {
        self.counts.each_ref().map(|Counts { dc, ac }| [Codes::shortest(dc), Codes::shortest(ac)])
    }

    /// The same for a picture that has more to come: they have a code for everything.
    pub(super) fn codes_for_more(&self) -> [[Codes; 2]; 2] {
        [false, true].map(|chroma| {
            let Counts { dc: means, ac: others } = &self.counts[usize::from(chroma)];
            let [dc, ac] = Codes::standard(chroma);
            [Codes::likely(means, &dc), Codes::likely(others, &ac)]
        })
    }

    /// Writes all of it.
    pub(super) fn write(self, coders: &[Coder; 2], writer: &mut Writer) {
        for Token(token) in self.tokens {
            let coder = &coders[usize::from(token & CHROMA != 0)];
            coder.symbol(writer, token & MEAN != 0, token & 255, token >> 16);
        }
    }
}
