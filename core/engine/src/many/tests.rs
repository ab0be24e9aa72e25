//! Many at once against one after another.

use proptest::prelude::*;

use super::*;
use crate::decode;
use crate::encode::samples::{SAMPLINGS, file, gradient, oriented, photo, progressive_jpeg, sampled_jpeg};
use crate::format::Format;
use crate::pixels::{Layout, Pixels};
use crate::transform::transform;

fn request(json: &str) -> Transformation {
    serde_json::from_str(json).unwrap()
}

fn many(source: &[u8], list: &[Transformation]) -> Vec<Output> {
    let results = transform_many(source, None, list, &Limits::default(), &CancelToken::new()).unwrap();
    results.into_iter().map(|result| result.unwrap()).collect()
}

fn single(source: &[u8], transformation: &Transformation) -> Output {
    transform(source, None, transformation, &Limits::default(), &CancelToken::new()).unwrap()
}

fn decode(file: &[u8]) -> Pixels {
    let limits = Limits::default();
    let header = header(file, &limits).unwrap();
    let pixels = decode::decode(file, &header, 8, &limits, &CancelToken::new()).unwrap().pixels;
    crate::encode::expand::to(&pixels, Layout::Rgba).into_owned()
}

/// The distance of two files of the same size and format.
fn psnr(a: &Output, b: &Output) -> f64 {
    assert_eq!((a.width, a.height, a.format), (b.width, b.height, b.format));
    let (a, b) = (decode(&a.bytes), decode(&b.bytes));
    let squares: f64 = a.data.iter().zip(&b.data).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) / (squares / a.data.len() as f64).max(1e-3)).log10()
}

/// Sizes that follow from each other, and some that don't; whatever may be between sampling and encoding.
fn list() -> Vec<Transformation> {
    [
        r#"{"width":160,"quality":95}"#,
        r#"{"width":80,"quality":85}"#,
        r#"{"width":77,"height":40,"quality":95}"#,
        r#"{"width":40,"quality":85,"rotation":90}"#,
        r#"{"width":39,"height":39,"fit":"contain","quality":85}"#,
        r#"{"width":20,"quality":85,"flop":true}"#,
        r#"{"height":19,"quality":95,"flip":true}"#,
        r#"{"width":10,"height":10,"fit":"fill","quality":95}"#,
        r#"{"width":80,"quality":60}"#,
        r#"{"width":64,"format":"png"}"#,
        r#"{"width":30,"format":"webp","lossless":true,"grayscale":true}"#,
        r#"{"quality":85}"#,
        r#"{"crop":{"left":3,"top":5,"width":60,"height":40},"quality":95}"#,
        r#"{"crop":{"left":3,"top":5,"width":60,"height":40},"width":21,"quality":95}"#,
        r#"{"width":30,"height":30,"position":"attention","format":"png"}"#,
        r#"{"width":9,"watermarkText":"x","quality":85}"#,
        r#"{"width":300,"quality":85}"#,
    ]
    .map(request)
    .to_vec()
}

/// Gentle ramps: in the wrong place, or turned wrongly, they are far below the bound.
fn ramps(width: u32, height: u32) -> Pixels {
    let mut pixels = gradient(width, height, Layout::Rgb);
    pixels.data.iter_mut().for_each(|sample| *sample = 64 + *sample / 2);
    pixels
}

