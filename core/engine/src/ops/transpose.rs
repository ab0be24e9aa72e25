//! Rows and columns of a plane of bytes change places, a square of 16 by 16 at a time in vector registers or one of 8 by
//! 8 inside 64-bit words.

#![cfg_attr(
    target_arch = "x86_64",
    allow(unsafe_code, reason = "vector loads and stores go through pointers"),
    allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")
)]

/// Rows that are moved at once: as many bytes of every row of the result as a line of the cache holds.
pub(super) const BAND: usize = 64;

/// How the rows of the result lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    /// The columns of the result are counted from their end.
    pub(super) upwards: bool,
    /// Its rows are counted from their end.
    pub(super) last_first: bool,
}

/// Writes `to[x][y]` from `from[y][x]`, a plane `width` wide and `height` high.
pub(super) fn bytes(from: &[u8], to: &mut [u8], (width, height): (usize, usize), order: Order) {
    for (index, rows) in from.chunks(BAND * width).enumerate() {
        band(rows, to, width, (index * BAND, height), order);
    }
}

/// Does it with some rows of the plane, all of which are `width` long. The first is row `top` of `height`.
pub(super) fn band(from: &[u8], to: &mut [u8], width: usize, (top, height): (usize, usize), order: Order) {
    let rows = from.len() / width;
    let row_of = |x: usize| if order.last_first { width - 1 - x } else { x };
    let column_of = |y: usize| if order.upwards { height - 1 - top - y } else { top + y };
    let (wide, high) = (width / SIDE * SIDE, rows / SIDE * SIDE);
    for x in (0..wide).step_by(SIDE) {
        for y in (0..high).step_by(SIDE) {
            let square = square(|i| {
                let line = if order.upwards { y + SIDE - 1 - i } else { y + i };
                from[line * width + x..].first_chunk().expect("inside the row")
            });
            let column = column_of(if order.upwards { y + SIDE - 1 } else { y });
            for (i, bytes) in square.iter().enumerate() {
                to[row_of(x + i) * height + column..][..SIDE].copy_from_slice(bytes);
            }
        }
    }
    for y in 0..rows {
        let start = if y < high { wide } else { 0 };
        (start..width).for_each(|x| to[row_of(x) * height + column_of(y)] = from[y * width + x]);
    }
}

/// Side of the squares.
#[cfg(target_arch = "x86_64")]
const SIDE: usize = 16;
#[cfg(not(target_arch = "x86_64"))]
const SIDE: usize = 8;

/// Transposes 16x16 bytes: interleaving the first half of the rows with the second one four times over brings every byte
/// to its place.
#[cfg(target_arch = "x86_64")]
#[inline]
fn square<'a>(row: impl Fn(usize) -> &'a [u8; SIDE]) -> [[u8; SIDE]; SIDE] {
    use std::arch::x86_64::*;

    // SAFETY: every row is sixteen bytes, and SSE2 is a part of the architecture.
    let mut rows: [__m128i; SIDE] =
        std::array::from_fn(|i| unsafe { _mm_loadu_si128(row(i).as_ptr().cast()) });
    for _ in 0..4 {
        let mut next = rows;
        for i in 0..SIDE / 2 {
            // SAFETY: SSE2 is a part of the architecture.
            unsafe {
                next[2 * i] = _mm_unpacklo_epi8(rows[i], rows[i + SIDE / 2]);
                next[2 * i + 1] = _mm_unpackhi_epi8(rows[i], rows[i + SIDE / 2]);
            }
        }
        rows = next;
    }
    // SAFETY: both are 256 bytes, of which any value is valid.
    unsafe { std::mem::transmute(rows) }
}

/// Transposes 8x8 bytes.
#[cfg(not(target_arch = "x86_64"))]
fn square<'a>(row: impl Fn(usize) -> &'a [u8; SIDE]) -> [[u8; SIDE]; SIDE] {
    words(std::array::from_fn(|i| u64::from_le_bytes(*row(i)))).map(u64::to_le_bytes)
}

/// Exchanges quarters, then quarters of these, then single bytes.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn words(mut rows: [u64; 8]) -> [u64; 8] {
    for (step, mask) in
        [(4, 0x0000_0000_FFFF_FFFF), (2, 0x0000_FFFF_0000_FFFF), (1, 0x00FF_00FF_00FF_00FF_u64)]
    {
        for i in 0..8 {
            if i & step == 0 {
                let (upper, lower) = (rows[i], rows[i + step]);
                let shift = 8 * step;
                rows[i] = upper & mask | (lower & mask) << shift;
                rows[i + step] = upper >> shift & mask | lower & !mask;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_transposed() {
        let source: [[u8; SIDE]; SIDE] =
            std::array::from_fn(|y| std::array::from_fn(|x| (y * SIDE + x) as u8));
        let found = square(|i| &source[i]);
        let expected: [[u8; SIDE]; SIDE] = std::array::from_fn(|y| std::array::from_fn(|x| source[x][y]));
        assert_eq!(found, expected);
        let eight: [[u8; 8]; 8] = std::array::from_fn(|y| std::array::from_fn(|x| (y * 8 + x) as u8));
        let found = words(eight.map(u64::from_le_bytes)).map(u64::to_le_bytes);
        let expected: [[u8; 8]; 8] = std::array::from_fn(|y| std::array::from_fn(|x| eight[x][y]));
        assert_eq!(found, expected);
    }
}
