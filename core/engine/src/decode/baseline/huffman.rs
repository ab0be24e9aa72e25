//! Huffman tables made ready for speed: a symbol with its value in one look-up, and several symbols at once where
//! they are only passed over.

use super::Doubt;
use super::bits::{Cursor, Reader};

/// Bits by which a symbol together with its value is looked up.
pub(super) const LOOK: u32 = 11;
/// The same for means, whose codes are short.
const LOOK_DC: u32 = 9;
/// Bits by which symbols are passed over.
pub(super) const LEAP: u32 = 13;

/// A table as the file has it: how many codes of each length, and what they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Codes {
    counts: [u8; 16],
    symbols: Vec<u8>,
}

impl Codes {
    /// Takes a table from the front of `data`. No code may be all ones, as the standard has it.
    pub(super) fn parse(data: &mut &[u8]) -> Option<Self> {
        let (counts, rest) = data.split_first_chunk::<16>()?;
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        if total > 256 || rest.len() < total {
            return None;
        }
        let (symbols, rest) = rest.split_at(total);
        let mut code = 0_u32;
        for (length, &count) in (1..).zip(counts) {
            code = code * 2 + u32::from(count);
            if count > 0 && code >= 1 << length {
                return None;
            }
            if code > 1 << length {
                return None;
            }
        }
        *data = rest;
        Some(Self { counts: *counts, symbols: symbols.to_vec() })
    }

    pub(super) fn is_for_dc(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol < 16)
    }
}

/// What one look-up tells. Fields from the lowest bit: 8 bits how many bits it takes, 8 bits by how much the position
/// in the block grows, 16 bits the value. Where the value's bits lie beyond the look-up, the position grows by more than
/// a block, and the value is the symbol, whose bits alone count. No bits at all mean a longer code.
#[derive(Clone, Copy, Default)]
pub(super) struct Entry(u32);

impl Entry {
    const END: u32 = 0x80;
    const SLOW: u32 = 0xC0;

    fn new(bits: u32, growth: u32, value: i32) -> Self {
        Self(bits | growth << 8 | (value as u32) << 16)
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        self.0 & 0xFF
    }

    #[inline(always)]
    pub(super) fn growth(self) -> usize {
        (self.0 >> 8 & 0xFF) as usize
    }

    #[inline(always)]
    pub(super) fn value(self) -> i32 {
        self.0 as i32 >> 16
    }

    #[inline(always)]
    pub(super) fn is_slow(self) -> bool {
        self.growth() == Self::SLOW as usize
    }

    #[inline(always)]
    pub(super) fn is_end(self) -> bool {
        self.growth() == Self::END as usize
    }
}

/// Several AC symbols to pass over at once. Fields from the lowest bit: 6 bits how many bits they take, 8 bits by how much
/// the position in the block grows. Where the block ends with them it grows by [`Leap::END`] more, and in [`Leap::NONE`], where
/// there is nothing to pass over, by twice that, so that one comparison tells whether to go on.
#[derive(Clone, Copy)]
pub(super) struct Leap(u16);

impl Leap {
    /// More than any position in a block.
    pub(super) const END: usize = 64;
    /// As many bits as one takes at most: those of the codes, and the longest value.
    pub(super) const MOST_BITS: u32 = LEAP + 15;
    const NONE: Self = Self::new(0, 2 * Self::END);

    const fn new(bits: u32, growth: usize) -> Self {
        Self(bits as u16 | (growth as u16) << 6)
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        u32::from(self.0 & 0x3F)
    }

    #[inline(always)]
    pub(super) fn growth(self) -> usize {
        usize::from(self.0 >> 6)
    }

    /// Whether the block ends with it.
    #[inline(always)]
    pub(super) fn ends(self) -> bool {
        (Self::END..2 * Self::END).contains(&self.growth())
    }
}

/// What the blocks of a plane are read with.
pub(super) struct Tables {
    pub(super) dc: Table,
    pub(super) ac: Table,
}

impl Tables {
    /// With `leaps`, symbols can be passed over several at a time; making that table costs some ten microseconds.
    pub(super) fn new(dc: &Codes, ac: &Codes, leaps: bool) -> Self {
        Self { dc: Table::dc(dc), ac: Table::ac(ac, leaps) }
    }
}

pub(super) struct Table {
    fast: Box<[Entry; 1 << LOOK]>,
    leaps: Option<Box<[Leap; 1 << LEAP]>>,
    /// Length and symbol of the code that these bits begin with; 0 where it is longer.
    codes: Box<[(u8, u8); 1 << LOOK]>,
    /// For each length the first code, moved to the top of 16 bits, that is longer, and what to add to a code of that
    /// length to find its symbol.
    limits: [u32; 17],
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    fn dc(codes: &Codes) -> Self {
        let mut table = Self::codes(codes);
        for (index, entry) in table.fast.iter_mut().take(1 << LOOK_DC).enumerate() {
            let index = index << (LOOK - LOOK_DC);
            let (length, size) = table.codes[index];
            let (length, size) = (u32::from(length), u32::from(size));
            *entry = if length > 0 && length + size <= LOOK_DC {
                Entry::new(length + size, 0, value_in(index, length, size))
            } else {
                let length = if length > LOOK_DC { 0 } else { length };
                Entry::new(length, Entry::SLOW, size as i32)
            };
        }
        table
    }

