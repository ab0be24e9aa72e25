//! The colour profile beside the pixels.

use moxcms::ColorProfile;

use super::*;
use crate::color::icc;
use crate::encode::samples::{cmyk_jpeg, file, gradient, photo, progressive_jpeg, sampled_jpeg};
use crate::encode::{self, Encoding};
use crate::limits::{CancelToken, Limits};
use crate::pixels::{Layout, Pixels};
use crate::transform::header;
use crate::{Output, Transformation, transform, transform_many, transform_some};

fn display_p3() -> Vec<u8> {
    ColorProfile::new_display_p3().encode().unwrap()
}

fn avif(pixels: &Pixels, profile: Option<&[u8]>) -> Vec<u8> {
    let encoding = Encoding { lossless: true, ..Encoding::new(Format::Avif, 100) };
    encode::encode(pixels, &encoding, profile, &CancelToken::new()).unwrap()
}

/// Files without a profile, and the same with this one.
fn sources(profile: &[u8]) -> Vec<[Vec<u8>; 2]> {
    let photo = photo(96, 72);
    let mut clear = gradient(40, 30, Layout::Rgba);
    clear.data.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha |= 0x80);
    let plain = [
        (Format::Jpeg, sampled_jpeg(&photo, 90, 2, 0, false)),
        (Format::Jpeg, progressive_jpeg(&photo)),
        (Format::Png, file(&photo, Format::Png)),
        (Format::Png, file(&clear, Format::Png)),
        (Format::Webp, file(&clear, Format::Webp)),
    ];
    let both = |(format, plain): (Format, Vec<u8>)| {
        let with = add(plain.clone(), format, None, Some(profile)).unwrap();
        [plain, with]
    };
    let mut all: Vec<_> = plain.into_iter().map(both).collect();
    all.extend([&photo, &clear].map(|pixels| [avif(pixels, None), avif(pixels, Some(profile))]));
    all
}

fn run(source: &[u8], json: &str) -> Output {
    let transformation: Transformation = serde_json::from_str(json).unwrap();
    transform(source, None, &transformation, &Limits::default(), &CancelToken::new()).unwrap()
}

fn profile_of(output: &Output) -> Option<Vec<u8>> {
    decode::icc_of(&output.bytes, output.format, &Limits::default()).unwrap()
}

fn samples(output: &Output) -> Vec<u8> {
    let limits = Limits::default();
    let header = header(&output.bytes, &limits).unwrap();
    let found = decode::decode(&output.bytes, &header, 8, &limits, &CancelToken::new());
    found.unwrap().pixels.data
}

/// Nothing is done to the samples: the result is what comes of the same picture without a profile, with the profile added.
#[test]
fn a_profile_is_kept_with_its_colours() {
    let profile = display_p3();
    for [plain, with] in sources(&profile) {
        for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Avif] {
            for rest in [
                "",
                r#""width":24,"#,
                r#""width":200,"#,
                r#""rotation":90,"flop":true,"#,
                r#""crop":{"left":3,"top":2,"width":20,"height":19},"#,
                r#""blur":1.5,"watermarkText":"x","#,
                r#""quality":40,"keepMetadata":true,"#,
            ] {
                let json = |kept| format!(r#"{{{rest}"keepProfile":{kept},"format":"{}"}}"#, name(format));
                let found = run(&with, &json(true));
                assert_eq!(profile_of(&found).as_deref(), Some(&profile[..]), "{}", json(true));
                assert!(samples(&found) == samples(&run(&plain, &json(false))), "{}", json(true));
            }
        }
    }
}

fn name(format: Format) -> String {
    format.to_string().to_lowercase()
}

