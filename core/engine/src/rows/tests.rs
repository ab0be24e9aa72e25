//! The short way against the general one.

use proptest::prelude::*;

use super::*;
use crate::decode::exif::tests::tiff;
use crate::encode::samples::{self, gradient, idat, ihdr, noise, photo, png};
use crate::limits::{CancelToken, Limits};
use crate::pixels::{Layout, Pixels};
use crate::plan::plan;
use crate::transform::{general, header, transform};
use crate::transformation::Transformation;

/// The pixels before encoding by the short way, if there is one, and by the general one. A file that is written without
/// them must be the same as by the general way.
fn both(source: &[u8], json: &str) -> (Option<Pixels>, Pixels) {
    let (limits, cancel) = (&Limits::default(), &CancelToken::new());
    let transformation: Transformation = serde_json::from_str(json).unwrap();
    let header = header(source, limits).unwrap();
    let plan = plan(&header, &transformation, limits).unwrap();
    let run = Run { source, overlay: None, header, limits, cancel, profile: None };
    if let Some(file) = file(&run, plan.steps()).unwrap() {
        assert!(file == general(source, &transformation).unwrap(), "{json}");
    }
    let short = resampled(&run, plan.steps()).unwrap().map(|decoded| decoded.pixels);
    let (decoded, rest) = run.decoded(&plan).unwrap();
    (short, run.sample(decoded, rest).unwrap().0)
}

