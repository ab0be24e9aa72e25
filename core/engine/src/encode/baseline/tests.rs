//! The encoder against libjpeg-turbo's, and its vector form against the plain one.

use proptest::prelude::*;

use super::*;
use crate::encode::samples::{photo, sampled_jpeg};
use crate::format::Format;
use crate::limits::{CancelToken, Limits};
use crate::pixels::{Layout, Pixels};

/// The planes of a picture as libjpeg makes them: BT.601, chroma as the mean of two by two.
fn planes(pixels: &Pixels, sampling: Sampling) -> Vec<Pixels> {
    let weights = [[0.299, 0.587, 0.114], [-0.168_736, -0.331_264, 0.5], [0.5, -0.418_688, -0.081_312]];
    let plane = |index: usize| {
        let factor = if index == 0 { 1 } else { sampling.factor() as u32 };
        let (width, height) = (pixels.width.div_ceil(factor), pixels.height.div_ceil(factor));
        let mut plane = Pixels::zeroed(width, height, Layout::Grey);
        for (i, sample) in plane.data.iter_mut().enumerate() {
            let (x, y) = (i as u32 % width * factor, i as u32 / width * factor);
            let mut sum = 0.0;
            for (dx, dy) in (0..factor).flat_map(|dy| (0..factor).map(move |dx| (dx, dy))) {
                let (x, y) = ((x + dx).min(pixels.width - 1), (y + dy).min(pixels.height - 1));
                let rgb = &pixels.row(y)[3 * x as usize..];
                sum += (0..3).map(|c| weights[index][c] * f64::from(rgb[c])).sum::<f64>();
            }
            let middle = if index == 0 { 0.0 } else { 128.0 };
            *sample = (sum / f64::from(factor * factor) + middle).round().clamp(0.0, 255.0) as u8;
        }
        plane
    };
    (0..sampling.planes()).map(plane).collect()
}

fn encode(planes: &[Pixels], sampling: Sampling, quality: u8, simd: Simd) -> Vec<u8> {
    let size = (planes[0].width as usize, planes[0].height as usize);
    let mut encoder = Encoder::new(size, sampling, quality, simd);
    let mut done = vec![0; planes.len()];
    while done[0] < planes[0].height {
        let mut rows = Vec::new();
        for (index, (plane, done)) in planes.iter().zip(&mut done).enumerate() {
            let count = (plane.height - *done).min(encoder.rows(index) as u32);
            (0..count).for_each(|y| encoder.row(index, y as usize).copy_from_slice(plane.row(*done + y)));
            *done += count;
            rows.push(count as usize);
        }
        encoder.strip(&rows);
    }
    encoder.finish()
}

fn decode(file: &[u8]) -> Pixels {
    let limits = Limits::default();
    let header = match crate::decode::inspect(file, true, &limits) {
        Ok(crate::header::Inspection::Ready(header)) => header,
        other => panic!("{other:?}"),
    };
    assert_eq!(header.format, Format::Jpeg);
    crate::decode::decode(file, &header, 8, &limits, &CancelToken::new()).unwrap().pixels
}

fn psnr(a: &Pixels, b: &Pixels) -> f64 {
    assert_eq!((a.width, a.height, a.layout), (b.width, b.height, b.layout));
    let squares: f64 = a.data.iter().zip(&b.data).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) / (squares / a.data.len() as f64).max(1e-3)).log10()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_are_as_good_as_libjpegs(
        (width, height) in (1..=67_u32, 1..=67_u32),
        quality in 1..=100_u8,
        kind in 0..3_usize,
    ) {
        let (sampling, number) = [(Sampling::Full, 0), (Sampling::Halved, 2), (Sampling::Grey, 3)][kind];
        let picture = photo(width, height);
        let planes = planes(&picture, sampling);
        let found = encode(&planes, sampling, quality, Simd::best());
        prop_assert_eq!(&found, &encode(&planes, sampling, quality, Simd::SCALAR));
        let oracle = sampled_jpeg(&picture, quality, number, 0, false);
        let expected = decode(&oracle);
        let original = if kind == 2 { planes[0].clone() } else { picture };
        let (found_psnr, expected_psnr) = (psnr(&decode(&found), &original), psnr(&expected, &original));
        // A few coefficients rounded otherwise weigh the more the fewer there are.
        let tolerance = 2.0 + 800.0 / f64::from(width * height);
        prop_assert!(found_psnr > expected_psnr - tolerance, "{} dB, libjpeg {} dB", found_psnr, expected_psnr);
        let most = oracle.len() + oracle.len() / 50 + 24;
        prop_assert!(found.len() <= most, "{} bytes, libjpeg {}", found.len(), oracle.len());
    }

    #[test]
    fn noise_survives(
        samples in prop::collection::vec(any::<u8>(), 24 * 24),
        quality in prop::sample::select(vec![1_u8, 50, 90, 100]),
    ) {
        // Large differences everywhere, bytes of ones to stuff, the longest codes.
        let plane = Pixels::from_data(24, 24, Layout::Grey, samples);
        let found = encode(std::slice::from_ref(&plane), Sampling::Grey, quality, Simd::best());
        prop_assert_eq!(&found, &encode(std::slice::from_ref(&plane), Sampling::Grey, quality, Simd::SCALAR));
        let found = decode(&found);
        if quality == 100 {
            prop_assert!(psnr(&found, &plane) > 45.0);
        }
    }
}

