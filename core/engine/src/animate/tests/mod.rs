//! Animations in, animations out, read by another decoder. Every frame must be what the same transformation makes of the
//! composed frame alone.

mod kept;
mod limits;

use std::io::Cursor;

use ::gif::DisposalMethod;
use image::codecs::{gif::GifDecoder, webp::WebPDecoder};
use image::{AnimationDecoder, RgbaImage};

use super::*;
use crate::decode::{self, Plays};
use crate::encode::samples::{file, riff, vp8x, webp};
use crate::format::Format;
use crate::header::Header;
use crate::limits::{CancelToken, Limits};
use crate::pixels::Layout;
use crate::transform::{Output, header, transform};
use crate::transformation::Transformation;

const SIZE: (u32, u32) = (61, 43);

/// A frame of a source: its place, what becomes of it, whether it is laid over the others, its delay.
struct Scene {
    place: [u32; 4],
    disposal: DisposalMethod,
    blend: bool,
    delay_ms: u32,
}

fn scenes() -> Vec<Scene> {
    let scene = |place, disposal, blend, delay_ms| Scene { place, disposal, blend, delay_ms };
    vec![
        scene([0, 0, 61, 43], DisposalMethod::Keep, true, 70),
        scene([6, 4, 20, 17], DisposalMethod::Background, true, 40),
        scene([30, 12, 25, 30], DisposalMethod::Previous, false, 110),
        scene([8, 20, 40, 15], DisposalMethod::Any, true, 0),
        scene([0, 0, 61, 43], DisposalMethod::Background, false, 90),
        scene([2, 2, 7, 9], DisposalMethod::Keep, true, 60),
        scene([2, 2, 7, 9], DisposalMethod::Keep, true, 250),
        scene([0, 0, 31, 43], DisposalMethod::Keep, false, 20),
    ]
}

/// Shapes of a few colours around a hole, different for every `seed`. `soft` has pixels that are half transparent.
fn shapes(width: u32, height: u32, seed: u32, soft: bool) -> Pixels {
    let mut pixels = Pixels::zeroed(width, height, Layout::Rgba);
    for (i, pixel) in pixels.data.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let (x, y) = (i as u32 % width, i as u32 / width);
        let level = |n: u32, of: u32| (40 + 170 * (n * 5 / of.max(1)) / 5) as u8;
        let hole = (x * 2).abs_diff(width) + (y * 2).abs_diff(height) < width.min(height) / 2;
        let alpha = match hole {
            true => 0,
            false if soft && (x + y + seed).is_multiple_of(7) => 130,
            false => 255,
        };
        *pixel = [level(x, width), level(y, height), (seed * 53 % 256) as u8, alpha];
        if alpha == 0 {
            *pixel = [0; 4];
        }
    }
    pixels
}

/// `times` as the file says it: nothing for a file that says nothing.
fn animated_gif(scenes: &[Scene], times: Option<::gif::Repeat>) -> Vec<u8> {
    let mut encoder = ::gif::Encoder::new(Vec::new(), SIZE.0 as u16, SIZE.1 as u16, &[]).unwrap();
    if let Some(times) = times {
        encoder.set_repeat(times).unwrap();
    }
    for (seed, scene) in (0..).zip(scenes) {
        let [left, top, width, height] = scene.place.map(|side| side as u16);
        let mut data = shapes(width.into(), height.into(), seed, false).data;
        let frame = ::gif::Frame {
            left,
            top,
            delay: (scene.delay_ms / 10) as u16,
            dispose: scene.disposal,
            ..::gif::Frame::from_rgba(width, height, &mut data)
        };
        encoder.write_frame(&frame).unwrap();
    }
    encoder.into_inner().unwrap()
}

fn anmf(scene: &Scene, pixels: &Pixels) -> Vec<u8> {
    let u24 = |n: u32| n.to_le_bytes()[..3].to_vec();
    let [left, top, width, height] = scene.place;
    let clear = scene.disposal == DisposalMethod::Background;
    let still = file(pixels, Format::Webp);
    let head = [left / 2, top / 2, width - 1, height - 1, scene.delay_ms].map(u24).concat();
    riff(*b"ANMF", &[&head[..], &[u8::from(!scene.blend) * 2 + u8::from(clear)], &still[12..]].concat())
}