    fn ac(codes: &Codes, leaps: bool) -> Self {
        let mut table = Self::codes(codes);
        for (index, entry) in table.fast.iter_mut().enumerate() {
            let (length, symbol) = table.codes[index];
            let (length, run, size) = (u32::from(length), u32::from(symbol >> 4), u32::from(symbol & 15));
            *entry = match (length, run, size) {
                (1.., 0, 0) => Entry::new(length, Entry::END, 0),
                (1.., 15, 0) => Entry::new(length, 16, 0),
                (1.., _, 1..) if length + size <= LOOK => {
                    Entry::new(length + size, run + 1, value_in(index, length, size))
                }
                _ => Entry::new(length, Entry::SLOW, symbol.into()),
            };
        }
        if leaps {
            let mut leaps = vec![Leap::NONE; 1 << LEAP].into_boxed_slice();
            for (index, leap) in leaps.iter_mut().enumerate() {
                *leap = table.leap_from(index as u32);
            }
            table.leaps = leaps.try_into().ok();
        }
        table
    }

    /// Strings together the symbols whose codes, of at most [`LOOK`] bits, lie wholly inside the [`LEAP`] bits of `index`. The
    /// value of the last of them need not: nobody looks at it.
    fn leap_from(&self, index: u32) -> Leap {
        let (mut used, mut growth) = (0, 0);
        while used < LEAP {
            let top = (index << used) & ((1 << LEAP) - 1);
            let (length, symbol) = self.codes[(top >> (LEAP - LOOK)) as usize];
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            let code_end = used + u32::from(length);
            if length == 0 || code_end > LEAP || (size == 0 && (1..15).contains(&run)) {
                break;
            }
            if symbol == 0 {
                return Leap::new(code_end, growth + Leap::END);
            }
            if growth + run + 1 > 63 {
                break;
            }
            growth += run + 1;
            used = code_end + size;
        }
        if used == 0 { Leap::NONE } else { Leap::new(used, growth) }
    }

    fn codes(codes: &Codes) -> Self {
        let mut table = Self {
            fast: Box::new([Entry::default(); 1 << LOOK]),
            leaps: None,
            codes: Box::new([(0, 0); 1 << LOOK]),
            limits: [0; 17],
            offsets: [0; 17],
            symbols: codes.symbols.clone(),
        };
        let (mut code, mut first) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(&codes.counts) {
            let count = usize::from(count);
            table.offsets[length as usize] = first as i32 - code as i32;
            for &symbol in &codes.symbols[first..first + count] {
                if length <= LOOK {
                    let start = (code << (LOOK - length)) as usize;
                    table.codes[start..start + (1 << (LOOK - length))].fill((length as u8, symbol));
                }
                code += 1;
            }
            first += count;
            table.limits[length as usize] = code << (16 - length);
            code *= 2;
        }
        table
    }

    /// Looks up a difference of means.
    #[inline(always)]
    pub(super) fn look_dc(&self, reader: &Reader<'_>) -> Entry {
        self.fast[reader.peek(LOOK_DC)]
    }

    #[inline(always)]
    pub(super) fn look(&self, reader: &Reader<'_>) -> Entry {
        self.fast[reader.peek(LOOK)]
    }

    #[inline(always)]
    pub(super) fn leaps(&self) -> Option<&[Leap; 1 << LEAP]> {
        self.leaps.as_deref()
    }

    /// Reads one symbol, whatever the length of its code. At least 40 bits are at hand afterwards.
    #[cold]
    #[inline(never)]
    pub(super) fn symbol(&self, mut reader: Reader<'_>) -> Result<(u8, Cursor), Doubt> {
        reader.refill();
        let (mut length, mut symbol) = self.codes[reader.peek(LOOK)];
        if length == 0 {
            let bits = reader.peek(16) as u32;
            let found = (LOOK as usize + 1..=16).find(|&length| bits < self.limits[length]).ok_or(Doubt)?;
            let index = (bits >> (16 - found)) as i32 + self.offsets[found];
            symbol = self.symbols.get(index as usize).copied().ok_or(Doubt)?;
            length = found as u8;
        }
        reader.skip(length.into());
        Ok((symbol, reader.cursor()))
    }
}

/// The value of `size` bits that follow a code of `length` bits at the top of the [`LOOK`] bits of `index`.
fn value_in(index: usize, length: u32, size: u32) -> i32 {
    let bits = (index as u32 >> (LOOK - length - size)) & ((1 << size) - 1);
    extend(bits, size)
}

/// T.81, F.2.2.1: values with a leading zero are negative.
#[inline(always)]
pub(super) fn extend(bits: u32, size: u32) -> i32 {
    if size == 0 {
        0
    } else if bits >> (size - 1) == 0 {
        bits as i32 - (1 << size) + 1
    } else {
        bits as i32
    }
}