/// A picture's bytes as a share of those of libjpeg-turbo's file with the standard's tables, and of that with tables made for
/// the picture. Both are as good.
fn shares(size: (u32, u32), quality: u8, sampling: Sampling, number: i32) -> [f64; 2] {
    let picture = photo(size.0, size.1);
    let found = encode(&planes(&picture, sampling), sampling, quality, Simd::best());
    [false, true].map(|tight| {
        let oracle = sampled_jpeg(&picture, quality, number, 0, tight);
        let (found_psnr, expected_psnr) = (psnr(&decode(&found), &picture), psnr(&decode(&oracle), &picture));
        assert!((found_psnr - expected_psnr).abs() < 0.15, "{found_psnr} dB, libjpeg {expected_psnr} dB");
        found.len() as f64 / oracle.len() as f64
    })
}

#[test]
fn a_small_picture_has_tables_of_its_own() {
    for (quality, sampling, number) in [(80, Sampling::Halved, 2), (90, Sampling::Full, 0)] {
        let [standard, own] = shares((240, 160), quality, sampling, number);
        assert!(standard < 1.0 && (own - 1.0).abs() < 0.01, "{standard} and {own} of libjpeg's bytes");
    }
}

#[test]
fn the_tables_of_a_large_picture_are_nearly_as_good_as_its_own_would_be() {
    let [standard, own] = shares((1280, 853), 95, Sampling::Full, 0);
    assert!(standard < 0.99 && own < 1.01, "{standard} and {own} of libjpeg's bytes");
}

#[test]
fn what_comes_after_the_tables_can_be_written_too() {
    // Most of what waits is flat, and noise follows.
    let mut noise = 9_u32;
    let mut plane = Pixels::zeroed(1024, 4352, Layout::Grey);
    for sample in plane.data.iter_mut().skip(1024 * 4096) {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample = (noise >> 24) as u8;
    }
    for quality in [50, 100] {
        let found = encode(std::slice::from_ref(&plane), Sampling::Grey, quality, Simd::best());
        let distance = psnr(&decode(&found), &plane);
        let expected = psnr(&decode(&encode_whole(&plane, quality)), &plane);
        assert!((distance - expected).abs() < 0.2, "{distance} dB, libjpeg {expected} dB");
    }
}

fn encode_whole(plane: &Pixels, quality: u8) -> Vec<u8> {
    let encoding = crate::encode::Encoding::new(Format::Jpeg, quality);
    crate::encode::encode(plane, &encoding, None, &CancelToken::new()).unwrap()
}

/// Coefficients by the definition of the transform, in double precision; they lie as the encoder's do.
fn definition(samples: &[u8], stride: usize) -> [f64; 64] {
    let basis = |x: usize, u: usize| {
        let factor = if u == 0 { 0.5_f64.sqrt() } else { 1.0 };
        factor * ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos()
    };
    std::array::from_fn(|at| {
        let (u, v) = (at / 8, at % 8);
        let mut sum = 0.0;
        for y in 0..8 {
            for x in 0..8 {
                sum += (f64::from(samples[y * stride + x]) - 128.0) * basis(x, u) * basis(y, v);
            }
        }
        sum / 4.0
    })
}

/// That two blocks are transformed and divided by definition, with vectors and without. `steps` lie row by row.
fn assert_transformed(samples: &[u8], stride: usize, steps: &[u16; 64]) {
    let quantiser = Quantiser::new(steps);
    let exact = [0, 8].map(|left| definition(&samples[left..], stride));
    for simd in [Simd::SCALAR, Simd::best()] {
        let mut found = [[99; 64]; 2];
        let busy = fdct::pair(simd, samples, stride, &quantiser, &mut found);
        for ((found, busy), exact) in found.iter().zip(busy).zip(&exact) {
            for at in 0..64 {
                let (across, down) = (at / 8, at % 8);
                let step = f64::from(steps[down * 8 + across]);
                let (value, exact) = (found[at], exact[at]);
                // Half a step for the division and a quarter of one for two passes in integers.
                assert!(
                    (f64::from(value) - exact / step).abs() <= 0.5 + 0.25 / step,
                    "{simd:?}: {value} for {exact} by {step} at {across},{down}"
                );
                assert_eq!((busy >> at) & 1 == 1, value != 0, "{simd:?}: {value} at {across},{down}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_transform_follows_its_definition(
        samples in prop::collection::vec(any::<u8>(), 8 * 40),
        stride in prop::sample::select(vec![16_usize, 24, 40]),
        steps in prop::collection::vec(1..=255_u16, 64),
    ) {
        assert_transformed(&samples, stride, &[1; 64]);
        assert_transformed(&samples, stride, &steps.try_into().unwrap());
    }
}

/// Black, white and the checkerboard are among them.
#[test]
fn the_largest_coefficients_fit() {
    for (u, v) in (0..8).flat_map(|v| (0..8).map(move |u| (u, v))) {
        let wave = |at: usize, frequency: usize| {
            ((2 * at + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0).cos()
        };
        // What shows most of one frequency, and its negative.
        let mut samples = [0; 128];
        for (at, sample) in samples.iter_mut().enumerate() {
            let (x, y) = (at % 16, at / 16);
            let above = wave(x % 8, u) * wave(y, v) > 0.0;
            *sample = if above == (x < 8) { 255 } else { 0 };
        }
        for step in [1, 16, 255] {
            assert_transformed(&samples, 16, &[step; 64]);
        }
    }
}

#[test]
fn quantisation_is_division() {
    for step in 1..=255_u16 {
        let quantiser = Quantiser::new(&[step; 64]);
        for value in 0..16_384_u32 {
            let size = value + u32::from(quantiser.half[0]);
            let product = (size * u32::from(quantiser.reciprocal[0])) >> 16;
            let found = (product * u32::from(quantiser.scale[0])) >> 16;
            let divisor = u32::from(step) * 8;
            assert_eq!(found, (value + divisor / 2) / divisor, "{value} by {divisor}");
        }
    }
}
