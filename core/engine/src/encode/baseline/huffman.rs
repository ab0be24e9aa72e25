//! Entropy coding with the standard's tables, 64 bits at a time.

use super::header::ZIGZAG;

/// How many codes of each length there are, and what they stand for.
type Codes = ([u8; 16], &'static [u8]);

/// T.81, Tables K.3 and K.4.
pub(super) const DC: [Codes; 2] = [
    ([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
];

/// T.81, Tables K.5 and K.6.
#[rustfmt::skip]
pub(super) const AC: [Codes; 2] = [
    ([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D], &[
        0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
        0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0,
        0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28,
        0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
        0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
        0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
        0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
        0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5,
        0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
        0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
        0xF9, 0xFA,
    ]),
    ([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77], &[
        0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
        0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0,
        0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26,
        0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
        0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
        0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
        0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
        0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
        0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
        0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
        0xF9, 0xFA,
    ]),
];

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
    pub(super) fn luma() -> Self {
        Self::new(&DC[0], &AC[0])
    }

    pub(super) fn chroma() -> Self {
        Self::new(&DC[1], &AC[1])
    }

    fn new(dc: &Codes, ac: &Codes) -> Self {
        let mut coder = Self { dc: [Code::default(); 12], ac: [Code::default(); 256] };
        each(dc, |symbol, code| coder.dc[usize::from(symbol)] = with_value(symbol, code));
        each(ac, |symbol, code| coder.ac[usize::from(symbol)] = with_value(symbol, code));
        coder
    }

    /// Writes a quantised block; `busy` tells which coefficients aren't zero.
    #[inline]
    pub(super) fn block(&self, writer: &mut Writer, block: &[i16; 64], busy: u64, before: &mut i32) {
        let Writer { bytes, hand } = writer;
        // A copy, to be kept in registers.
        let mut now = *hand;
        let difference = i32::from(block[0]) - *before;
        *before = block[0].into();
        let size = size_of(difference);
        let Code { bits, length } = self.dc[(size as usize).min(11)];
        now.put(bytes, bits | value_bits(difference, size), length);
        let mut left = in_order(busy) & !1;
        let mut last = 0;
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left - 1;
            let mut run = at - last - 1;
            last = at;
            while run > 15 {
                let Code { bits, length } = self.ac[0xF0];
                now.put(bytes, bits, length);
                run -= 16;
            }
            let value = i32::from(block[usize::from(PLACES[at as usize & 63] & 63)]);
            let size = size_of(value);
            let Code { bits, length } = self.ac[(run << 4 | size) as usize & 0xFF];
            now.put(bytes, bits | value_bits(value, size), length);
        }
        if last != 63 {
            let Code { bits, length } = self.ac[0];
            now.put(bytes, bits, length);
        }
        *hand = now;
    }

    /// Writes a block that lies outside the picture: as the one before, and flat, which is the shortest.
    pub(super) fn nothing(&self, writer: &mut Writer) {
        for Code { bits, length } in [self.dc[0], self.ac[0]] {
            writer.hand.put(&mut writer.bytes, bits, length);
        }
    }
}

/// Makes room for the value behind its code.
fn with_value(symbol: u8, code: Code) -> Code {
    let size = u32::from(symbol & 15);
    Code { bits: code.bits << size, length: code.length + size }
}

fn each(codes: &Codes, mut take: impl FnMut(u8, Code)) {
    let (mut bits, mut symbols) = (0, codes.1.iter());
    for (length, &count) in (1..).zip(&codes.0) {
        for &symbol in symbols.by_ref().take(count.into()) {
            take(symbol, Code { bits, length });
            bits += 1;
        }
        bits <<= 1;
    }
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
