//! Four rows at once for AVX2. A register holds a pixel of each, as 16 bits a sample; each row is behind the one above it,
//! whose pixel it needs. Within a half of the register that is one pixel, and two from half to half, so that moving the
//! pixel across is not among what the next step waits for.

#![allow(clippy::wildcard_imports, reason = "the names of the intrinsics say where they come from")]

use std::arch::x86_64::*;

use super::unfilter::Filter;

/// By how many pixels each row is behind the first.
const LAG: [usize; 4] = [0, 1, 3, 4];

/// All bits in the lanes of rows with this filter.
#[inline]
#[target_feature(enable = "avx2")]
fn lanes(filters: [Filter; 4], wanted: Filter) -> __m256i {
    let [a, b, c, d] = filters.map(|filter| if filter == wanted { -1 } else { 0 });
    _mm256_setr_epi64x(a, b, c, d)
}

/// What there is of four bytes, the others zero.
#[inline]
fn careful(row: &[u8], at: usize, count: usize) -> u32 {
    let mut pixel = [0; 4];
    if let Some(bytes) = row.get(at..at + count) {
        pixel[..count].copy_from_slice(bytes);
    }
    u32::from_le_bytes(pixel)
}

/// Four bytes, of which the pixel is the first or all.
#[inline]
fn whole(row: &[u8], at: usize) -> u32 {
    let bytes = &row[at..at + 4];
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// The state between two steps.
struct Wave {
    /// The pixels of this step, which are those to the left at the next, and those of the step before.
    left: __m256i,
    earlier: __m256i,
    /// The pixels above those of this step, which are those to the upper left at the next.
    above: __m256i,
    sub: __m256i,
    up: __m256i,
    average: __m256i,
    paeth: __m256i,
}

impl Wave {
    /// Takes the filtered pixels of the four rows and the pixel above the first of them, and gives the pixels.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn step(&mut self, filtered: [u32; 4], above: u32) -> [u32; 4] {
        let [first, second, third, fourth] = filtered.map(u32::cast_signed);
        let filtered = _mm256_cvtepu8_epi16(_mm_setr_epi32(first, second, third, fourth));
        let above_first = _mm256_cvtepu8_epi16(_mm_cvtsi32_si128(above.cast_signed()));
        // The second row's pixel comes to where the third row needs it, two steps later.
        let above_third = _mm256_permute4x64_epi64::<0b00_01_00_00>(self.earlier);
        let from_outside = _mm256_blend_epi32::<0b0011_0000>(above_first, above_third);
        let (a, c) = (self.left, self.above);
        let b = _mm256_unpacklo_epi64(from_outside, a);

        let (to_a, to_b) = (_mm256_sub_epi16(b, c), _mm256_sub_epi16(a, c));
        let to_c = _mm256_abs_epi16(_mm256_add_epi16(to_a, to_b));
        let (to_a, to_b) = (_mm256_abs_epi16(to_a), _mm256_abs_epi16(to_b));
        let least = _mm256_min_epi16(_mm256_min_epi16(to_a, to_b), to_c);
        let b_or_c = _mm256_blendv_epi8(c, b, _mm256_cmpeq_epi16(to_b, least));
        let nearest = _mm256_blendv_epi8(b_or_c, a, _mm256_cmpeq_epi16(to_a, least));

        let middle = _mm256_srli_epi16::<1>(_mm256_add_epi16(a, b));
        let simple = _mm256_or_si256(_mm256_and_si256(a, self.sub), _mm256_and_si256(b, self.up));
        let simple = _mm256_or_si256(simple, _mm256_and_si256(middle, self.average));
        let predicted = _mm256_or_si256(simple, _mm256_and_si256(nearest, self.paeth));
        // Bytes, so that nothing is carried into the upper half of a lane.
        let pixels = _mm256_add_epi8(filtered, predicted);

        (self.earlier, self.left, self.above) = (self.left, pixels, b);
        let packed = _mm256_packus_epi16(pixels, pixels);
        let first_two = _mm_cvtsi128_si64(_mm256_castsi256_si128(packed)).cast_unsigned();
        let last_two = _mm_cvtsi128_si64(_mm256_extracti128_si256::<1>(packed)).cast_unsigned();
        [first_two as u32, (first_two >> 32) as u32, last_two as u32, (last_two >> 32) as u32]
    }
}

/// Undoes four rows of pixels of `BPP` bytes: see the plain form.
#[target_feature(enable = "avx2")]
pub(super) fn four<const BPP: usize>(filters: [Filter; 4], filtered: &[u8], rows: &mut [u8]) {
    let row_bytes = rows.len() / 5;
    let (above, rows) = rows.split_at_mut(row_bytes);
    let (first, rest) = rows.split_at_mut(row_bytes);
    let (second, rest) = rest.split_at_mut(row_bytes);
    let (third, fourth) = rest.split_at_mut(row_bytes);
    let mut rows = [first, second, third, &mut fourth[..row_bytes]];
    let filtered = [0, 1, 2, 3].map(|row| &filtered[row * (1 + row_bytes) + 1..][..row_bytes]);
    let zero = _mm256_setzero_si256();
    let mut wave = Wave {
        left: zero,
        earlier: zero,
        above: zero,
        sub: lanes(filters, Filter::Sub),
        up: lanes(filters, Filter::Up),
        average: lanes(filters, Filter::Average),
        paeth: lanes(filters, Filter::Paeth),
    };
    let steps = row_bytes / BPP + LAG[3];
    // From the first step at which all rows are at some pixel, as long as four bytes are there for each. What is written
    // behind a pixel is written over by the next.
    let in_full = LAG[3]..row_bytes.saturating_sub(4) / BPP + 1;
    for at in 0..steps {
        if in_full.contains(&at) {
            let place = LAG.map(|lag| (at - lag) * BPP);
            let taken = [0, 1, 2, 3].map(|row| whole(filtered[row], place[row]));
            let pixels = wave.step(taken, whole(above, place[0]));
            for ((row, place), pixel) in rows.iter_mut().zip(place).zip(pixels) {
                row[place..][..4].copy_from_slice(&pixel.to_le_bytes());
            }
        } else {
            // A row that has not begun or is over has zeros, which the others do not see.
            let place = LAG.map(|lag| at.checked_sub(lag).map_or(row_bytes, |at| at * BPP));
            let taken = [0, 1, 2, 3].map(|row| careful(filtered[row], place[row], BPP));
            let pixels = wave.step(taken, careful(above, place[0], BPP));
            for ((row, place), pixel) in rows.iter_mut().zip(place).zip(pixels) {
                if let Some(place) = row.get_mut(place..place + BPP) {
                    place.copy_from_slice(&pixel.to_le_bytes()[..BPP]);
                }
            }
        }
    }
}
