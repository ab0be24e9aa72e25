//! What an animation has beside the pixels of its frames, and how it is stored.

use super::*;
use crate::encode::samples::photo;
use crate::many::transform_many;

#[test]
fn the_format_stays_if_none_is_named() {
    for (source, format) in [(animated_gif(&scenes(), None), Format::Gif), (plain_webp(0), Format::Webp)] {
        let output = run(&source, r#"{"width":20}"#);
        assert_eq!(output.format, format);
        assert_eq!(header(&output.bytes, &Limits::default()).unwrap().frames, 8);
    }
}

#[test]
fn how_often_it_is_shown_is_kept() {
    use ::gif::Repeat;
    let to = |source: &[u8], format: &str| plays(&run(source, &format!(r#"{{"format":"{format}"}}"#)).bytes);
    for (times, expected) in [
        (None, Plays::Times(1)),
        (Some(Repeat::Finite(1)), Plays::Times(2)),
        (Some(Repeat::Finite(700)), Plays::Times(701)),
        (Some(Repeat::Infinite), Plays::Forever),
    ] {
        let source = animated_gif(&scenes()[..2], times);
        for format in ["gif", "webp"] {
            assert_eq!(to(&source, format), expected, "{format}");
        }
    }
    for (times, expected) in
        [(0, Plays::Forever), (1, Plays::Times(1)), (2, Plays::Times(2)), (65_535, Plays::Times(65_535))]
    {
        for format in ["gif", "webp"] {
            assert_eq!(to(&plain_webp(times), format), expected, "{format}");
        }
    }
    let longest = animated_gif(&scenes()[..2], Some(Repeat::Finite(65_535)));
    assert_eq!(to(&longest, "gif"), Plays::Times(65_536));
    assert_eq!(to(&longest, "webp"), Plays::Times(65_535), "more has no place in a WebP");
}

#[test]
fn rounding_of_delays_does_not_add_up() {
    let mut scenes = scenes();
    for scene in &mut scenes {
        scene.delay_ms = 33;
    }
    let source = animated_webp(&scenes, 0, 0, Vec::new(), Vec::new());
    let delays = |json| composed(&run(&source, json).bytes).iter().map(|frame| frame.1).collect::<Vec<_>>();
    assert_eq!(delays(r#"{"format":"gif"}"#), [30, 40, 30, 30, 40, 30, 30, 30]);
    assert_eq!(delays(r#"{"flip":true}"#), [33; 8]);
}

#[test]
fn two_runs_and_many_at_once_give_the_same_bytes() {
    for source in [animated_gif(&scenes(), None), plain_webp(3)] {
        let list: Vec<_> = [
            r#"{"width":30,"format":"gif"}"#,
            r#"{"width":50,"format":"webp"}"#,
            r#"{"width":9,"format":"png"}"#,
        ]
        .map(request)
        .to_vec();
        let one: Vec<_> = list
            .iter()
            .map(|one| transform(&source, None, one, &Limits::default(), &CancelToken::new()))
            .collect();
        let many = transform_many(&source, None, &list, &Limits::default(), &CancelToken::new()).unwrap();
        assert_eq!(one, many);
    }
}

#[test]
fn metadata_and_colour_go_the_usual_way() {
    let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let source = animated_webp(&scenes(), 0, 0x08, Vec::new(), riff(*b"EXIF", tiff));
    let output = run(&source, r#"{"width":20,"keepMetadata":true}"#);
    assert_eq!((output.width, output.height), (20, 28), "it was turned upright");
    assert!(decode::exif_of(&output.bytes, Format::Webp, 1 << 20).is_some());
    assert_eq!(composed(&output.bytes).len(), 8);

    let icc = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let source = animated_webp(&scenes(), 0, 0x20, riff(*b"ICCP", &icc), Vec::new());
    let plain = composed(&run(&plain_webp(0), r#"{"format":"webp","lossless":true}"#).bytes);
    let found = composed(&run(&source, r#"{"format":"webp","lossless":true}"#).bytes);
    let first = still(&run(&source, r#"{"format":"png"}"#));
    assert!(psnr(&found[0].0, &first) > 50.0 && psnr(&found[0].0, &plain[0].0) < 40.0);
}

#[test]
fn only_what_changes_is_stored() {
    // A small square moves over a picture of many colours.
    let ground = photo(120, 90);
    let still = file(&ground, Format::Webp).len();
    let scene = |place| Scene { place, disposal: DisposalMethod::Background, blend: true, delay_ms: 50 };
    let mut chunks = vec![vp8x(0x12, 120, 90), riff(*b"ANIM", &[0; 6])];
    let first = Scene { disposal: DisposalMethod::Keep, ..scene([0, 0, 120, 90]) };
    chunks.push(anmf(&first, &ground));
    for step in 1..10 {
        let square = Pixels::from_data(8, 8, Layout::Rgba, [200, 0, 0, 255].repeat(64));
        chunks.push(anmf(&Scene { disposal: DisposalMethod::Keep, ..scene([step * 10, 40, 8, 8]) }, &square));
    }
    let source = webp(&chunks);
    let output = run(&source, r#"{"flip":true,"lossless":true}"#);
    assert!(output.bytes.len() < 2 * still, "{} bytes, one frame has {still}", output.bytes.len());
    let gif = run(&source, r#"{"flip":true,"format":"gif"}"#);
    let one = run(&file(&ground, Format::Png), r#"{"flip":true,"format":"gif"}"#);
    assert!(gif.bytes.len() < 2 * one.bytes.len(), "{} of {}", gif.bytes.len(), one.bytes.len());
}
