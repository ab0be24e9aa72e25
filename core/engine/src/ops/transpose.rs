//! Rows and columns of a plane of bytes change places, eight by eight inside 64-bit words.

#![expect(clippy::inline_always, reason = "eight words must stay in registers")]

/// Side of the tiles that are moved at once, so that both sides of the copy stay in the cache.
const TILE: usize = 64;

/// Writes `to[x][y]` from `from[y][x]`, a plane `width` wide and `height` high. With `upwards` the columns of the result
/// are counted from their end, with `last_first` its rows.
pub(super) fn bytes(
    from: &[u8],
    to: &mut [u8],
    (width, height): (usize, usize),
    upwards: bool,
    last_first: bool,
) {
    let row_of = |x: usize| if last_first { width - 1 - x } else { x };
    let column_of = |y: usize| if upwards { height - 1 - y } else { y };
    let (wide, high) = (width / 8 * 8, height / 8 * 8);
    for top in (0..high).step_by(TILE) {
        for left in (0..wide).step_by(TILE) {
            for y in (top..high.min(top + TILE)).step_by(8) {
                for x in (left..wide.min(left + TILE)).step_by(8) {
                    let mut words = [0; 8];
                    for (i, word) in words.iter_mut().enumerate() {
                        let line = if upwards { y + 7 - i } else { y + i };
                        let eight = from[line * width + x..].first_chunk().expect("inside the row");
                        *word = u64::from_le_bytes(*eight);
                    }
                    let column = if upwards { column_of(y + 7) } else { column_of(y) };
                    for (i, word) in square(words).into_iter().enumerate() {
                        to[row_of(x + i) * height + column..][..8].copy_from_slice(&word.to_le_bytes());
                    }
                }
            }
        }
    }
    for y in 0..height {
        let start = if y < high { wide } else { 0 };
        (start..width).for_each(|x| to[row_of(x) * height + column_of(y)] = from[y * width + x]);
    }
}

/// Transposes 8x8 bytes: exchanges quarters, then quarters of these, then single bytes.
#[inline(always)]
fn square(mut rows: [u64; 8]) -> [u64; 8] {
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
