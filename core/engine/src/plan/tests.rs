//! Plans as they print: the header and the transformation in, the steps out.

use super::*;
use crate::header::Orientation;

fn header(format: Format, (width, height): (u32, u32), orientation: u8, alpha: bool) -> Header {
    let orientation = Orientation::from_exif(orientation).unwrap();
    Header { format, width, height, orientation, alpha, frames: 1 }
}

fn check_with(header: Header, json: &str, expected: &[&str]) {
    let transformation: Transformation = serde_json::from_str(json).unwrap();
    let plan = plan(&header, &transformation, &Limits::default()).unwrap();
    assert_eq!(plan.to_string().lines().collect::<Vec<_>>(), expected, "{json}");
    let size = expected.last().and_then(|line| line.rsplit(' ').next()).unwrap();
    assert_eq!(format!("{}x{}", plan.output_size().0, plan.output_size().1), size);
}

fn check(json: &str, expected: &[&str]) {
    check_with(header(Format::Jpeg, (3000, 2000), 1, false), json, expected);
}

fn check_png(json: &str, expected: &[&str]) {
    check_with(header(Format::Png, (300, 200), 1, true), json, expected);
}

#[test]
fn only_what_is_needed_is_decoded() {
    check(r#"{"format":"webp","quality":7}"#, &["decode JPEG 3000x2000", "encode WebP q7 3000x2000"]);
    check(
        r#"{"width":375,"quality":70}"#,
        &["decode JPEG 3000x2000 at 1/8 -> 375x250", "encode JPEG q70 375x250"],
    );
    check(
        r#"{"width":376,"quality":70}"#,
        &[
            "decode JPEG 3000x2000 at 2/8 -> 750x500",
            "resize 750x500 at 0,0 -> 376x251",
            "encode JPEG q70 376x251",
        ],
    );
    check(
        r#"{"width":4000,"quality":70}"#,
        &["decode JPEG 3000x2000", "resize 3000x2000 at 0,0 -> 4000x2667", "encode JPEG q70 4000x2667"],
    );
}

#[test]
fn scaled_pixels_that_reach_past_the_picture_are_used_in_part() {
    check_with(
        header(Format::Jpeg, (1001, 1003), 1, false),
        r#"{"width":100,"quality":70}"#,
        &[
            "decode JPEG 1001x1003 at 1/8 -> 126x126",
            "resize 125.13x125.38 at 0,0 -> 100x100",
            "encode JPEG q70 100x100",
        ],
    );
}

#[test]
fn cover_takes_only_the_part_that_stays() {
    check(
        r#"{"width":200,"height":200,"quality":70}"#,
        &[
            "decode JPEG 3000x2000 at 1/8 -> 375x250",
            "resize 250x250 at 62.5,0 -> 200x200",
            "encode JPEG q70 200x200",
        ],
    );
    check(
        r#"{"width":200,"height":200,"position":"right","quality":70}"#,
        &[
            "decode JPEG 3000x2000 at 1/8 -> 375x250",
            "resize 250x250 at 125,0 -> 200x200",
            "encode JPEG q70 200x200",
        ],
    );
    check(
        r#"{"width":200,"height":200,"position":"attention","quality":70}"#,
        &[
            "decode JPEG 3000x2000 at 1/8 -> 375x250",
            "resize by attention from 375x250 at 0,0 -> 200x200",
            "encode JPEG q70 200x200",
        ],
    );
    check_png(
        r#"{"width":500,"height":100,"withoutEnlargement":true}"#,
        &["decode PNG 300x200", "crop 300x100 at 0,50", "encode PNG 300x100"],
    );
}

#[test]
fn crops_lie_in_upright_coordinates() {
    let crop = r#"{"crop":{"left":10,"top":20,"width":30,"height":40}}"#;
    check_png(crop, &["decode PNG 300x200", "crop 30x40 at 10,20", "encode PNG 30x40"]);
    check_with(
        header(Format::Jpeg, (300, 200), 6, false),
        crop,
        &["decode JPEG 300x200", "crop 40x30 at 20,160", "turn 90 -> 30x40", "encode JPEG q80 30x40"],
    );
}

#[test]
fn a_crop_that_is_shrunk_lies_between_pixels() {
    check(
        r#"{"crop":{"left":100,"top":100,"width":1000,"height":500},"width":250,"quality":70}"#,
        &["decode JPEG 3000x2000 at 2/8 -> 750x500", "crop 250x125 at 25,25", "encode JPEG q70 250x125"],
    );
    check(
        r#"{"crop":{"left":101,"top":101,"width":1000,"height":500},"width":240,"quality":70}"#,
        &[
            "decode JPEG 3000x2000 at 2/8 -> 750x500",
            "resize 250x125 at 25.25,25.25 -> 240x120",
            "encode JPEG q70 240x120",
        ],
    );
}

#[test]
fn turns_are_made_at_once() {
    check_with(
        header(Format::Jpeg, (300, 200), 6, false),
        r#"{"rotation":-90}"#,
        &["decode JPEG 300x200", "encode JPEG q80 300x200"],
    );
    check_with(
        header(Format::Jpeg, (300, 200), 8, false),
        r#"{"flip":true,"width":100}"#,
        &["decode JPEG 300x200 at 4/8 -> 150x100", "turn 90 and flop -> 100x150", "encode JPEG q80 100x150"],
    );
}

#[test]
fn padding_turns_with_the_picture() {
    check_png(
        r#"{"width":100,"height":100,"fit":"contain","position":"top","background":"red","rotation":90}"#,
        &[
            "decode PNG 300x200",
            "resize 300x200 at 0,0 -> 100x67",
            "turn 90 -> 67x100",
            "flatten on #ff0000ff",
            "pad 67x100 at 33,0 -> 100x100 with #ff0000ff",
            "encode PNG 100x100",
        ],
    );
}

#[test]
fn free_rotation_and_the_filters_follow() {
    check_png(
        r#"{"rotation":45,"flop":true,"grayscale":true,"blur":2,"sharpen":true,"watermarkText":"©","format":"jpeg"}"#,
        &[
            "decode PNG 300x200",
            "flatten on #ffffffff",
            "rotate 45 -> 354x354 on #ffffffff",
            "flop -> 354x354",
            "grayscale",
            "blur 2",
            "sharpen",
            "watermark text of 1 characters",
            "encode JPEG q80 354x354",
        ],
    );
}

#[test]
fn what_changes_nothing_is_left_out() {
    check_png(
        r#"{"width":300,"height":200,"rotation":360,"watermarkText":"x","watermarkOpacity":0}"#,
        &["decode PNG 300x200", "encode PNG 300x200"],
    );
}

#[test]
fn impossible_requests_name_their_fields() {
    let png = header(Format::Png, (300, 200), 6, false);
    let check = |json: &str, expected: &[&str]| {
        let transformation: Transformation = serde_json::from_str(json).unwrap();
        let Err(Error::Invalid(errors)) = plan(&png, &transformation, &Limits::default()) else {
            panic!("{json} must be refused");
        };
        assert_eq!(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), expected, "{json}");
    };
    check(r#"{"crop":{"left":101,"top":0,"width":100,"height":300}}"#, &["crop.width"]);
    check(
        r#"{"crop":{"left":4294967295,"top":4294967295,"width":1,"height":1}}"#,
        &["crop.width", "crop.height"],
    );
    check("{}", &[""]);
    let gif = header(Format::Gif, (300, 200), 1, false);
    let lossless = Transformation { lossless: true, ..Transformation::default() };
    assert!(matches!(plan(&gif, &lossless, &Limits::default()), Err(Error::Invalid(_))));
}

#[test]
fn frames_are_counted_where_the_result_can_have_them() {
    let animated = |format| Header { frames: 12, ..header(format, (300, 200), 1, true) };
    check_with(
        animated(Format::Gif),
        r#"{"width":150}"#,
        &["decode GIF 300x200, 12 frames", "resize 300x200 at 0,0 -> 150x100", "encode GIF 150x100"],
    );
    check_with(
        animated(Format::Webp),
        r#"{"format":"gif","flip":true}"#,
        &["decode WebP 300x200, 12 frames", "flip -> 300x200", "encode GIF 300x200"],
    );
    check_with(animated(Format::Gif), r#"{"format":"png"}"#, &["decode GIF 300x200", "encode PNG 300x200"]);
    let plan = |header: &Header| {
        let transformation: Transformation = serde_json::from_str(r#"{"width":150}"#).unwrap();
        plan(header, &transformation, &Limits::default()).unwrap()
    };
    let (still, moving) = (plan(&header(Format::Gif, (300, 200), 1, true)), plan(&animated(Format::Gif)));
    assert_eq!((still.frames(), moving.frames()), (1, 12));
    // A few canvases more, and the file, but not all frames.
    let more = moving.peak_bytes() - still.peak_bytes();
    assert!((4 * 150 * 100..4 * 300 * 200 * 12 / 2).contains(&more), "{more}");
}
