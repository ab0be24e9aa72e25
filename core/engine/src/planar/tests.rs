//! The short way against the general one, and both against a full decode with Lanczos in double precision.

use std::f64::consts::PI;

use proptest::prelude::*;

use super::*;
use crate::encode::expand;
use crate::encode::samples::{SAMPLINGS, gradient, oriented, photo, sampled_jpeg};
use crate::header::Orientation;
use crate::limits::Limits;
use crate::ops;
use crate::transform::{general, header, transform};
use crate::transformation::Transformation;

fn request(json: &str) -> Transformation {
    serde_json::from_str(json).unwrap()
}

/// The short way for one plan.
fn alone(job: Job<'_>, steps: &[Step], profile: bool) -> Result<Option<Found>, Error> {
    let plan = Plan { steps, peak_bytes: 0, wanted: true };
    let [answer] = run(job, &[plan], |_| Ok(profile), |_, found| Ok(found))?.try_into().unwrap();
    answer.transpose()
}

/// The result of the short way, which must be there.
fn short(source: &[u8], json: &str) -> Found {
    let limits = Limits::default();
    let header = header(source, &limits).unwrap();
    let plan = crate::plan::plan(&header, &request(json), &limits).unwrap();
    let job = Job { source, header: &header, overlay: None, limits: &limits, cancel: &CancelToken::new() };
    let found = alone(job, plan.steps(), false).unwrap();
    found.unwrap_or_else(|| panic!("no short way for {json}:\n{plan}"))
}

fn file(source: &[u8], json: &str) -> Vec<u8> {
    match short(source, json) {
        Found::File(bytes) => bytes,
        Found::Pixels(..) => panic!("{json} needs no RGB"),
    }
}

fn decode(file: &[u8]) -> Pixels {
    let limits = Limits::default();
    let header = header(file, &limits).unwrap();
    decode::decode(file, &header, 8, &limits, &CancelToken::new()).unwrap().pixels
}

/// The distance of two pictures. One of them may be of a format that has no grey.
fn psnr(a: &Pixels, b: &Pixels) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let [a, b] = [a, b].map(|pixels| expand::to(pixels, Layout::Rgb));
    let squares: f64 = a.data.iter().zip(&b.data).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) / (squares / a.data.len() as f64).max(1e-3)).log10()
}

/// The whole picture resampled by definition.
fn lanczos(picture: &Pixels, (width, height): (u32, u32)) -> Pixels {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
    let kernel = |x: f64| if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
    let weights = |from: u32, to: u32, at: u32| -> Vec<f64> {
        let scale = f64::from(from) / f64::from(to);
        let middle = (f64::from(at) + 0.5) * scale;
        let weights: Vec<f64> =
            (0..from).map(|i| kernel((f64::from(i) + 0.5 - middle) / scale.max(1.0))).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    };
    let rows: Vec<Vec<f64>> = (0..height)
        .map(|y| {
            let weights = weights(picture.height, height, y);
            let column = |at: usize| {
                weights.iter().enumerate().map(|(v, w)| w * f64::from(picture.row(v as u32)[at])).sum()
            };
            (0..picture.stride()).map(column).collect()
        })
        .collect();
    let channels = picture.layout.channels();
    let mut out = Pixels::zeroed(width, height, picture.layout);
    for x in 0..width {
        let weights = weights(picture.width, width, x);
        for (y, row) in rows.iter().enumerate() {
            for c in 0..channels {
                let sum: f64 = weights.iter().enumerate().map(|(u, w)| w * row[u * channels + c]).sum();
                out.data[(y * width as usize + x as usize) * channels + c] =
                    sum.round().clamp(0.0, 255.0) as u8;
            }
        }
    }
    out
}

/// Gentle ramps, so that what the ways may do differently (the chroma of edges) doesn't matter. Turned or mirrored wrongly it
/// is at 22 dB.
fn ramps(width: u32, height: u32) -> Pixels {
    let mut pixels = gradient(width, height, Layout::Rgb);
    pixels.data.iter_mut().for_each(|sample| *sample = 96 + *sample / 4);
    pixels
}

/// Waves in brightness alone or in colour alone, by which a picture that lies one pixel off can be told.
fn waves(width: u32, height: u32, in_colour: bool) -> Pixels {
    let mut pixels = Pixels::zeroed(width, height, Layout::Rgb);
    for (i, pixel) in pixels.data.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = (f64::from(i as u32 % width), f64::from(i as u32 / width));
        let wave = |at: f64, period: f64| (at * std::f64::consts::TAU / period).sin();
        let (luma, blue, red) = if in_colour {
            (128.0, 40.0 * wave(x + y / 3.0, 22.0), 40.0 * wave(y + x / 5.0, 27.0))
        } else {
            (128.0 + 45.0 * wave(x + y / 4.0, 13.0) + 45.0 * wave(y, 17.0), 0.0, 0.0)
        };
        let rgb = [luma + 1.402 * red, luma - 0.344 * blue - 0.714 * red, luma + 1.772 * blue];
        *pixel = rgb.map(|sample| sample.round() as u8);
    }
    pixels
}