/// `before` goes in front of the frames and `after` behind them; `flags` say so.
fn animated_webp(scenes: &[Scene], times: u16, flags: u8, before: Vec<u8>, after: Vec<u8>) -> Vec<u8> {
    let loops = [&[0; 4][..], &times.to_le_bytes()].concat();
    let mut chunks = vec![vp8x(0x02 | 0x10 | flags, SIZE.0, SIZE.1), before, riff(*b"ANIM", &loops)];
    for (seed, scene) in (0..).zip(scenes) {
        chunks.push(anmf(scene, &shapes(scene.place[2], scene.place[3], seed, true)));
    }
    chunks.push(after);
    webp(&chunks)
}

fn plain_webp(times: u16) -> Vec<u8> {
    animated_webp(&scenes(), times, 0, Vec::new(), Vec::new())
}

fn request(json: &str) -> Transformation {
    serde_json::from_str(json).unwrap()
}

fn run(source: &[u8], json: &str) -> Output {
    try_run(source, json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn try_run(source: &[u8], json: &str) -> Result<Output, Error> {
    transform(source, None, &request(json), &Limits::default(), &CancelToken::new())
}

/// The composed frames with their delays in milliseconds, as another decoder sees them.
fn composed(file: &[u8]) -> Vec<(RgbaImage, u32)> {
    let frames = match Format::sniff(file) {
        Some(Format::Gif) => GifDecoder::new(Cursor::new(file)).unwrap().into_frames(),
        Some(Format::Webp) => {
            let mut decoder = WebPDecoder::new(Cursor::new(file)).unwrap();
            // Without one it doesn't clear anything.
            decoder.set_background_color(image::Rgba([0; 4])).unwrap();
            decoder.into_frames()
        }
        other => panic!("{other:?} is not animated"),
    };
    let frame = |frame: image::Frame| {
        let (ms, one) = frame.delay().numer_denom_ms();
        (frame.into_buffer(), ms / one)
    };
    frames.map(|found| frame(found.unwrap())).collect()
}

fn png(picture: &RgbaImage) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    file(&Pixels::from_data(width, height, Layout::Rgba, picture.as_raw().clone()), Format::Png)
}

/// A file of one frame.
fn still(output: &Output) -> RgbaImage {
    let limits = Limits::default();
    let header = header(&output.bytes, &limits).unwrap();
    let pixels = decode::decode(&output.bytes, &header, 8, &limits, &CancelToken::new()).unwrap().pixels;
    let pixels = crate::encode::expand::to(&pixels, Layout::Rgba).into_owned();
    RgbaImage::from_raw(pixels.width, pixels.height, pixels.data).unwrap()
}

/// The distance in decibels of two pictures over grey.
fn psnr(a: &RgbaImage, b: &RgbaImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let over = |picture: &RgbaImage| -> Vec<f64> {
        let sample = |p: &image::Rgba<u8>| {
            let alpha = f64::from(p.0[3]) / 255.0;
            [0, 1, 2].map(|i| f64::from(p.0[i]) * alpha + 128.0 * (1.0 - alpha))
        };
        picture.pixels().flat_map(sample).collect()
    };
    let (a, b) = (over(a), over(b));
    let squares: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) / (squares / a.len() as f64).max(1e-3)).log10()
}

fn plays(file: &[u8]) -> Plays {
    let limits = Limits::default();
    let header = header(file, &limits).unwrap();
    let mut animation = Animation::open(file, &header, &limits).unwrap();
    animation.advance(&CancelToken::new()).unwrap();
    animation.plays()
}

const REQUESTS: [&str; 13] = [
    r#"{"format":"F"}"#,
    r#"{"format":"F","width":30}"#,
    r#"{"format":"F","width":90,"height":50,"fit":"fill"}"#,
    r#"{"format":"F","width":40,"height":40,"fit":"contain","background":"teal"}"#,
    r#"{"format":"F","crop":{"left":5,"top":3,"width":31,"height":22}}"#,
    r#"{"format":"F","rotation":90}"#,
    r#"{"format":"F","rotation":30}"#,
    r#"{"format":"F","flip":true}"#,
    r#"{"format":"F","flop":true,"grayscale":true}"#,
    r#"{"format":"F","blur":1.5}"#,
    r#"{"format":"F","sharpen":true,"background":"olive"}"#,
    r#"{"format":"F","watermarkText":"moving"}"#,
    r#"{"format":"F","width":41,"watermark":{"text":"x","tile":true,"rotation":20}}"#,
];