#[test]
fn no_profile_is_left_where_none_is_asked_for_or_none_fits() {
    let profile = display_p3();
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    for [plain, with] in sources(&profile) {
        for json in [
            r#"{"format":"png"}"#,
            r#"{"format":"webp","lossless":true}"#,
            r#"{"format":"gif","keepProfile":true}"#,
            r#"{"grayscale":true,"keepProfile":true,"format":"png"}"#,
        ] {
            let found = run(&with, json);
            assert_eq!(profile_of(&found), None, "{json}");
            assert!(samples(&found) != samples(&run(&plain, json)), "{json}: not converted");
        }
    }
    let picture = gradient(40, 30, Layout::Grey);
    let in_grey = add_any(file(&picture, Format::Png), &grey);
    let in_ink = add(cmyk_jpeg(&gradient(40, 30, Layout::Cmyk)), Format::Jpeg, None, Some(&profile)).unwrap();
    // Profiles of RGB where there is none.
    let grey_jpeg = add(file(&picture, Format::Jpeg), Format::Jpeg, None, Some(&profile)).unwrap();
    let grey_png = add_any(file(&picture, Format::Png), &profile);
    for source in [in_grey, in_ink, grey_jpeg, grey_png] {
        let header = header(&source, &Limits::default()).unwrap();
        assert!(decode::icc_of(&source, header.format, &Limits::default()).unwrap().is_some());
        for format in ["jpeg", "png", "webp", "avif"] {
            let found = run(&source, &format!(r#"{{"keepProfile":true,"format":"{format}"}}"#));
            assert_eq!(profile_of(&found), None, "{format}");
        }
    }
}

/// A PNG with this profile, whether or not it fits.
fn add_any(png: Vec<u8>, profile: &[u8]) -> Vec<u8> {
    let mut png = Png::from_bytes(png.into()).unwrap();
    png.set_icc_profile(Some(Bytes::copy_from_slice(profile)));
    png.encoder().bytes().to_vec()
}

#[test]
fn what_is_only_coded_anew_keeps_its_profile_too() {
    let profile = display_p3();
    for [_, with] in sources(&profile) {
        let found = run(&with, r#"{"quality":95,"keepProfile":true}"#);
        assert_eq!(profile_of(&found).as_deref(), Some(&profile[..]));
        assert!(found.bytes.len() <= with.len(), "{}: {} of {}", found.format, found.bytes.len(), with.len());
    }
    // All of it is grey, but a profile of RGB wants RGB.
    let data = gradient(90, 70, Layout::Grey).data.iter().flat_map(|&sample| [sample; 3]).collect();
    let picture = Pixels::from_data(90, 70, Layout::Rgb, data);
    let source = add_any(file(&picture, Format::Png), &profile);
    assert_eq!(
        profile_of(&run(&source, r#"{"quality":1,"keepProfile":true}"#)).as_deref(),
        Some(&profile[..])
    );
}

#[test]
fn results_that_keep_colours_and_results_that_do_not_are_not_mixed() {
    let limits = Limits::default();
    let asked = [
        r#"{"width":60,"format":"png","keepProfile":true}"#,
        r#"{"width":60,"format":"png"}"#,
        r#"{"width":30,"format":"webp","keepProfile":true}"#,
        r#"{"width":30,"format":"webp"}"#,
        r#"{"width":12,"format":"jpeg","keepProfile":true}"#,
        r#"{"width":12,"format":"jpeg"}"#,
    ];
    let list: Vec<Transformation> = asked.iter().map(|json| serde_json::from_str(json).unwrap()).collect();
    for [_, with] in sources(&display_p3()) {
        let many = |list: &[Transformation]| {
            let found = transform_many(&with, None, list, &limits, &CancelToken::new()).unwrap();
            found.into_iter().map(Result::unwrap).collect::<Vec<_>>()
        };
        let kept: Vec<_> = list.iter().filter(|one| one.keep_profile).cloned().collect();
        let converted: Vec<_> = list.iter().filter(|one| !one.keep_profile).cloned().collect();
        for (index, expected) in many(&list).into_iter().enumerate() {
            let some = transform_some(&with, None, &list, &[index], &limits, &CancelToken::new()).unwrap();
            assert!(some[0] == Ok(expected), "{}", asked[index]);
        }
        let apart: Vec<_> = many(&kept).into_iter().zip(many(&converted)).flat_map(|(a, b)| [a, b]).collect();
        assert!(many(&list) == apart);
    }
}

#[test]
fn only_profiles_of_rgb_are_kept() {
    assert!(icc::is_rgb(&display_p3()));
    assert!(!icc::is_rgb(&ColorProfile::new_gray_with_gamma(2.2).encode().unwrap()));
    assert!(!icc::is_rgb(&display_p3()[..100]) && !icc::is_rgb(b""));
}
