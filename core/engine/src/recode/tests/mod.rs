//! Files that come back from a request which leaves the picture as it is.

mod parts;

use super::*;
use crate::decode::Decoded;
use crate::encode::encode;
use crate::encode::samples::{file, gradient, oriented, photo, progressive_jpeg, sampled_jpeg};
use crate::header::Orientation;
use crate::limits::{CancelToken, Limits};
use crate::ops;
use crate::pixels::Pixels;
use crate::transform::{header, transform};

fn run(source: &[u8], json: &str) -> Vec<u8> {
    let transformation: Transformation = serde_json::from_str(json).unwrap();
    transform(source, None, &transformation, &Limits::default(), &CancelToken::new()).unwrap().bytes
}

fn decoded(file: &[u8]) -> Pixels {
    let limits = Limits::default();
    let header = header(file, &limits).unwrap();
    let Decoded { pixels, .. } = decode::decode(file, &header, 8, &limits, &CancelToken::new()).unwrap();
    pixels
}

fn written(pixels: &Pixels, encoding: Encoding) -> Vec<u8> {
    encode(pixels, &encoding, None, &CancelToken::new()).unwrap()
}

fn distance(a: &Pixels, b: &Pixels) -> u8 {
    assert_eq!((a.width, a.height, a.layout), (b.width, b.height, b.layout));
    a.data.iter().zip(&b.data).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

#[test]
fn a_jpeg_comes_back_without_loss() {
    let photo = photo(320, 240);
    for source in [
        sampled_jpeg(&photo, 40, 2, 0, false),
        sampled_jpeg(&photo, 30, 0, 0, true),
        sampled_jpeg(&photo, 20, 1, 7, false),
        progressive_jpeg(&photo),
    ] {
        for json in [
            r#"{"quality":97}"#,
            r#"{"width":320}"#,
            r#"{"width":999,"withoutEnlargement":true,"quality":99}"#,
        ] {
            let found = run(&source, json);
            assert!(found.len() <= source.len(), "{json}: {} of {} bytes", found.len(), source.len());
            if json.contains("quality") {
                assert_eq!(distance(&decoded(&found), &decoded(&source)), 0, "{json}");
            }
        }
    }
}

#[test]
fn a_jpeg_that_lies_on_its_side_is_turned_without_loss() {
    let plain = sampled_jpeg(&photo(320, 240), 40, 2, 0, false);
    for value in 1..=8 {
        let source = oriented(&plain, value);
        let found = run(&source, r#"{"quality":95}"#);
        assert!(found.len() <= source.len());
        let upright = Turn::upright(Orientation::from_exif(value).unwrap());
        let expected = ops::orient(decoded(&plain), upright);
        // Chroma is enlarged and rows are transformed before columns, which a turn exchanges.
        assert!(distance(&decoded(&found), &expected) <= 6, "orientation {value}");
        assert!(!found.windows(4).any(|part| part == b"Exif"));
    }
}

#[test]
fn where_blocks_cannot_be_turned_quality_gives_way() {
    let plain = sampled_jpeg(&photo(317, 243), 40, 2, 0, false);
    let source = oriented(&plain, 3);
    let found = run(&source, r#"{"quality":95}"#);
    assert!(found.len() <= source.len(), "{} of {} bytes", found.len(), source.len());
}

#[test]
fn whoever_names_a_format_or_a_change_gets_it() {
    let source = sampled_jpeg(&photo(320, 240), 30, 2, 0, false);
    for json in [
        r#"{"format":"jpeg","quality":95}"#,
        r#"{"flip":true,"quality":95}"#,
        r#"{"width":319,"quality":95}"#,
    ] {
        assert!(run(&source, json).len() > source.len(), "{json}");
    }
}

#[test]
fn a_size_that_the_decoder_gives_is_a_change() {
    let source = sampled_jpeg(&photo(320, 240), 10, 2, 0, false);
    for (width, height) in [(160, 120), (80, 60), (40, 30)] {
        let json = format!(r#"{{"width":{width},"quality":100}}"#);
        let found = run(&source, &json);
        assert_eq!((decoded(&found).width, decoded(&found).height), (width, height));
        assert_eq!(found, run(&source, &json.replace('}', r#","format":"jpeg"}"#)));
    }
}

#[test]
fn a_turn_that_makes_up_for_how_it_lies_is_a_change() {
    let plain = sampled_jpeg(&photo(320, 240), 30, 2, 0, false);
    for (orientation, json) in [
        (2, r#"{"flop":true,"quality":95}"#),
        (3, r#"{"rotation":180,"quality":95}"#),
        (4, r#"{"flip":true,"quality":95}"#),
        (6, r#"{"rotation":270,"quality":95}"#),
        (8, r#"{"rotation":90,"quality":95}"#),
    ] {
        let found = run(&oriented(&plain, orientation), json);
        assert!(found.len() > plain.len(), "{json}");
        assert!(distance(&decoded(&found), &decoded(&plain)) <= 40, "orientation {orientation}, {json}");
    }
}

#[test]
fn a_quality_that_saves_bytes_is_kept() {
    let source = sampled_jpeg(&photo(320, 240), 95, 0, 0, false);
    assert_eq!(run(&source, r#"{"quality":60}"#), run(&source, r#"{"quality":60,"format":"jpeg"}"#));
}

#[test]
fn webp_and_avif_give_way_in_quality() {
    for format in [Format::Webp, Format::Avif] {
        let source = written(&photo(160, 120), Encoding::new(format, 20));
        let found = run(&source, r#"{"quality":95}"#);
        assert!(found.len() <= source.len(), "{format}: {} of {} bytes", found.len(), source.len());
    }
}

#[test]
fn a_drawing_in_webp_stays_without_loss() {
    let mut drawing = Pixels::from_data(200, 150, Layout::Rgb, vec![250; 200 * 150 * 3]);
    for i in 0..150 {
        drawing.data[(i * 200 + i) * 3..][..9].fill(10);
    }
    let source = file(&drawing, Format::Webp);
    let found = run(&source, r#"{"quality":90}"#);
    assert!(found.len() <= source.len(), "{} of {} bytes", found.len(), source.len());
    assert_eq!(distance(&decoded(&found), &drawing), 0);
}

#[test]
fn a_png_is_packed_more_thoroughly() {
    let drawing = gradient(300, 100, Layout::Grey);
    let source = written(&drawing, Encoding { thorough: true, ..Encoding::new(Format::Png, 100) });
    assert!(written(&drawing, Encoding::new(Format::Png, 100)).len() > source.len());
    let found = run(&source, r#"{"width":300}"#);
    assert!(found.len() <= source.len(), "{} of {} bytes", found.len(), source.len());
    assert_eq!(distance(&decoded(&found), &drawing), 0);
}

#[test]
fn metadata_that_is_kept_counts() {
    let plain = sampled_jpeg(&photo(320, 240), 40, 2, 0, false);
    let source = oriented(&plain, 1);
    let found = run(&source, r#"{"quality":95,"keepMetadata":true}"#);
    assert!(found.len() <= source.len());
    assert!(found.windows(4).any(|part| part == b"Exif"));
}