/// Whether a file is written row by row.
fn written(source: &[u8], json: &str) -> bool {
    let (limits, cancel) = (&Limits::default(), &CancelToken::new());
    let header = header(source, limits).unwrap();
    let plan = plan(&header, &serde_json::from_str(json).unwrap(), limits).unwrap();
    let run = Run { source, overlay: None, header, limits, cancel, profile: None };
    file(&run, plan.steps()).unwrap().is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_lead_to_the_same(
        (width, height) in (2..=90_u32, 2..=90_u32),
        layout in prop::sample::select(vec![Layout::Grey, Layout::GreyAlpha, Layout::Rgb, Layout::Rgba]),
        (across, down) in (1..=90_u32, 1..=90_u32),
        fit in prop::sample::select(vec!["cover", "fill", "inside"]),
    ) {
        let source = samples::file(&gradient(width, height, layout), Format::Png);
        let json = format!(r#"{{"width":{across},"height":{down},"fit":"{fit}"}}"#);
        if let (Some(short), general) = both(&source, &json) {
            prop_assert_eq!(short, general);
        }
    }
}

#[test]
fn it_is_taken_where_it_leads() {
    let photo = samples::file(&photo(120, 90), Format::Png);
    for (json, taken) in [
        (r#"{"width":50}"#, true),
        (r#"{"width":50,"rotation":33,"watermarkText":"x","format":"webp"}"#, true),
        (r#"{"width":40,"height":40,"position":"left-top"}"#, true),
        (r#"{"crop":{"left":7,"top":9,"width":80,"height":70},"width":33}"#, true),
        (r#"{"width":300}"#, false),
        (r#"{"flip":true}"#, false),
        (r#"{"width":40,"height":40,"position":"attention"}"#, false),
    ] {
        let (short, general) = both(&photo, json);
        assert_eq!(short.is_some(), taken, "{json}");
        if let Some(short) = short {
            assert_eq!(short, general, "{json}");
        }
    }
}

#[test]
fn a_file_is_written_row_by_row_where_its_samples_stay() {
    let photo = samples::file(&photo(120, 90), Format::Png);
    for (json, taken) in [
        (r#"{"width":50}"#, true),
        (r#"{"width":40,"height":40,"position":"left-top"}"#, true),
        (r#"{"width":50,"keepMetadata":true}"#, true),
        (r#"{"width":50,"format":"webp"}"#, false),
        (r#"{"width":50,"palette":true}"#, false),
        (r#"{"width":50,"grayscale":true}"#, false),
        (r#"{"width":300}"#, false),
    ] {
        assert_eq!(written(&photo, json), taken, "{json}");
    }
    for (layout, taken) in
        [(Layout::Grey, true), (Layout::Rgb, true), (Layout::GreyAlpha, false), (Layout::Rgba, false)]
    {
        let source = samples::file(&gradient(60, 50, layout), Format::Png);
        assert_eq!(written(&source, r#"{"width":20}"#), taken, "{layout:?}");
    }
}

#[test]
fn every_kind_of_png_is_read_alike() {
    let rows = |bytes: usize| idat(&vec![(0..bytes).map(|i| (i * 29) as u8).collect(); 12]);
    let palette = (*b"PLTE", (0..48).map(|i| (i * 5) as u8).collect());
    for (header, chunks, row) in [
        (ihdr(16, 12, 1, 0, false), vec![], 2),
        (ihdr(16, 12, 16, 0, false), vec![], 32),
        (ihdr(16, 12, 16, 2, false), vec![], 96),
        (ihdr(16, 12, 16, 6, false), vec![], 128),
        (ihdr(16, 12, 4, 3, false), vec![palette.clone(), (*b"tRNS", vec![0, 99])], 8),
        (ihdr(16, 12, 8, 2, false), vec![(*b"tRNS", vec![0, 29, 0, 58, 0, 87])], 48),
    ] {
        let source = png(&[vec![header], chunks, vec![rows(row)]].concat());
        let (short, general) = both(&source, r#"{"width":9}"#);
        assert_eq!(short, Some(general));
    }
}

#[test]
fn alpha_that_hides_nothing_is_dropped() {
    let mut pixels = gradient(30, 20, Layout::Rgba);
    pixels.data.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
    let (short, general) = both(&samples::file(&pixels, Format::Png), r#"{"width":10}"#);
    assert_eq!(short.unwrap().layout, Layout::Rgb);
    assert_eq!(general.layout, Layout::Rgb);
}

const LAYOUTS: [Layout; 4] = [Layout::Grey, Layout::GreyAlpha, Layout::Rgb, Layout::Rgba];

#[test]
fn the_smallest_pictures_are_made_alike() {
    let sides = |most: &'static [u32]| most.iter().flat_map(move |&a| most.iter().map(move |&b| (a, b)));
    for (width, height) in sides(&[1, 2, 3, 4, 5, 6, 7, 8, 9]) {
        for layout in LAYOUTS {
            let source = samples::file(&noise(width, height, layout), Format::Png);
            for (across, down) in sides(&[1, 2, 4, 7]) {
                // What grows, and what only comes to lie otherwise, goes the general way.
                if across * down > width * height || (across, down) == (width, height) {
                    continue;
                }
                let (short, general) =
                    both(&source, &format!(r#"{{"width":{across},"height":{down},"fit":"fill"}}"#));
                assert_eq!(short, Some(general), "{layout:?} {width}x{height} to {across}x{down}");
            }
        }
    }
}

#[test]
fn files_that_lie_on_their_side_come_out_alike() {
    for (layout, colour) in LAYOUTS.into_iter().zip([0, 4, 2, 6]) {
        let picture = noise(37, 23, layout);
        let rows: Vec<Vec<u8>> = picture.data.chunks(picture.stride()).map(<[u8]>::to_vec).collect();
        for orientation in 1..=8 {
            let exif = (*b"eXIf", tiff(orientation, true));
            let source = png(&[ihdr(37, 23, 8, colour, false), exif, idat(&rows)]);
            for json in [
                r#"{"width":11}"#,
                r#"{"width":9,"height":9,"position":"left-top"}"#,
                r#"{"width":1,"height":20,"fit":"fill"}"#,
                r#"{"width":20,"height":1,"fit":"fill","flop":true}"#,
                r#"{"crop":{"left":3,"top":5,"width":18,"height":16},"width":7,"rotation":90}"#,
            ] {
                let (short, general_pixels) = both(&source, json);
                assert_eq!(short, Some(general_pixels), "{layout:?}, orientation {orientation}, {json}");
                let request: Transformation = serde_json::from_str(json).unwrap();
                let found =
                    transform(&source, None, &request, &Limits::default(), &CancelToken::new()).unwrap();
                let expected = general(&source, &request).unwrap();
                assert!(found.bytes == expected, "{layout:?}, orientation {orientation}, {json}");
            }
        }
    }
}

#[test]
fn what_is_cut_short_is_refused_alike() {
    let source = samples::file(&photo(60, 50), Format::Png);
    let (limits, cancel) = (Limits::default(), CancelToken::new());
    for end in (60..source.len()).step_by(501) {
        let run = |json: &str| {
            let transformation: Transformation = serde_json::from_str(json).unwrap();
            transform(&source[..end], None, &transformation, &limits, &cancel).unwrap_err()
        };
        assert_eq!(run(r#"{"width":10}"#), run(r#"{"flip":true}"#), "cut at {end}");
    }
}
