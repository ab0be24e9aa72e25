//! What the filters of PNG's rows did, undone (ISO/IEC 15948, clause 9.2), for samples of 8 bits.
//!
//! Three of the filters need the pixel to the left, so a row can't be done many pixels at a time. Four rows can, each a little
//! behind the one above it.

#[cfg(target_arch = "x86_64")]
use super::unfilter_avx2;
use crate::simd::Simd;

/// How a row was filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    None,
    Sub,
    Up,
    Average,
    Paeth,
}

impl Filter {
    pub(super) const ALL: [Self; 5] = [Self::None, Self::Sub, Self::Up, Self::Average, Self::Paeth];

    /// That which the byte before a row names.
    pub(super) fn of(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// Whether each pixel needs the one to its left.
    pub(super) fn needs_left(self) -> bool {
        matches!(self, Self::Sub | Self::Average | Self::Paeth)
    }
}

/// Undoes one row of pixels of `bpp` bytes. `above` is the row before it, or zeros.
pub(super) fn one(filter: Filter, bpp: usize, above: &[u8], row: &mut [u8]) {
    match filter {
        Filter::None => {}
        Filter::Up => row.iter_mut().zip(above).for_each(|(sample, up)| *sample = sample.wrapping_add(*up)),
        Filter::Sub | Filter::Average | Filter::Paeth => {
            for i in 0..row.len() {
                let (left, upper_left) = if i < bpp { (0, 0) } else { (row[i - bpp], above[i - bpp]) };
                let predicted = match filter {
                    Filter::Sub => left,
                    Filter::Average => left.midpoint(above[i]),
                    _ => paeth(left, above[i], upper_left),
                };
                row[i] = row[i].wrapping_add(predicted);
            }
        }
    }
}

/// Of the three neighbours the one that is nearest to left + above - upper left; of two as near the one named first.
fn paeth(left: u8, above: u8, upper_left: u8) -> u8 {
    let [a, b, c] = [left, above, upper_left].map(i16::from);
    let estimate = a + b - c;
    let [to_a, to_b, to_c] = [a, b, c].map(|sample| estimate.abs_diff(sample));
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        above
    } else {
        upper_left
    }
}

/// Undoes four rows. `filtered` has them one after the other, each behind the byte that names its filter, and `rows` takes
/// them behind the row above the first.
pub(super) fn four(simd: Simd, bpp: usize, filters: [Filter; 4], filtered: &[u8], rows: &mut [u8]) {
    let row_bytes = rows.len() / 5;
    #[cfg(target_arch = "x86_64")]
    if simd.avx2() {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "the processor was asked")]
        return unsafe {
            match bpp {
                1 => unfilter_avx2::four::<1>(filters, filtered, rows),
                2 => unfilter_avx2::four::<2>(filters, filtered, rows),
                3 => unfilter_avx2::four::<3>(filters, filtered, rows),
                _ => unfilter_avx2::four::<4>(filters, filtered, rows),
            }
        };
    }
    let _ = simd;
    for (place, (filter, filtered)) in
        filters.into_iter().zip(filtered.chunks_exact(1 + row_bytes)).enumerate()
    {
        let (above, row) = rows[place * row_bytes..].split_at_mut(row_bytes);
        let row = &mut row[..row_bytes];
        row.copy_from_slice(&filtered[1..]);
        one(filter, bpp, above, row);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The predictions as the standard writes them, pixel by pixel.
    fn by_definition(filter: Filter, bpp: usize, above: &[u8], filtered: &[u8]) -> Vec<u8> {
        let mut row: Vec<u8> = Vec::new();
        for (x, &sample) in filtered.iter().enumerate() {
            let before = |row: &[u8]| x.checked_sub(bpp).map_or(0, |left| i32::from(row[left]));
            let (a, b, c) = (before(&row), i32::from(above[x]), before(above));
            let predictor = match filter {
                Filter::None => 0,
                Filter::Sub => a,
                Filter::Up => b,
                Filter::Average => (a + b) >> 1,
                Filter::Paeth => {
                    let p = a + b - c;
                    let (pa, pb, pc) = ((p - a).abs(), (p - b).abs(), (p - c).abs());
                    if pa <= pb && pa <= pc {
                        a
                    } else if pb <= pc {
                        b
                    } else {
                        c
                    }
                }
            };
            row.push(((i32::from(sample) + predictor) % 256) as u8);
        }
        row
    }

    /// Bytes that are often far apart and often the same.
    fn bytes(count: usize, seed: u64, coarse: bool) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if coarse { [0, 1, 127, 128, 254, 255][(state >> 20) as usize % 6] } else { (state >> 20) as u8 }
        };
        (0..count).map(|_| next()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

        #[test]
        fn rows_are_what_the_standard_says(
            width in 1..=67_usize,
            bpp in 1..=4_usize,
            filters in proptest::array::uniform4(0..5_usize),
            seed in any::<u64>(),
            coarse in any::<bool>(),
        ) {
            let filters = filters.map(|place| Filter::ALL[place]);
            let row_bytes = width * bpp;
            let above = bytes(row_bytes, seed, coarse);
            let filtered = bytes(4 * (1 + row_bytes), seed.wrapping_mul(31), coarse);
            let mut wanted = above.clone();
            for (filter, filtered) in filters.into_iter().zip(filtered.chunks_exact(1 + row_bytes)) {
                let last = wanted[wanted.len() - row_bytes..].to_vec();
                wanted.extend(by_definition(filter, bpp, &last, &filtered[1..]));
            }
            for simd in [Simd::SCALAR, Simd::best()] {
                let mut rows = [above.clone(), vec![7; 4 * row_bytes]].concat();
                four(simd, bpp, filters, &filtered, &mut rows);
                prop_assert_eq!(&rows, &wanted);
            }
        }
    }

    #[test]
    fn there_are_five_filters() {
        assert_eq!([0, 1, 2, 3, 4].map(Filter::of), Filter::ALL.map(Some));
        assert_eq!([5, 255].map(Filter::of), [None, None]);
    }
}
