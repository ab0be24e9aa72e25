//! The resampler against its definition, and its vector form against the plain one.

use std::f64::consts::PI;

use proptest::prelude::*;

use super::*;

/// Weights by definition: sinc(x) sinc(x/3), stretched when shrinking, over the samples inside `bounds`.
fn weights(bounds: (usize, usize), start: f64, length: f64, count: usize, at: usize) -> Vec<(usize, f64)> {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
    let kernel = |x: f64| if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
    let scale = length / count as f64;
    let middle = start + (at as f64 + 0.5) * scale;
    let weight = |i: usize| (i, kernel((i as f64 + 0.5 - middle) / scale.max(1.0)));
    let weights: Vec<_> = (bounds.0..bounds.1).map(weight).collect();
    let sum: f64 = weights.iter().map(|weight| weight.1).sum();
    weights.into_iter().map(|(i, weight)| (i, weight / sum)).collect()
}

fn run(plane: &[u8], width: usize, columns: Axis, rows: Axis, simd: Simd) -> Vec<u8> {
    let (across, down) = (columns.count(), rows.count());
    let mut resampler = Resampler::new(Arc::new(columns), Arc::new(rows), simd);
    let mut out = vec![0; across * down];
    let mut next = 0;
    for (y, row) in plane.chunks_exact(width).enumerate() {
        resampler.push(y, row);
        while next < down && resampler.has(1) {
            resampler.pull(&mut out[next * across..][..across]);
            next += 1;
        }
    }
    assert_eq!(next, down);
    out
}

fn plane(width: usize, height: usize) -> Vec<u8> {
    let sample = |i: usize| {
        let (x, y) = ((i % width) as f64, (i / width) as f64);
        (128.0 + 90.0 * (x * 0.7).sin() * (y * 0.4 + x * 0.1).cos() + ((i * 7919) % 37) as f64) as u8
    };
    (0..width * height).map(sample).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_sample_follows_the_definition(
        (width, height) in (1..=67_usize, 1..=67_usize),
        (across, down) in (1..=90_usize, 1..=90_usize),
        shares in (0.0..0.5, 0.0..0.5, 0.1..0.52, 0.1..0.52),
        whole in any::<bool>(),
    ) {
        let plane = plane(width, height);
        let (w, h) = (width as f64, height as f64);
        let (left, top, length, depth) =
            if whole { (0.0, 0.0, w, h) } else { (shares.0 * w, shares.1 * h, shares.2 * w, shares.3 * h) };
        let axes = || (Axis::new(0..width, left, length, across), Axis::new(0..height, top, depth, down));
        let found = run(&plane, width, axes().0, axes().1, Simd::best());
        prop_assert_eq!(&found, &run(&plane, width, axes().0, axes().1, Simd::SCALAR));
        for y in 0..down {
            let rows = weights((0, height), top, depth, down, y);
            for x in 0..across {
                let columns = weights((0, width), left, length, across, x);
                let mut sum = 0.0;
                for &(v, row) in &rows {
                    for &(u, column) in &columns {
                        sum += row * column * f64::from(plane[v * width + u]);
                    }
                }
                let found = f64::from(found[y * across + x]);
                prop_assert!((found - sum.clamp(0.0, 255.0)).abs() <= 1.0, "{},{}: {} is not {}", x, y, found, sum);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn interleaved_samples_are_planes(
        channels in 1..=4_usize,
        (width, height) in (1..=67_usize, 1..=40_usize),
        (across, down) in (1..=90_usize, 1..=60_usize),
        (left, length) in (0.0..0.5, 0.1..0.5),
    ) {
        let axes = || {
            let (left, length) = (left * width as f64, length * width as f64);
            let columns = Axis::new(0..width, left, length, across);
            (Arc::new(columns), Arc::new(Axis::new(0..height, 0.0, height as f64, down)))
        };
        let pixels = plane(width * channels, height);
        let (columns, rows) = axes();
        let mut resampler = Resampler::interleaved(channels, columns, rows, Simd::best());
        let mut found = vec![0; across * channels * down];
        let mut next = found.chunks_exact_mut(across * channels);
        for (y, row) in pixels.chunks_exact(width * channels).enumerate() {
            resampler.push(y, row);
            while resampler.next < down && resampler.has(1) {
                resampler.pull(next.next().unwrap());
            }
        }
        for channel in 0..channels {
            let plane: Vec<u8> = pixels.iter().skip(channel).step_by(channels).copied().collect();
            let (columns, rows) = axes();
            let (columns, rows) = (Arc::try_unwrap(columns).unwrap(), Arc::try_unwrap(rows).unwrap());
            let expected = run(&plane, width, columns, rows, Simd::SCALAR);
            prop_assert!(found.iter().skip(channel).step_by(channels).eq(&expected), "channel {}", channel);
        }
    }
}

#[test]
fn a_part_at_its_own_size_is_copied() {
    let plane = plane(40, 30);
    let found =
        run(&plane, 40, Axis::new(0..40, 7.0, 20.0, 20), Axis::new(0..30, 5.0, 11.0, 11), Simd::best());
    for (y, row) in found.chunks_exact(20).enumerate() {
        assert_eq!(row, &plane[(5 + y) * 40 + 7..][..20]);
    }
}

#[test]
fn only_rows_under_the_kernel_are_held() {
    let (columns, rows) = (Axis::new(0..8, 0.0, 8.0, 4), Axis::new(0..4000, 0.0, 4000.0, 2000));
    let mut resampler = Resampler::new(Arc::new(columns), Arc::new(rows), Simd::best());
    let (mut out, mut next) = ([0; 4], 0);
    for y in 0..4000 {
        resampler.push(y, &[9; 8]);
        while next < 2000 && resampler.has(1) {
            resampler.pull(&mut out);
            next += 1;
        }
        assert!(resampler.held.len() <= 14, "{} rows are held", resampler.held.len());
    }
    assert_eq!((next, out), (2000, [9; 4]));
}
