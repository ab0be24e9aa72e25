//! Huffman codes made for what a picture holds (ITU-T T.81, Annex K.2), or for a part of it and what the standard's own (K.3)
//! expect.

/// No code may be longer.
const LONGEST: usize = 16;
/// The most symbols that a table can have.
const SYMBOLS: usize = 256;

/// How many codes of each length there are, from 1 bit on, and what they stand for, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Codes {
    pub(super) counts: [u8; LONGEST],
    pub(super) symbols: Vec<u8>,
}

impl Codes {
    /// The standard's tables for means and for all else, of luma or of chroma, which have a code for everything.
    pub(super) fn standard(chroma: bool) -> [Self; 2] {
        [&DC, &AC].map(|tables| {
            let (counts, symbols) = tables[usize::from(chroma)];
            Self { counts, symbols: symbols.to_vec() }
        })
    }

    /// The codes that take the fewest bits where symbol `n` occurs `counts[n]` times. What doesn't occur has none.
    pub(super) fn shortest(counts: &[u32]) -> Self {
        let mut symbols: Vec<u8> =
            (0..=u8::MAX).zip(counts).filter(|(_, n)| **n > 0).map(|(s, _)| s).collect();
        if symbols.is_empty() {
            // A table must not be empty.
            symbols.push(0);
        }
        symbols.sort_by_key(|&symbol| std::cmp::Reverse(counts[usize::from(symbol)]));
        let often: Vec<u64> =
            symbols.iter().rev().map(|&symbol| counts[usize::from(symbol)].into()).collect();
        let mut lengths = limited(lengths(&often));
        // The last of the longest is the code of all ones, which stands for nothing.
        if let Some(longest) = lengths.iter_mut().rev().find(|count| **count > 0) {
            *longest -= 1;
        }
        Self { counts: lengths.map(|count| count as u8), symbols }
    }

    /// Codes for everything, for a picture of which only the beginning is known, where symbol `n` occurs `counts[n]` times: as
    /// short as they can be if the rest is two parts like that and one part like what the standard's table expects. Alone, the
    /// beginning tells too little of the rest, a sky nothing of the street below it.
    pub(super) fn likely(counts: &[u32], standard: &Self) -> Self {
        let all: u32 = counts.iter().sum();
        let mut expected = [0; SYMBOLS];
        expected[..counts.len()].copy_from_slice(counts);
        // A code of n bits is the best for what is one symbol in 2^n.
        standard.each(|symbol, _, length| expected[usize::from(symbol)] += (all >> (length + 1)).max(1));
        Self::shortest(&expected)
    }

    /// Every code with its length and what it stands for.
    pub(super) fn each(&self, mut take: impl FnMut(u8, u32, u32)) {
        let (mut bits, mut symbols) = (0, self.symbols.iter());
        for (length, &count) in (1..).zip(&self.counts) {
            for &symbol in symbols.by_ref().take(count.into()) {
                take(symbol, bits, length);
                bits += 1;
            }
            bits <<= 1;
        }
    }
}

/// How many leaves of the best tree lie how deep. There is one for each of `often`, which ascend, and one for the code that
/// must not be used.
fn lengths(often: &[u64]) -> [u32; 64] {
    // Leaves, the rarest first, and then the nodes above them, which come to be in the order of their weights.
    let mut weights: Vec<u64> = Vec::with_capacity(2 * SYMBOLS + 1);
    weights.push(0);
    weights.extend(often);
    let leaves = weights.len();
    let mut above = vec![0; 2 * leaves - 1];
    let (mut leaf, mut node) = (0, leaves);
    while weights.len() < 2 * leaves - 1 {
        let mut lightest = || {
            let is_leaf = leaf < leaves && (node >= weights.len() || weights[leaf] <= weights[node]);
            let next = if is_leaf { &mut leaf } else { &mut node };
            *next += 1;
            *next - 1
        };
        let (first, second) = (lightest(), lightest());
        (above[first], above[second]) = (weights.len(), weights.len());
        weights.push(weights[first] + weights[second]);
    }
    let mut depths = vec![0_usize; weights.len()];
    let mut lengths = [0; 64];
    for at in (0..weights.len() - 1).rev() {
        depths[at] = depths[above[at]] + 1;
        if at < leaves {
            // Weights of 32 bits can't be deeper: they would have to grow like Fibonacci's numbers.
            lengths[depths[at].min(63)] += 1;
        }
    }
    lengths
}

/// Brings up what lies too deep, two leaves at a time, beside one that goes down for it.
fn limited(mut lengths: [u32; 64]) -> [u32; LONGEST] {
    for depth in (LONGEST + 1..lengths.len()).rev() {
        while lengths[depth] > 0 {
            let higher = (1..depth - 1).rev().find(|&higher| lengths[higher] > 0);
            let Some(higher) = higher else { break };
            lengths[depth] -= 2;
            lengths[depth - 1] += 1;
            lengths[higher + 1] += 2;
            lengths[higher] -= 1;
        }
    }
    std::array::from_fn(|index| lengths[index + 1])
}