/// The part that two pictures share when one is moved by this much.
fn moved(pixels: &Pixels, (across, down): (i32, i32)) -> Pixels {
    let part = |at: i32, side: u32| (at.max(0).unsigned_abs(), side - at.unsigned_abs());
    let ((left, width), (top, height)) = (part(across, pixels.width), part(down, pixels.height));
    ops::crop(pixels, ops::Rect { left, top, width, height })
}

/// That nothing lies nearer when it is moved by a pixel.
fn assert_in_place(found: &Pixels, expected: &Pixels, what: &str) {
    let distance = psnr(found, expected);
    for (across, down) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
        let elsewhere = psnr(&moved(found, (across, down)), &moved(expected, (-across, -down)));
        assert!(
            distance > elsewhere + 1.0,
            "{what}: {distance:.1} dB, moved {across},{down} {elsewhere:.1} dB"
        );
    }
}

const REQUESTS: [&str; 11] = [
    r#"{"quality":95}"#,
    r#"{"quality":85}"#,
    r#"{"quality":85,"flop":true}"#,
    r#"{"quality":85,"rotation":90}"#,
    r#"{"quality":85,"rotation":180}"#,
    r#"{"quality":85,"width":23}"#,
    r#"{"quality":95,"width":31,"height":17}"#,
    r#"{"quality":85,"width":60,"height":41,"fit":"fill","rotation":270,"flip":true}"#,
    r#"{"quality":90,"format":"webp"}"#,
    r#"{"quality":90,"format":"webp","rotation":90,"flop":true}"#,
    r#"{"quality":90,"format":"webp","width":23}"#,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_give_the_same_picture(
        (width, height) in (1..=67_u32, 1..=67_u32),
        sampling in prop::sample::select(&SAMPLINGS[..]),
        restart in prop::sample::select(vec![0_u16, 1, 2]),
        orientation in 1..=8_u8,
        json in prop::sample::select(&REQUESTS[..]),
    ) {
        let source = sampled_jpeg(&ramps(width, height), 95, sampling, restart, false);
        let source = oriented(&source, orientation);
        let (found, expected) = (decode(&file(&source, json)), decode(&general(&source, &request(json)).unwrap()));
        let distance = psnr(&found, &expected);
        // A ramp over three pixels is an edge after all.
        let least = if width.min(height) < 16 { 25.0 } else { 32.0 };
        prop_assert!(distance > least, "{} dB", distance);
    }

    #[test]
    fn both_ways_put_it_into_the_same_place(
        (width, height) in (24..=67_u32, 24..=67_u32),
        sampling in prop::sample::select(&SAMPLINGS[..]),
        orientation in 1..=8_u8,
        json in prop::sample::select(&REQUESTS[..]),
    ) {
        for in_colour in [false, true] {
            let source = sampled_jpeg(&waves(width, height, in_colour), 95, sampling, 0, false);
            // There is no colour in grey, and where chroma has a quarter of the resolution there is not enough of it.
            if in_colour && matches!(sampling, 3 | 5 | 6) {
                continue;
            }
            let source = oriented(&source, orientation);
            let (found, expected) = (decode(&file(&source, json)), decode(&general(&source, &request(json)).unwrap()));
            let what = format!("{json} in colour: {in_colour}");
            assert_in_place(&found, &expected, &what);
        }
    }

    #[test]
    fn crops_lie_where_they_should(
        (width, height) in (20..=67_u32, 20..=67_u32),
        (left, top) in (0..10_u32, 0..10_u32),
        sampling in prop::sample::select(&SAMPLINGS[..]),
        orientation in 1..=8_u8,
        shrunk in any::<bool>(),
    ) {
        let source = sampled_jpeg(&waves(width, height, false), 95, sampling, 0, false);
        let source = oriented(&source, orientation);
        let size = if shrunk { r#","width":9,"height":8"# } else { "" };
        let json = format!(r#"{{"quality":95,"crop":{{"left":{left},"top":{top},"width":10,"height":9}}{size}}}"#);
        let (found, expected) = (decode(&file(&source, &json)), decode(&general(&source, &request(&json)).unwrap()));
        assert_in_place(&found, &expected, &json);
    }

    #[test]
    fn vectors_make_no_difference(
        (width, height) in (1..=67_u32, 1..=67_u32),
        sampling in prop::sample::select(&SAMPLINGS[..]),
        json in prop::sample::select(&REQUESTS[..]),
    ) {
        let source = sampled_jpeg(&photo(width, height), 85, sampling, 0, true);
        let limits = Limits::default();
        let header = header(&source, &limits).unwrap();
        let plan = crate::plan::plan(&header, &request(json), &limits).unwrap();
        let (frame, route) = (Frame::parse(&source).ok().unwrap(), Route::of(plan.steps()).unwrap());
        let cancel = CancelToken::new();
        let job = Job { source: &source, header: &header, overlay: None, limits: &limits, cancel: &cancel };
        let told = Plan { steps: plan.steps(), peak_bytes: 0, wanted: true };
        let run = |simd| match flow::run(job, &frame, std::slice::from_ref(&route), &[told], simd, |_, found| Ok(found)) {
            Ok(answers) => match &answers[..] {
                [Some(Ok(Found::File(bytes)))] => bytes.clone(),
                _ => panic!("{json} ends in a file"),
            },
            Err(Stop::Doubt | Stop::Failed(_)) => panic!("{json} has a short way"),
        };
        prop_assert_eq!(run(Simd::SCALAR), run(Simd::best()));
    }
}

#[test]
fn quality_is_not_below_the_general_ways() {
    for (size, sampling) in
        [((643, 479), 2), ((517, 701), 1), ((640, 480), 0), ((501, 333), 3), ((640, 480), 4)]
    {
        let source = sampled_jpeg(&photo(size.0, size.1), 92, sampling, 0, true);
        let full = decode(&source);
        for width in [61, 97, 160, 203, 320, 411] {
            // Planes for WebP are rounded twice, once to its range of 220 values, which shows in a picture as smooth as this.
            for (format, quality, less) in [("jpeg", 88, 0.5), ("jpeg", 97, 0.5), ("webp", 78, 1.3)] {
                let json = format!(r#"{{"width":{width},"format":"{format}","quality":{quality}}}"#);
                let found = decode(&file(&source, &json));
                let usual = decode(&general(&source, &request(&json)).unwrap());
                let exact = lanczos(&full, (found.width, found.height));
                let (found, usual) = (psnr(&found, &exact), psnr(&usual, &exact));
                // Where the scale alone gives the size, libjpeg's means over squares are a little nearer to Lanczos.
                assert!(
                    found > usual - less,
                    "{sampling} {json}: {found:.2} dB, the general way {usual:.2} dB"
                );
            }
        }
    }
}

#[test]
fn rgb_is_handed_on_where_something_else_follows() {
    let source = sampled_jpeg(&photo(400, 300), 90, 2, 0, true);
    let full = decode(&source);
    let Found::Pixels(pixels, 2) = short(&source, r#"{"width":150,"format":"png"}"#) else { panic!() };
    let exact = lanczos(&full, (150, 113));
    assert!(psnr(&pixels, &exact) > 36.0, "{:.2} dB", psnr(&pixels, &exact));
    let grey = sampled_jpeg(&photo(400, 300), 90, 3, 0, true);
    let Found::Pixels(pixels, 2) = short(&grey, r#"{"width":150,"blur":1}"#) else { panic!() };
    assert_eq!(pixels.layout, Layout::Grey);
}

#[test]
fn what_a_format_cant_say_and_what_it_stores_without_loss_goes_the_general_way() {
    let source = sampled_jpeg(&photo(40, 30), 85, 2, 0, false);
    let lossless = short(&source, r#"{"width":30,"format":"webp","lossless":true}"#);
    assert!(matches!(lossless, Found::Pixels(_, 2)));
    let wide = sampled_jpeg(&photo(16_384, 2), 85, 2, 0, false);
    let refused = |json| transform(&wide, None, &request(json), &Limits::default(), &CancelToken::new());
    let error = refused(r#"{"format":"webp"}"#).unwrap_err().to_string();
    assert!(error.contains("WebP") && error.contains("16383"), "{error}");
    assert_eq!(refused(r#"{"format":"jpeg"}"#).unwrap().width, 16_384);
}

#[test]
fn cut_files_get_the_same_answer() {
    let source = sampled_jpeg(&photo(40, 30), 85, 2, 1, false);
    for json in [r#"{"width":11}"#, r#"{"rotation":90}"#] {
        for end in 3..source.len() {
            let cut = &source[..end];
            let found = transform(cut, None, &request(json), &Limits::default(), &CancelToken::new());
            match (found, general(cut, &request(json))) {
                (Err(found), Err(expected)) => assert_eq!(found, expected, "cut at {end}"),
                (found, expected) => panic!("cut at {end}: {:?}, {:?}", found.is_ok(), expected.is_ok()),
            }
        }
    }
}

#[test]
fn it_can_be_stopped() {
    let source = sampled_jpeg(&photo(40, 30), 85, 2, 0, false);
    let limits = Limits::default();
    let header = header(&source, &limits).unwrap();
    assert_eq!(header.orientation, Orientation::UPRIGHT);
    let plan = crate::plan::plan(&header, &request(r#"{"width":20}"#), &limits).unwrap();
    let cancel = CancelToken::new();
    cancel.cancel();
    let job = Job { source: &source, header: &header, overlay: None, limits: &limits, cancel: &cancel };
    let found = alone(job, plan.steps(), false);
    assert!(matches!(found, Err(Error::Cancelled)));
}

#[test]
fn a_colour_profile_needs_rgb() {
    let source = sampled_jpeg(&photo(40, 30), 85, 2, 0, false);
    let limits = Limits::default();
    let header = header(&source, &limits).unwrap();
    let run = |json: &str| {
        let plan = crate::plan::plan(&header, &request(json), &limits).unwrap();
        let cancel = CancelToken::new();
        let job = Job { source: &source, header: &header, overlay: None, limits: &limits, cancel: &cancel };
        alone(job, plan.steps(), true).unwrap()
    };
    assert!(matches!(run(r#"{"width":30}"#), Some(Found::Pixels(_, 2))));
    assert!(run(r#"{"rotation":90}"#).is_none());
    assert!(run(r#"{"crop":{"left":1,"top":1,"width":9,"height":9}}"#).is_none());
}

#[test]
fn memory_is_told_for_the_file() {
    let limits = Limits::default();
    let peaks = |source: &[u8], json: &str| {
        let plan = crate::plan::plan(&header(source, &limits).unwrap(), &request(json), &limits).unwrap();
        (plan.peak_bytes(), plan.peak_bytes_for(source))
    };
    let source = sampled_jpeg(&photo(1600, 1200), 85, 2, 0, false);
    let (any, this) = peaks(&source, r#"{"quality":70,"format":"jpeg"}"#);
    // Neither three bytes a pixel nor one and a half, but strips and the file.
    assert!(any >= 3 * 1600 * 1200 && this < 1600 * 1200 * 2, "{any} {this}");
    let (_, turned) = peaks(&source, r#"{"rotation":90}"#);
    assert!(turned > this && turned < any, "{turned}");
    let progressive = crate::encode::samples::progressive_jpeg(&photo(1600, 1200));
    let (any, this) = peaks(&progressive, r#"{"quality":70,"format":"jpeg"}"#);
    // All coefficients beside the picture, which no header tells.
    assert!(this > any && this >= 9 * 1600 * 1200, "{any} {this}");
    // What may have to be coded anew from its coefficients needs all of them.
    let (any, this) = peaks(&source, r#"{"quality":70}"#);
    assert!(any >= 7 * 1600 * 1200 && this == any, "{any} {this}");
}

#[test]
fn watermarks_look_the_same_as_over_rgb() {
    for sampling in [0, 2, 3] {
        let source = oriented(&sampled_jpeg(&ramps(211, 153), 95, sampling, 0, false), 6);
        for json in [
            r#"{"quality":85,"watermarkText":"planes"}"#,
            r#"{"quality":95,"watermarkText":"planes","watermarkOpacity":1}"#,
            r#"{"quality":85,"flop":true,"watermark":{"text":"tiled","tile":true,"rotation":-30,"size":0.3}}"#,
            r#"{"quality":85,"width":100,"watermark":{"text":"x","position":"right-bottom","margin":1}}"#,
            r#"{"quality":95,"format":"webp","watermarkText":"planes","watermarkOpacity":1}"#,
        ] {
            let found = decode(&file(&source, json));
            let expected = decode(&general(&source, &request(json)).unwrap());
            let distance = psnr(&found, &expected);
            assert!(distance > 36.0, "{sampling} {json}: {distance:.1} dB");
            let plain = decode(&file(&source, r#"{"quality":95}"#));
            assert!(json.contains("width") || psnr(&found, &plain) < 33.0, "{json} does something");
        }
    }
    let grey = sampled_jpeg(&ramps(211, 153), 95, 3, 0, false);
    let json = r#"{"quality":85,"watermark":{"text":"red","colour":"red"}}"#;
    let red = transform(&grey, None, &request(json), &Limits::default(), &CancelToken::new()).unwrap();
    assert_eq!(decode(&red.bytes).layout, Layout::Rgb);
}
