//! The decoder against libjpeg-turbo, its vector form against the plain one, and against damage.

use proptest::prelude::*;

use super::bits::Bits;
use super::block::{self, Reading};
use super::huffman::{Codes, Tables};
use super::*;
use crate::decode::turbojpeg::Decompressor;
use crate::encode::samples::{SAMPLINGS, cmyk_jpeg, gradient, photo, progressive_jpeg, sampled_jpeg};
use crate::limits::Limits;
use crate::pixels::{Layout, Pixels};
use crate::simd::Simd;

/// All planes of a file, at one scale, as a processor with the newest instructions reads a large one.
fn planes(source: &[u8], eighths: usize) -> Result<Vec<Pixels>, Doubt> {
    planes_with(source, eighths, Simd::best(), true)
}

fn planes_with(source: &[u8], eighths: usize, simd: Simd, leaps: bool) -> Result<Vec<Pixels>, Doubt> {
    let frame = Frame::parse(source)?;
    let side = |side: usize| (side * eighths).div_ceil(8);
    let sizes: Vec<_> = frame.components.iter().map(|c| (side(c.width), side(c.height))).collect();
    let wanted = sizes.iter().map(|size| Wanted { eighths, rows: 0..size.1, columns: 0..size.0 }).collect();
    let mut strips = Strips::with_leaps(source, &frame, wanted, simd, leaps);
    let mut planes = vec![Vec::new(); sizes.len()];
    while strips.advance()? {
        for (index, plane) in planes.iter_mut().enumerate() {
            let strip = strips.strip(index);
            assert_eq!(strip.top * sizes[index].0, plane.len());
            (0..strip.rows).for_each(|y| plane.extend_from_slice(&strip.row(y)[..sizes[index].0]));
        }
    }
    let plane = |(data, &(width, height)): (Vec<u8>, &(usize, usize))| {
        Pixels::from_data(width as u32, height as u32, Layout::Grey, data)
    };
    Ok(planes.into_iter().zip(&sizes).map(plane).collect())
}

/// The planes that libjpeg-turbo gives, filled up to whole samples of chroma, each with the length of its rows.
fn oracle(source: &[u8]) -> Vec<(usize, Vec<u8>)> {
    Decompressor::new(&Limits::default()).unwrap().planes(source).unwrap()
}

