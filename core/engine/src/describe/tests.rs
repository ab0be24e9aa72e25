//! Descriptions of pictures that are known, in every format, turned, wide and broken.

use img_parts::jpeg::Jpeg;
use img_parts::png::Png;
use img_parts::{Bytes, ImageEXIF, ImageICC};
use moxcms::ColorProfile;

use super::*;
use crate::decode::exif::tests::tiff;
use crate::encode::samples::{file, gradient, photo};
use crate::ops::{Turn, orient};
use crate::pixels::Pixels;

fn told(source: &[u8]) -> Description {
    describe(source, &Limits::default(), &CancelToken::new()).unwrap()
}

fn bytes(description: &Description) -> Vec<u8> {
    BASE64_STANDARD.decode(&description.thumb_hash).unwrap()
}

/// Mean difference of the two placeholders' samples, which must be of one size.
fn distance(a: &Description, b: &Description) -> f64 {
    let (a, b) = (thumbhash::thumb_hash_to_rgba(&bytes(a)), thumbhash::thumb_hash_to_rgba(&bytes(b)));
    let ((width, height, a), (other_width, other_height, b)) = (a.unwrap(), b.unwrap());
    assert_eq!((width, height), (other_width, other_height));
    a.iter().zip(&b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

#[test]
fn the_placeholder_looks_like_the_picture() {
    let original = gradient(300, 200, Layout::Rgb);
    let description = told(&file(&original, Format::Png));
    let (width, height, placeholder) = thumbhash::thumb_hash_to_rgba(&bytes(&description)).unwrap();
    assert!(width > height);
    // The gradient is dark on the left and bright on the right in red, from top to bottom in green.
    let at = |x: usize, y: usize| &placeholder[(y * width + x) * 4..][..3];
    assert!(at(1, 1)[0] < 90 && at(width - 2, 1)[0] > 165);
    assert!(at(1, 1)[1] < 90 && at(1, height - 2)[1] > 165);
}

#[test]
fn every_format_and_both_ways_to_pixels_give_the_same_placeholder() {
    let original = photo(640, 427);
    let reference = told(&file(&original, Format::Png));
    for format in [Format::Jpeg, Format::Webp, Format::Avif, Format::Gif] {
        let description = told(&file(&original, format));
        let distance = distance(&description, &reference);
        // A hash has a few bits for each wave, so that one on the edge between two values moves all samples a little.
        assert!(distance < 6.0, "{format}: {distance}");
    }
}

#[test]
fn all_orientations_show_the_upright_picture() {
    let upright = gradient(90, 60, Layout::Rgb);
    let reference = told(&file(&upright, Format::Png));
    for value in 1..=8u8 {
        let orientation = Orientation::from_exif(value).unwrap();
        let stored = orient(upright.clone(), Turn::upright(orientation).inverse());
        let mut png = Png::from_bytes(file(&stored, Format::Png).into()).unwrap();
        png.set_exif(Some(Bytes::from(tiff(value.into(), true))));
        let description = told(&png.encoder().bytes());
        assert_eq!(description.orientation, orientation);
        assert_eq!(description.thumb_hash, reference.thumb_hash, "{value}");
    }
}

#[test]
fn colours_are_those_of_srgb() {
    let green = Pixels::from_data(40, 30, Layout::Rgb, [100, 200, 100].repeat(1200));
    let mut jpeg = Jpeg::from_bytes(file(&green, Format::Jpeg).into()).unwrap();
    assert_near(&told(&jpeg.clone().encoder().bytes()), [100, 200, 100]);
    jpeg.set_icc_profile(Some(ColorProfile::new_display_p3().encode().unwrap().into()));
    let description = told(&jpeg.encoder().bytes());
    assert_eq!(description.colour_profile.as_deref(), Some("Display P3"));
    // Display P3 (100,200,100) lies at about (50,203,88) in sRGB.
    assert_near(&description, [50, 203, 88]);
}

fn assert_near(description: &Description, color: [u8; 3]) {
    let told = description.dominant_colour.as_deref().unwrap();
    let [_, rgb @ ..] = u32::from_str_radix(&told[1..], 16).unwrap().to_be_bytes();
    assert!(rgb.iter().zip(color).all(|(a, b)| a.abs_diff(b) < 8), "{told}");
}

#[test]
fn transparent_pictures_have_a_placeholder_and_no_colour() {
    let clear = Pixels::zeroed(30, 30, Layout::Rgba);
    let description = told(&file(&clear, Format::Png));
    assert_eq!(description.dominant_colour, None);
    assert!(!bytes(&description).is_empty());
}

#[test]
fn the_narrowest_pictures_can_be_described() {
    for (width, height) in [(1, 1), (1, 100), (2000, 1), (3, 5000)] {
        for layout in [Layout::Grey, Layout::Rgba] {
            told(&file(&gradient(width, height, layout), Format::Png));
        }
    }
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    let whole = file(&photo(200, 150), Format::Png);
    let (limits, cancel) = (Limits::default(), CancelToken::new());
    assert!(matches!(describe(b"text", &limits, &cancel), Err(Error::Unsupported { .. })));
    let cut = &whole[..whole.len() / 2];
    assert!(matches!(describe(cut, &limits, &cancel), Err(Error::Undecodable { .. })));
    let narrow = Limits { max_memory_bytes: 1000, ..limits.clone() };
    assert!(matches!(describe(&whole, &narrow, &cancel), Err(Error::LimitExceeded { .. })));
    cancel.cancel();
    assert_eq!(describe(&whole, &limits, &cancel), Err(Error::Cancelled));
}
