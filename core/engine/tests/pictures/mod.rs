//! Synthetic pictures, and what the tests need to look at results. Each test binary uses a part of it.
#![allow(dead_code, reason = "every test binary compiles this file and uses a part of it")]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use pixmill_engine::{CancelToken, Error, Limits, Output, Transformation, transform};

/// Smooth shapes with a few edges, different in every corner, so that no mirroring goes unnoticed.
pub(crate) fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let wave = (u * 9.0).sin() * (v * 7.0 + u * 3.0).cos();
        let disc = if (u - 0.3).hypot(v - 0.6) < 0.2 { 60.0 } else { 0.0 };
        let level = |base: f64| (base + wave * 40.0 + disc).clamp(0.0, 255.0) as u8;
        Rgb([level(40.0 + u * 150.0), level(50.0 + v * 130.0), level(170.0 - u * 60.0 - v * 60.0)])
    })
}

/// The same shapes behind a soft round hole.
pub(crate) fn with_hole(width: u32, height: u32) -> RgbaImage {
    let photo = photo(width, height);
    RgbaImage::from_fn(width, height, |x, y| {
        let Rgb([red, green, blue]) = *photo.get_pixel(x, y);
        let (u, v) = (f64::from(x) / f64::from(width) - 0.5, f64::from(y) / f64::from(height) - 0.5);
        Rgba([red, green, blue, (u.hypot(v) * 900.0 - 120.0).clamp(0.0, 255.0) as u8])
    })
}

pub(crate) fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.into().write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

/// Made by the engine itself, which is the only JPEG encoder at hand.
pub(crate) fn jpeg(picture: RgbImage, quality: u8) -> Vec<u8> {
    run(&png(picture), &format!(r#"{{"format":"jpeg","quality":{quality}}}"#)).bytes
}

/// A JPEG with an EXIF segment that holds nothing but the orientation.
pub(crate) fn oriented(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE1];
    bytes.extend(u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&jpeg[2..]);
    bytes
}

pub(crate) fn request(json: &str) -> Transformation {
    serde_json::from_str(json).unwrap()
}

pub(crate) fn try_run(source: &[u8], json: &str) -> Result<Output, Error> {
    transform(source, None, &request(json), &Limits::default(), &CancelToken::new())
}

pub(crate) fn run(source: &[u8], json: &str) -> Output {
    try_run(source, json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// The result, which must be a PNG, as a picture.
pub(crate) fn picture(source: &[u8], json: &str) -> DynamicImage {
    decode(&run(source, json).bytes)
}

pub(crate) fn decode(png: &[u8]) -> DynamicImage {
    image::load_from_memory_with_format(png, ImageFormat::Png).unwrap()
}

/// Peak signal-to-noise ratio in decibels over all samples.
pub(crate) fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let squares: f64 =
        a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) / (squares / a.as_raw().len() as f64).max(1e-9)).log10()
}

/// Resampling by its definition, a pixel at a time in double precision: Lanczos with three lobes, stretched over the
/// source when shrinking. `region` is left, top, width and height.
pub(crate) fn lanczos(source: &RgbImage, region: [f64; 4], (width, height): (u32, u32)) -> RgbImage {
    let kernel = |x: f64| {
        let sinc = |x: f64| {
            if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) }
        };
        if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }
    };
    let weights = |at: u32, count: u32, start: f64, length: f64, limit: u32| -> Vec<(u32, f64)> {
        let scale = length / f64::from(count);
        let (middle, stretch) = (start + (f64::from(at) + 0.5) * scale, scale.max(1.0));
        let weights: Vec<_> = (0..limit)
            .map(|i| (i, kernel((f64::from(i) + 0.5 - middle) / stretch)))
            .filter(|w| w.1 != 0.0)
            .collect();
        let sum: f64 = weights.iter().map(|weight| weight.1).sum();
        weights.into_iter().map(|(i, weight)| (i, weight / sum)).collect()
    };
    let rows: Vec<_> =
        (0..height).map(|y| weights(y, height, region[1], region[3], source.height())).collect();
    let columns: Vec<_> =
        (0..width).map(|x| weights(x, width, region[0], region[2], source.width())).collect();
    RgbImage::from_fn(width, height, |x, y| {
        let mut sum = [0.0; 3];
        for &(v, down) in &rows[y as usize] {
            for &(u, across) in &columns[x as usize] {
                let sample = source.get_pixel(u, v).0;
                (0..3).for_each(|i| sum[i] += down * across * f64::from(sample[i]));
            }
        }
        Rgb(sum.map(|value| value.round().clamp(0.0, 255.0) as u8))
    })
}