/// Compares a result with what becomes of each composed frame of the source alone.
fn like_each_alone(source: &[u8], json: &str, least: f64) {
    let output = run(source, json);
    let (before, after) = (composed(source), composed(&output.bytes));
    assert_eq!(before.len(), after.len(), "{json}");
    for (index, ((source, delay), (found, found_delay))) in before.iter().zip(&after).enumerate() {
        assert_eq!(delay, found_delay, "{json}, frame {index}");
        assert_eq!(found.dimensions(), (output.width, output.height));
        let alone = still(&run(&png(source), json));
        if output.format == Format::Gif {
            let hidden = |picture: &RgbaImage| picture.pixels().map(|p| p.0[3]).collect::<Vec<_>>();
            assert_eq!(hidden(found), hidden(&alone), "{json}, frame {index}");
            // Both have a palette; neither is to be further from the colours that were there.
            let exact = solid(still(&run(&png(source), &json.replace("gif", "png"))));
            let (found, alone) = (psnr(found, &exact), psnr(&alone, &exact));
            assert!(found > least.min(alone - 1.0), "{json}, frame {index}: {found:.1} dB, alone {alone:.1}");
        } else {
            let distance = psnr(found, &alone);
            assert!(distance > least, "{json}, frame {index}: {distance:.1} dB");
        }
    }
}

/// What a GIF shows of a picture if it has colours enough.
fn solid(mut picture: RgbaImage) -> RgbaImage {
    for pixel in picture.pixels_mut() {
        pixel.0[3] = if pixel.0[3] < 128 { 0 } else { 255 };
    }
    picture
}

#[test]
fn every_frame_is_what_it_would_be_alone() {
    for source in [animated_gif(&scenes(), None), plain_webp(0)] {
        for json in REQUESTS {
            like_each_alone(&source, &json.replace('F', "gif"), 30.0);
            like_each_alone(&source, &json.replace(r#""F""#, r#""webp","lossless":true"#), 42.0);
        }
        like_each_alone(&source, r#"{"format":"webp","quality":95}"#, 30.0);
        like_each_alone(&source, r#"{"format":"webp","quality":95,"width":120}"#, 30.0);
    }
}

#[test]
fn other_formats_take_the_first_frame() {
    for source in [animated_gif(&scenes(), None), plain_webp(0)] {
        let first = png(&composed(&source)[0].0);
        for format in ["png", "jpeg", "avif"] {
            let json = format!(r#"{{"width":30,"format":"{format}"}}"#);
            let distance = psnr(&still(&run(&source, &json)), &still(&run(&first, &json)));
            assert!(distance > 36.0, "{format}: {distance:.1} dB");
        }
    }
}

#[test]
fn what_draws_the_eye_first_stays_in_view() {
    // Detail on the left of the first frame and on the right of the second, on an even ground.
    let frame = |left: u16| {
        let mut data = [90, 90, 90, 255].repeat(60 * 20);
        for (i, pixel) in data.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let x = i as u16 % 60;
            if (left..left + 14).contains(&x) && (x + i as u16 / 60).is_multiple_of(3) {
                *pixel = [250, 20, 20, 255];
            }
        }
        ::gif::Frame::from_rgba(60, 20, &mut data)
    };
    let mut encoder = ::gif::Encoder::new(Vec::new(), 60, 20, &[]).unwrap();
    encoder.write_frame(&frame(2)).unwrap();
    encoder.write_frame(&frame(44)).unwrap();
    let source = encoder.into_inner().unwrap();
    for position in ["attention", "entropy"] {
        let json = format!(r#"{{"width":20,"height":20,"position":"{position}"}}"#);
        let frames = composed(&run(&source, &json).bytes);
        let red = |picture: &RgbaImage| picture.pixels().filter(|p| p.0[0] > 180).count();
        assert!(red(&frames[0].0) > 50, "{position}");
        assert_eq!(red(&frames[1].0), 0, "{position}");
    }
}
