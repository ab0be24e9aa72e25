//! One block: from its bits to coefficients that are already multiplied by their quantisation steps.

use super::Doubt;
use super::bits::{Bits, Reader};
use super::huffman::{Entry, LEAP, Leap, Table, Tables, extend};

/// Where the coefficients of the zigzag order lie in a block: horizontal frequency times 8 plus the vertical one,
/// which is the transpose of the usual and saves the inverse transform a transposition.
#[rustfmt::skip]
pub(super) const ZIGZAG: [u8; 64] = [
     0,  8,  1,  2,  9, 16, 24, 17, 10,  3,  4, 11, 18, 25, 32, 40,
    33, 26, 19, 12,  5,  6, 13, 20, 27, 34, 41, 48, 56, 49, 42, 35,
    28, 21, 14,  7, 15, 22, 29, 36, 43, 50, 57, 58, 51, 44, 37, 30,
    23, 31, 38, 45, 52, 59, 60, 53, 46, 39, 47, 54, 61, 62, 55, 63,
];

/// What a block is read with.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) tables: &'a Tables,
    /// Quantisation steps in zigzag order.
    pub(super) steps: &'a [u16; 64],
    /// The last coefficient, in zigzag order, that is wanted.
    pub(super) last: usize,
}

/// Reads a block. `block` must be zeros but for its first coefficient, as far as the scale looks at it. Tells whether
/// any other coefficient was written.
#[inline(never)]
pub(super) fn read(
    bits: &mut Bits<'_>,
    reading: &Reading<'_>,
    before: &mut i32,
    block: &mut [i16; 64],
) -> Result<bool, Doubt> {
    let mut reader = bits.reader();
    *before += difference(&mut reader, &reading.tables.dc)?;
    let dc = i16::try_from(*before).map_err(|_| Doubt)?;
    block[0] = dc.wrapping_mul(reading.steps[0] as i16);
    let mut at = 0;
    if reading.last == 0 {
        leap(&mut reader, &reading.tables.ac, at)?;
    } else if !frequencies(&mut reader, reading, block, &mut at)? {
        reader.refill();
        leap(&mut reader, &reading.tables.ac, at)?;
    }
    let cursor = reader.cursor();
    bits.resume(cursor);
    Ok(at > 0 && reading.last > 0)
}

/// Goes past a block, keeping count of its mean.
#[inline(never)]
pub(super) fn pass(bits: &mut Bits<'_>, reading: &Reading<'_>, before: &mut i32) -> Result<(), Doubt> {
    let mut reader = bits.reader();
    *before += difference(&mut reader, &reading.tables.dc)?;
    i16::try_from(*before).map_err(|_| Doubt)?;
    leap(&mut reader, &reading.tables.ac, 0)?;
    let cursor = reader.cursor();
    bits.resume(cursor);
    Ok(())
}

/// At least [`Leap::MOST_BITS`] bits are at hand afterwards.
#[inline(always)]
fn difference(reader: &mut Reader<'_>, table: &Table) -> Result<i32, Doubt> {
    reader.refill();
    let entry = table.look_dc(reader);
    if !entry.is_slow() {
        reader.skip(entry.bits());
        return Ok(entry.value());
    }
    let size = u32::from(symbol(reader, table, entry)?);
    let value = value(reader, size & 15);
    reader.refill();
    Ok(value)
}

/// Takes apart the symbol to which a slow `entry` belongs. Room for its value is at hand afterwards.
#[inline(always)]
fn symbol(reader: &mut Reader<'_>, table: &Table, entry: Entry) -> Result<u8, Doubt> {
    if entry.bits() > 0 {
        reader.refill();
        reader.skip(entry.bits());
        return Ok(entry.value() as u8);
    }
    let (symbol, cursor) = table.symbol(*reader)?;
    reader.resume(cursor);
    Ok(symbol)
}

/// Reads a value of up to 15 bits, which are at hand after the code of its symbol.
#[inline(always)]
fn value(reader: &mut Reader<'_>, size: u32) -> i32 {
    if size == 0 {
        return 0;
    }
    let bits = reader.peek(size) as u32;
    reader.skip(size);
    extend(bits, size)
}

/// Reads coefficients up to the last that is wanted; `true` where the block ended before or with it.
#[inline(always)]
fn frequencies(
    reader: &mut Reader<'_>,
    reading: &Reading<'_>,
    block: &mut [i16; 64],
    at: &mut usize,
) -> Result<bool, Doubt> {
    let Reading { tables: Tables { ac, .. }, steps, last } = *reading;
    loop {
        reader.refill();
        // Four entries take 44 bits at most, and 56 are at hand.
        for _ in 0..4 {
            let entry = ac.look(reader);
            let next = *at + entry.growth();
            if next < last {
                reader.skip(entry.bits());
                store(block, steps, next, entry.value());
                *at = next;
                continue;
            }
            if entry.is_end() {
                reader.skip(entry.bits());
                return Ok(true);
            }
            if !entry.is_slow() {
                if next == last {
                    reader.skip(entry.bits());
                    store(block, steps, next, entry.value());
                    *at = next;
                }
                return Ok(false);
            }
            let symbol = symbol(reader, ac, entry)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            match (run, size) {
                (0, 0) => return Ok(true),
                (1..15, 0) => return Err(Doubt),
                _ => {}
            }
            let value = value(reader, size);
            *at += run + 1;
            if *at <= last {
                store(block, steps, *at, value);
            }
            if *at >= last {
                return Ok(false);
            }
            break;
        }
    }
}

#[inline(always)]
fn store(block: &mut [i16; 64], steps: &[u16; 64], at: usize, value: i32) {
    // Both are below 64; the mask tells the compiler.
    block[usize::from(ZIGZAG[at & 63] & 63)] = (value as i16).wrapping_mul(steps[at & 63] as i16);
}

/// Goes past what is left of a block after coefficient `at`. At least [`Leap::MOST_BITS`] bits are at hand.
#[inline(always)]
fn leap(reader: &mut Reader<'_>, table: &Table, mut at: usize) -> Result<(), Doubt> {
    while at < 63 {
        if let Some(leaps) = table.leaps() {
            loop {
                debug_assert!(reader.at_hand() >= Leap::MOST_BITS);
                let leap = leaps[reader.peek(LEAP)];
                let next = at + leap.growth();
                if next > 63 {
                    // What follows coefficient 63 belongs to the next block, so an end can't be told there.
                    if leap.ends() && next < Leap::END + 63 {
                        reader.skip(leap.bits());
                        return Ok(());
                    }
                    break;
                }
                reader.skip(leap.bits());
                at = next;
                reader.refill();
            }
            if at >= 63 {
                break;
            }
        }
        if step(reader, table, &mut at)? {
            return Ok(());
        }
        reader.refill();
    }
    if at == 63 { Ok(()) } else { Err(Doubt) }
}

/// Goes past one symbol; `true` where it ends the block. The bits of one look-up are at hand.
#[inline(always)]
fn step(reader: &mut Reader<'_>, table: &Table, at: &mut usize) -> Result<bool, Doubt> {
    let entry = table.look(reader);
    if !entry.is_slow() {
        reader.skip(entry.bits());
        *at += entry.growth();
        return Ok(entry.is_end());
    }
    let symbol = symbol(reader, table, entry)?;
    let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
    match (run, size) {
        (0, 0) => return Ok(true),
        (1..15, 0) => return Err(Doubt),
        _ => {}
    }
    value(reader, size);
    *at += run + 1;
    Ok(false)
}
