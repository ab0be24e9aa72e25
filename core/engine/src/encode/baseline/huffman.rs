//! Entropy coding, 64 bits at a time.

use super::codes::Codes;
use super::header::ZIGZAG;

/// For each row of a transposed block (one horizontal frequency) and each set of its places, where these come in the
/// zigzag order.
static ORDER: [[u64; 256]; 8] = order();
/// Where in a transposed block the coefficients of the zigzag order lie.
const PLACES: [u8; 64] = places();

const fn places() -> [u8; 64] {
    let mut places = [0; 64];
    let mut k = 0;
    while k < 64 {
        places[k] = ZIGZAG[k] % 8 * 8 + ZIGZAG[k] / 8;
        k += 1;
    }
    places
}

const fn order() -> [[u64; 256]; 8] {
    let mut order = [[0; 256]; 8];
    let mut k = 0;
    while k < 64 {
        let place = PLACES[k] as usize;
        let mut set = 0;
        while set < 256 {
            if set >> (place % 8) & 1 == 1 {
                order[place / 8][set] |= 1 << k;
            }
            set += 1;
        }
        k += 1;
    }
    order
}

/// A code and its length.
#[derive(Clone, Copy, Default)]
struct Code {
    bits: u32,
    length: u32,
}

/// The codes of one kind of plane.
pub(super) struct Coder {
    dc: [Code; 12],
    /// By run and size as in the symbol; the length counts the bits of the value too, which follow.
    ac: [Code; 256],
}

impl Coder {
    /// With the tables for means and for all else.
    pub(super) fn new([dc, ac]: &[Codes; 2]) -> Self {
        let mut coder = Self { dc: [Code::default(); 12], ac: [Code::default(); 256] };
        dc.each(|symbol, bits, length| {
            if let Some(code) = coder.dc.get_mut(usize::from(symbol)) {
                *code = with_value(symbol, Code { bits, length });
            }
        });
        ac.each(|symbol, bits, length| {
            coder.ac[usize::from(symbol)] = with_value(symbol, Code { bits, length });
        });
        coder
    }

    /// Writes a quantised block; `busy` tells which coefficients aren't zero.
    #[inline]
    pub(super) fn block(&self, writer: &mut Writer, block: &[i16; 64], busy: u64, before: &mut i32) {
        let Writer { bytes, hand } = writer;
        // A copy, to be kept in registers.
        let mut now = *hand;
        symbols(block, busy, before, |is_mean, symbol, value| {
            let Code { bits, length } = self.code(is_mean, symbol);
            now.put(bytes, bits | value, length);
        });
        *hand = now;
    }

    /// Writes a block that lies outside the picture: as the one before, and flat, which is the shortest.
    pub(super) fn nothing(&self, writer: &mut Writer) {
        self.symbol(writer, true, 0, 0);
        self.symbol(writer, false, 0, 0);
    }

    /// Writes one symbol and its value.
    #[inline]
    pub(super) fn symbol(&self, writer: &mut Writer, is_mean: bool, symbol: u32, value: u32) {
        let Code { bits, length } = self.code(is_mean, symbol);
        writer.hand.put(&mut writer.bytes, bits | value, length);
    }

    #[inline(always)]
    fn code(&self, is_mean: bool, symbol: u32) -> Code {
        if is_mean { self.dc[(symbol as usize).min(11)] } else { self.ac[symbol as usize & 0xFF] }
    }
}

/// Takes a quantised block apart: whether the symbol is of the mean, the symbol, and its value in as many bits as the
/// symbol says. `busy` tells which coefficients aren't zero.
#[inline(always)]
pub(super) fn symbols(block: &[i16; 64], busy: u64, before: &mut i32, mut take: impl FnMut(bool, u32, u32)) {
    let difference = i32::from(block[0]) - *before;
    *before = block[0].into();
    let size = size_of(difference);
    take(true, size, value_bits(difference, size));
    let mut left = in_order(busy) & !1;
    let mut last = 0;
    while left != 0 {
        let at = left.trailing_zeros();
        left &= left - 1;
        let mut run = at - last - 1;
        last = at;
        while run > 15 {
            take(false, 0xF0, 0);
            run -= 16;
        }
        let value = i32::from(block[usize::from(PLACES[at as usize & 63] & 63)]);
        let size = size_of(value);
        take(false, run << 4 | size, value_bits(value, size));
    }
    if last != 63 {
        take(false, 0, 0);
    }
}

/// Makes room for the value behind its code.
fn with_value(symbol: u8, code: Code) -> Code {
    let size = u32::from(symbol & 15);
    Code { bits: code.bits << size, length: code.length + size }
}

/// A set of coefficients as they lie, as a set in zigzag order.
#[inline(always)]
fn in_order(set: u64) -> u64 {
    let mut ordered = 0;
    for u in 0..8 {
        ordered |= ORDER[u][(set >> (8 * u) & 0xFF) as usize];
    }
    ordered
}

/// How many bits a value needs.
#[inline]
fn size_of(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

/// T.81, F.1.2.1: negative values less one, in `size` bits.
#[inline]
fn value_bits(value: i32, size: u32) -> u32 {
    (value + (value >> 31)) as u32 & ((1 << size) - 1)
}

/// Bits to bytes, with zeros stuffed in after each byte of ones.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    hand: Hand,
}

/// The last bits, not yet written, at the bottom.
#[derive(Clone, Copy, Default)]
struct Hand {
    bits: u64,
    count: u32,
}

impl Hand {
    /// Appends the lowest `count` bits, at most 32; the others are zeros.
    #[inline(always)]
    fn put(&mut self, bytes: &mut Vec<u8>, bits: u32, count: u32) {
        self.bits = self.bits << count | u64::from(bits);
        self.count += count;
        if self.count >= 32 {
            self.count -= 32;
            let word = (self.bits >> self.count) as u32;
            // A byte of ones has its top bit set, and not any more with one added. Where carries make another byte look
            // so, it is only written the slower way.
            if word & 0x8080_8080 & !word.wrapping_add(0x0101_0101) == 0 {
                bytes.extend_from_slice(&word.to_be_bytes());
            } else {
                stuffed(bytes, word);
            }
        }
    }
}

#[cold]
fn stuffed(bytes: &mut Vec<u8>, word: u32) {
    for byte in word.to_be_bytes() {
        bytes.push(byte);
        if byte == 0xFF {
            bytes.push(0);
        }
    }
}

impl Writer {
    /// What was written so far, for markers.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Fills the last byte with ones and ends the file.
    pub(super) fn finish(self) -> Vec<u8> {
        let Self { mut bytes, hand: Hand { bits, count } } = self;
        let fill = (8 - count % 8) % 8;
        let rest = bits << fill | ((1 << fill) - 1);
        for index in (0..(count + fill) / 8).rev() {
            let byte = (rest >> (8 * index)) as u8;
            bytes.push(byte);
            if byte == 0xFF {
                bytes.push(0);
            }
        }
        bytes.extend([0xFF, 0xD9]);
        bytes
    }
}