fn like_one_by_one(source: &[u8], list: &[Transformation], least: f64) -> Result<(), TestCaseError> {
    for (found, transformation) in many(source, list).iter().zip(list) {
        let distance = psnr(found, &single(source, transformation));
        prop_assert!(distance > least, "{:.1} dB for {:?}", distance, transformation);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn planes_are_like_one_by_one(
        (width, height) in (70..=230_u32, 70..=230_u32),
        sampling in prop::sample::select(&SAMPLINGS[..]),
        restart in prop::sample::select(vec![0_u16, 3]),
        orientation in 1..=8_u8,
        some in prop::sample::subsequence(list(), 2..=17),
    ) {
        let source = sampled_jpeg(&ramps(width, height), 95, sampling, restart, false);
        like_one_by_one(&oriented(&source, orientation), &some, 32.0)?;
    }

    #[test]
    fn pictures_are_like_one_by_one(
        (width, height) in (70..=230_u32, 70..=230_u32),
        format in prop::sample::select(vec![Format::Png, Format::Webp, Format::Jpeg]),
        orientation in 1..=8_u8,
        some in prop::sample::subsequence(list(), 2..=17),
    ) {
        let source = match format {
            Format::Jpeg => oriented(&progressive_jpeg(&ramps(width, height)), orientation),
            format => file(&gradient(width, height, Layout::Rgba), format),
        };
        like_one_by_one(&source, &some, 32.0)?;
    }
}

#[test]
fn a_photo_keeps_its_quality() {
    let widths = [400_u32, 300, 256, 200, 160, 120, 80, 60, 40, 24];
    for (size, sampling) in [((751, 501), 2), ((640, 480), 0), ((503, 701), 1)] {
        let source = sampled_jpeg(&photo(size.0, size.1), 92, sampling, 0, true);
        let progressive = progressive_jpeg(&photo(size.0, size.1));
        for source in [source, progressive] {
            let list = widths.map(|width| request(&format!(r#"{{"width":{width},"quality":97}}"#)));
            for (found, transformation) in many(&source, &list).iter().zip(&list) {
                let distance = psnr(found, &single(&source, transformation));
                assert!(distance > 37.0, "{distance:.1} dB at {}", found.width);
            }
        }
    }
}

#[test]
fn the_order_changes_no_byte() {
    for source in [
        sampled_jpeg(&photo(211, 153), 92, 2, 0, true),
        progressive_jpeg(&photo(211, 153)),
        file(&gradient(211, 153, Layout::Rgba), Format::Png),
    ] {
        let list = list();
        let found = many(&source, &list);
        assert_eq!(found, many(&source, &list), "twice the same");
        for shift in [1, 5, 11] {
            let mut other = list.clone();
            other.rotate_left(shift);
            other.reverse();
            let mut again = many(&source, &other);
            again.reverse();
            again.rotate_right(shift);
            assert!(found == again, "turned by {shift}");
        }
    }
}

/// Those at `wanted`, with the whole list given.
fn some(source: &[u8], list: &[Transformation], wanted: &[usize], limits: &Limits) -> Vec<Output> {
    let results = transform_some(source, None, list, wanted, limits, &CancelToken::new()).unwrap();
    results.into_iter().map(|result| result.unwrap()).collect()
}

#[test]
fn whatever_else_is_wanted_changes_no_byte() {
    for source in [
        sampled_jpeg(&photo(211, 153), 92, 2, 0, true),
        progressive_jpeg(&photo(211, 153)),
        file(&gradient(211, 153, Layout::Rgba), Format::Png),
    ] {
        let list = list();
        let plenty = Limits::default();
        let header = header(&source, &plenty).unwrap();
        let alone = list.iter().map(|one| plan(&header, one, &plenty).unwrap().peak_bytes()).max().unwrap();
        for limits in [Limits { max_memory_bytes: alone, ..plenty.clone() }, plenty.clone()] {
            let all: Vec<usize> = (0..list.len()).collect();
            let found = some(&source, &list, &all, &limits);
            for (index, expected) in found.iter().enumerate() {
                let alone = some(&source, &list, &[index], &limits);
                assert!(alone == [expected.clone()], "{:?}", list[index]);
            }
            let few = some(&source, &list, &[7, 2, 15], &limits);
            assert!(few == [7, 2, 15].map(|index: usize| found[index].clone()));
            assert_eq!(some(&source, &list, &[], &limits), []);
        }
    }
}

#[test]
fn what_is_not_wanted_is_not_made() {
    // If it were, the overlay that is no image would be looked at.
    let list = [
        r#"{"width":40,"format":"png","watermark":{"imageId":"0123456789abcdef01234567"}}"#,
        r#"{"width":20}"#,
    ]
    .map(request);
    let source = file(&photo(211, 153), Format::Png);
    let (limits, cancel) = (Limits::default(), CancelToken::new());
    for (wanted, fine) in [(0, false), (1, true)] {
        let found = transform_some(&source, Some(b"no image"), &list, &[wanted], &limits, &cancel).unwrap();
        assert_eq!(found[0].is_ok(), fine);
    }
}

#[test]
fn one_alone_is_what_it_is_alone() {
    for source in [sampled_jpeg(&photo(211, 153), 92, 2, 0, true), file(&photo(211, 153), Format::Png)] {
        for transformation in list() {
            let found = many(&source, std::slice::from_ref(&transformation));
            assert_eq!(found, [single(&source, &transformation)], "{transformation:?}");
            let twice = many(&source, &[transformation.clone(), transformation.clone()]);
            assert!(twice.iter().all(|output| *output == found[0]), "{transformation:?}");
        }
        assert_eq!(many(&source, &[]), []);
    }
}

#[test]
fn what_is_wrong_with_one_is_its_own() {
    let source = sampled_jpeg(&photo(211, 153), 92, 2, 0, true);
    let list = [
        r#"{"width":100}"#,
        r#"{"width":0}"#,
        r#"{"width":50,"watermark":{"imageId":"0123456789abcdef01234567"}}"#,
        r#"{"width":40}"#,
        r#"{"crop":{"left":200,"top":0,"width":12,"height":1}}"#,
        r#"{"width":20,"format":"png","watermark":{"imageId":"0123456789abcdef01234567"}}"#,
    ]
    .map(request);
    let (limits, cancel) = (Limits::default(), CancelToken::new());
    for overlay in [None, Some(&b"no image"[..])] {
        let found = transform_many(&source, overlay, &list, &limits, &cancel).unwrap();
        for (found, transformation) in found.iter().zip(&list) {
            let expected = transform(&source, overlay, transformation, &limits, &cancel);
            assert_eq!(found.as_ref().err(), expected.as_ref().err(), "{transformation:?}");
        }
        let fine: Vec<bool> = found.iter().map(Result::is_ok).collect();
        assert_eq!(fine, [true, false, false, true, false, false]);
    }
}

#[test]
fn metadata_stays_with_those_that_asked() {
    let source = oriented(&sampled_jpeg(&photo(64, 48), 92, 2, 0, true), 6);
    let list = [r#"{"width":20,"keepMetadata":true}"#, r#"{"width":10}"#].map(request);
    let found = many(&source, &list);
    let has = |output: &Output| decode::exif_of(&output.bytes, Format::Jpeg, 1 << 20).is_some();
    assert_eq!([has(&found[0]), has(&found[1])], [true, false]);
}

#[test]
fn whoever_stops_stops_all() {
    let list = list();
    for source in [sampled_jpeg(&photo(211, 153), 92, 2, 0, true), file(&photo(211, 153), Format::Png)] {
        let cancel = CancelToken::new();
        cancel.cancel();
        let found = transform_many(&source, None, &list, &Limits::default(), &cancel);
        assert_eq!(found, Err(Error::Cancelled));
        let late = CancelToken::with_deadline(std::time::Instant::now());
        assert_eq!(transform_many(&source, None, &list, &Limits::default(), &late), Err(Error::TimedOut));
    }
}

#[test]
fn a_source_that_is_cut_short_gives_what_it_gives_alone() {
    let list = [r#"{"width":11}"#, r#"{"width":5}"#, r#"{"rotation":90,"format":"png"}"#].map(request);
    let (limits, cancel) = (Limits::default(), CancelToken::new());
    let photo = photo(40, 30);
    for source in [sampled_jpeg(&photo, 85, 2, 1, false), progressive_jpeg(&photo), file(&photo, Format::Png)]
    {
        for end in (0..source.len()).step_by(7) {
            let cut = &source[..end];
            let alone = list.each_ref().map(|one| transform(cut, None, one, &limits, &cancel).err());
            match transform_many(cut, None, &list, &limits, &cancel) {
                Ok(found) => {
                    let found: Vec<_> = found.into_iter().map(Result::err).collect();
                    assert_eq!(found, alone, "cut at {end}");
                }
                Err(error) => {
                    assert!(alone.iter().all(|alone| alone.as_ref() == Some(&error)), "cut at {end}");
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_into_memory_together_is_done_in_turn() {
    let list = [r#"{"width":190}"#, r#"{"width":150,"format":"png"}"#, r#"{"width":90,"format":"webp"}"#]
        .map(request);
    for source in [sampled_jpeg(&photo(211, 153), 92, 2, 0, true), file(&photo(211, 153), Format::Png)] {
        let plenty = Limits::default();
        let header = header(&source, &plenty).unwrap();
        // What the largest needs alone, and not a byte more.
        let alone = list.iter().map(|one| plan(&header, one, &plenty).unwrap().peak_bytes()).max().unwrap();
        let tight = Limits { max_memory_bytes: alone, ..plenty.clone() };
        let cancel = CancelToken::new();
        let found = transform_many(&source, None, &list, &tight, &cancel).unwrap();
        for (found, transformation) in found.iter().zip(&list) {
            let expected = transform(&source, None, transformation, &tight, &cancel);
            assert_eq!(*found, expected, "{transformation:?}");
        }
    }
}