/// A file of any kind that the decoder takes.
fn files() -> impl Strategy<Value = Vec<u8>> {
    let size = (1..=67_u32, 1..=67_u32);
    let restart = prop::sample::select(vec![0_u16, 1, 3, 8]);
    (size, prop::sample::select(&SAMPLINGS[..]), 1..=100_u8, restart, any::<bool>()).prop_map(
        |(size, sampling, quality, restart, tight)| {
            sampled_jpeg(&photo(size.0, size.1), quality, sampling, restart, tight)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn full_size_is_libjpegs_to_one_step(source in files()) {
        for (found, (stride, expected)) in planes(&source, 8).unwrap().iter().zip(oracle(&source)) {
            for y in 0..found.height {
                let expected = &expected[y as usize * stride..][..found.width as usize];
                let worst = found.row(y).iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
                prop_assert!(worst <= Some(1), "row {}: off by {:?}", y, worst);
            }
        }
    }

    #[test]
    fn vectors_and_leaps_give_the_same_samples(
        source in files(),
        eighths in prop::sample::select(vec![1_usize, 2, 4, 8]),
    ) {
        prop_assert_eq!(planes_with(&source, eighths, Simd::SCALAR, false), planes(&source, eighths));
    }

    #[test]
    fn what_is_wanted_is_right_and_the_rest_is_passed_over(
        source in files(),
        eighths in prop::sample::select(vec![1_usize, 2, 4, 8]),
        (left, top) in (0..60_usize, 0..60_usize),
        leaps in any::<bool>(),
    ) {
        let whole = planes(&source, eighths).unwrap();
        let frame = Frame::parse(&source).unwrap();
        let part = |length: u32, start: usize| start.min(length as usize - 1)..(start + 9).min(length as usize);
        let wanted: Vec<_> = whole
            .iter()
            .map(|plane| Wanted { eighths, rows: part(plane.height, top), columns: part(plane.width, left) })
            .collect();
        let mut strips = Strips::with_leaps(&source, &frame, wanted.clone(), Simd::best(), leaps);
        while strips.advance().unwrap() {
            for (index, (wanted, whole)) in wanted.iter().zip(&whole).enumerate() {
                let strip = strips.strip(index);
                for y in (0..strip.rows).filter(|y| wanted.rows.contains(&(strip.top + y))) {
                    let columns = wanted.columns.clone();
                    prop_assert_eq!(&strip.row(y)[columns.clone()], &whole.row((strip.top + y) as u32)[columns]);
                }
            }
        }
    }

    /// Whatever is taken, libjpeg-turbo takes too.
    #[test]
    fn damage_is_never_taken_for_a_picture(
        source in files(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut source = source;
        for (index, value) in changes {
            let at = index.index(source.len());
            source[at] = value;
        }
        if let Some(cut) = cut {
            source.truncate(cut.index(source.len()));
        }
        agree(&source);
    }
}

fn agree(source: &[u8]) {
    let limits = Limits { max_pixels: 1 << 20, max_side: 4096, ..Limits::default() };
    let Ok(crate::header::Inspection::Ready(header)) = crate::decode::inspect(source, true, &limits) else {
        return;
    };
    for eighths in [8, 4, 2, 1] {
        let found = planes(source, eighths);
        assert_eq!(found, planes_with(source, eighths, Simd::SCALAR, false), "leaps see something else");
        if found.is_ok() && matches!(eighths, 8 | 1) {
            let cancel = crate::limits::CancelToken::new();
            let general = crate::decode::decode(source, &header, eighths as u8, &limits, &cancel);
            assert!(general.is_ok(), "{:?}", general.err());
        }
    }
}

#[test]
fn every_cut_is_doubted() {
    for sampling in SAMPLINGS {
        let source = sampled_jpeg(&photo(37, 29), 85, sampling, 2, false);
        for end in 2..source.len() {
            for (eighths, leaps) in [(1, true), (1, false), (4, true), (4, false), (8, false)] {
                let found = planes_with(&source[..end], eighths, Simd::best(), leaps);
                assert_eq!(found, Err(Doubt), "{sampling} cut at {end}");
            }
        }
    }
}

#[test]
fn what_follows_the_end_is_nobodys_business() {
    let mut source = sampled_jpeg(&photo(37, 29), 85, 2, 0, false);
    let clean = planes(&source, 8).unwrap();
    source.extend(b"trailer \xFF\xDA");
    assert_eq!(planes(&source, 8), Ok(clean));
}

#[test]
fn other_kinds_are_left_to_others() {
    assert!(Frame::parse(&progressive_jpeg(&photo(40, 40))).is_err());
    assert!(Frame::parse(&cmyk_jpeg(&gradient(9, 9, Layout::Cmyk))).is_err());
    // A height that is told after the data.
    let mut source = sampled_jpeg(&photo(40, 40), 85, 2, 0, false);
    let at = source.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    source[at + 5..at + 7].fill(0);
    assert!(Frame::parse(&source).is_err());
}

/// Huffman tables of any shape in which few strings of bits stand for nothing, for means or for the other coefficients.
fn codes(dc: bool) -> impl Strategy<Value = Codes> {
    let symbol = if dc {
        (0..16_u8).boxed()
    } else {
        let usual = (0..4_u8, 1..16_u8).prop_map(|(run, size)| run << 4 | size);
        prop_oneof![3 => Just(0_u8), 2 => Just(0xF0_u8), 12 => usual, 1 => any::<u8>()].boxed()
    };
    // Of the strings of each length that do not begin with a shorter code, so many eighths are codes.
    (prop::array::uniform16(1..8_usize), prop::collection::vec(symbol, 256)).prop_map(|(eighths, symbols)| {
        let (mut counts, mut free, mut total) = ([0_u8; 16], 1_usize, 0);
        for (count, eighths) in counts.iter_mut().zip(eighths) {
            free *= 2;
            let taken = (free * eighths / 8).min(free - 1).min(256 - total).min(255);
            *count = taken as u8;
            free -= taken;
            total += taken;
        }
        let file = [&counts[..], &symbols[..total]].concat();
        Codes::parse(&mut file.as_slice()).expect("it is a table as the standard has it")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the tables and the data: the same coefficients, means and doubts, and as many bits used.
    #[test]
    fn a_leap_is_as_good_as_its_steps(
        dc in codes(true),
        ac in codes(false),
        // Long codes begin with ones.
        data in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xFF)], 0..200),
        last in prop::sample::select(vec![0_usize, 4, 24]),
    ) {
        let source: Vec<u8> =
            data.iter().flat_map(|&byte| if byte == 0xFF { vec![0xFF, 0] } else { vec![byte] }).collect();
        let [stepped, leapt] = [false, true].map(|leaps| {
            let tables = Tables::new(&dc, &ac, leaps);
            let reading = Reading { tables: &tables, steps: &[1; 64], last };
            let (mut bits, mut before) = (Bits::new(&source, 0), 0);
            let mut found = Vec::new();
            for turn in 0..12 {
                let mut block = [0; 64];
                let read = if turn % 3 == 2 {
                    block::pass(&mut bits, &reading, &mut before).map(|()| false)
                } else {
                    block::read(&mut bits, &reading, &mut before, &mut block)
                };
                let Ok(any) = read else { break };
                found.push((any, before, block, bits.used()));
            }
            found
        });
        prop_assert_eq!(stepped, leapt);
    }
}

/// Samples by the definition of the transform, from the lowest frequencies, in double precision.
fn definition(block: &[i16; 64], side: usize) -> Vec<f64> {
    let basis = |x: usize, u: usize| {
        let factor = if u == 0 { 1.0 } else { std::f64::consts::SQRT_2 };
        factor * ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / (2 * side) as f64).cos()
    };
    let mut out = Vec::new();
    for y in 0..side {
        for x in 0..side {
            let mut sum = 0.0;
            for u in 0..side {
                (0..side).for_each(|v| sum += f64::from(block[u * 8 + v]) * basis(x, u) * basis(y, v));
            }
            out.push(sum / 8.0 + 128.0);
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn transforms_follow_their_definition(
        values in prop::collection::vec((0..64_usize, -300..300_i16), 0..20),
        wild in prop::collection::vec(any::<i16>(), 128),
    ) {
        let mut blocks = [[0; 64]; 2];
        for (i, (at, value)) in values.into_iter().enumerate() {
            blocks[i % 2][at] = value;
        }
        for side in [1, 2, 4, 8] {
            let mut out = [0; 128];
            if side == 1 {
                idct::means(&blocks, &mut out);
            } else {
                idct::pair(Simd::best(), side, &blocks, false, &mut out, 16);
            }
            for (index, block) in blocks.iter().enumerate() {
                for (i, exact) in definition(block, side).into_iter().enumerate() {
                    let found = f64::from(out[i / side * 16 + index * side + i % side]);
                    prop_assert!((found - exact.clamp(0.0, 255.0)).abs() <= 1.0, "{} is not {}", found, exact);
                }
            }
        }
        for side in [2, 4, 8] {
            let (left, right) = wild.split_at(64);
            let wild: [[i16; 64]; 2] = [left.try_into().unwrap(), right.try_into().unwrap()];
            let (mut plain, mut vector) = ([0; 128], [0; 128]);
            idct::pair(Simd::SCALAR, side, &wild, false, &mut plain, 16);
            idct::pair(Simd::best(), side, &wild, false, &mut vector, 16);
            prop_assert_eq!(plain, vector);
        }
    }
}