/// How many codes of each length there are, and what they stand for.
type Standard = ([u8; LONGEST], &'static [u8]);

/// T.81, Tables K.3 and K.4.
const DC: [Standard; 2] = [
    ([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
];

/// T.81, Tables K.5 and K.6.
#[rustfmt::skip]
const AC: [Standard; 2] = [
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bits for all symbols, and the share of all codes that is taken, in 65536ths.
    fn cost(codes: &Codes, counts: &[u32]) -> (u64, u64) {
        let (mut bits, mut share) = (0, 0);
        codes.each(|symbol, _, length| {
            bits += u64::from(counts[usize::from(symbol)]) * u64::from(length);
            share += 1 << (16 - length);
        });
        (bits, share)
    }

    /// The bits of the best code without any limit: the sum of all nodes of Huffman's tree.
    fn least(counts: &[u32]) -> u64 {
        let mut weights: Vec<u64> = counts.iter().filter(|n| **n > 0).map(|n| u64::from(*n)).collect();
        weights.push(0);
        let mut bits = 0;
        while weights.len() > 1 {
            weights.sort_unstable_by(|a, b| b.cmp(a));
            let sum = weights.pop().unwrap_or(0) + weights.pop().unwrap_or(0);
            bits += sum;
            weights.push(sum);
        }
        bits
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn as_short_as_can_be(counts in prop::collection::vec(prop_oneof![Just(0_u32), 1..9_u32, 1..100_000_u32], 1..=256)) {
            let codes = Codes::shortest(&counts);
            let used = counts.iter().filter(|n| **n > 0).count();
            prop_assert_eq!(codes.symbols.len(), used.max(1));
            prop_assert_eq!(codes.counts.iter().map(|n| usize::from(*n)).sum::<usize>(), codes.symbols.len());
            let (bits, share) = cost(&codes, &counts);
            prop_assert!(share < 1 << 16, "one code of all ones is free");
            let least = least(&counts);
            // The limit costs next to nothing.
            prop_assert!(bits >= least && bits <= least + least / 100 + 64, "{} bits, not {}", bits, least);
        }
    }

    #[test]
    fn of_a_beginning_the_codes_are_for_everything_and_near_the_best() {
        for chroma in [false, true] {
            let standard = &Codes::standard(chroma)[1];
            // As if every symbol were as frequent as its code in the standard's table is short, and all flat.
            let mut usual = [0_u32; 256];
            standard.each(|symbol, _, length| usual[usize::from(symbol)] = 1 << (20 - length));
            let mut flat = [0_u32; 256];
            flat[0] = 1 << 20;
            for counts in [usual, flat, [0; 256]] {
                let codes = Codes::likely(&counts, standard);
                assert_eq!(codes.symbols.len(), 162);
                assert!(cost(&codes, &[0; 256]).1 < 1 << 16, "one code of all ones is free");
                let (likely, best) = (cost(&codes, &counts).0, cost(&Codes::shortest(&counts), &counts).0);
                assert!(likely <= best + best / 50, "{likely} bits, not {best}");
            }
            // What begins flat and goes on as usual costs less than with codes that only know the beginning.
            let blind = flat.map(|n| n + 1);
            let (likely, blind) = (Codes::likely(&flat, standard), Codes::shortest(&blind));
            assert!(cost(&likely, &usual).0 < cost(&blind, &usual).0 * 7 / 10);
        }
    }

    #[test]
    fn what_is_rare_beyond_measure_gets_sixteen_bits() {
        let mut counts = [1_u32; 40];
        for n in 2..40 {
            counts[n] = counts[n - 1] + counts[n - 2];
        }
        let codes = Codes::shortest(&counts);
        assert_eq!(codes.symbols.len(), 40);
        assert!(cost(&codes, &counts).1 < 1 << 16);
        assert!(codes.counts[15] > 0);
    }

    #[test]
    fn the_standard_has_a_code_for_everything() {
        for chroma in [false, true] {
            let [dc, ac] = Codes::standard(chroma);
            assert_eq!((dc.symbols.len(), ac.symbols.len()), (12, 162));
            for codes in [dc, ac] {
                assert!(cost(&codes, &[0; 256]).1 < 1 << 16);
                assert_eq!(codes.counts.iter().map(|n| usize::from(*n)).sum::<usize>(), codes.symbols.len());
            }
        }
    }

    #[test]
    fn one_symbol_takes_one_bit() {
        assert_eq!(
            Codes::shortest(&[0, 0, 5]),
            Codes { counts: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], symbols: vec![2] }
        );
    }
}
