//! Watermarks of every kind stay inside the frame and do something.

use super::*;
use crate::transformation::Position;

fn grey(width: u32, height: u32) -> Pixels {
    let mut pixels = Pixels::zeroed(width, height, Layout::Rgb);
    pixels.data.fill(90);
    pixels
}

fn apply(pixels: Pixels, asked: &Watermark) -> Pixels {
    watermark(pixels, asked, None, &Limits::default(), &CancelToken::new()).unwrap()
}

fn text(text: &str) -> Watermark {
    Watermark { text: Some(text.into()), opacity: Some(1.0), ..Watermark::default() }
}

/// Left, top, right and bottom of what differs from grey, and how much does.
fn changed(pixels: &Pixels) -> Option<(u32, u32, u32, u32, usize)> {
    let inked = |y: u32| {
        let samples = pixels.row(y).as_chunks::<3>().0.iter().enumerate();
        samples.filter(|(_, sample)| **sample != [90; 3]).map(move |(x, _)| (x as u32, y))
    };
    let places: Vec<_> = (0..pixels.height).flat_map(inked).collect();
    let columns = || places.iter().map(|place| place.0);
    let rows = || places.iter().map(|place| place.1);
    Some((columns().min()?, rows().min()?, columns().max()?, rows().max()?, places.len()))
}

#[test]
fn a_short_text_is_as_wide_as_asked() {
    for size in [0.2, 0.5, 0.9] {
        let asked = Watermark { size: Some(size), ..text("© Pixmill") };
        let (left, _, right, ..) = changed(&apply(grey(800, 600), &asked)).unwrap();
        let share = f64::from(right - left) / 800.0;
        assert!((share - size).abs() < 0.06, "asked for {size}, found {share}");
        assert!((i64::from(left) - i64::from(799 - right)).abs() <= 8, "it lies in the middle");
    }
}

#[test]
fn margins_hold_at_every_position_and_angle() {
    let positions = [
        Position::Centre,
        Position::Top,
        Position::RightTop,
        Position::Right,
        Position::RightBottom,
        Position::Bottom,
        Position::LeftBottom,
        Position::Left,
        Position::LeftTop,
    ];
    for position in positions {
        for rotation in [0.0, 33.0, 90.0, 180.0, 200.0] {
            for words in ["Wg", "a longer text that is wrapped, because otherwise it would be far too small"]
            {
                let asked = Watermark {
                    position: Some(position),
                    rotation: Some(rotation),
                    margin: Some(17),
                    size: Some(1.0),
                    ..text(words)
                };
                let (left, top, right, bottom, _) = changed(&apply(grey(200, 120), &asked)).unwrap();
                let inside = left >= 17 && top >= 17 && right <= 182 && bottom <= 102;
                assert!(inside, "{position:?} {rotation} {words}: {left} {top} {right} {bottom}");
            }
        }
    }
}

#[test]
fn any_text_fits_any_picture() {
    let words = "lorem ipsum dolor sit amet ".repeat(19);
    let texts = [
        "x".to_owned(),
        "W".repeat(500),
        words[..500].to_owned(),
        "e\u{301}\u{302}\u{303}\u{304}".repeat(100),
        "a".to_owned() + &"\u{20dd}".repeat(499),
        "👩‍👩‍👧‍👦".repeat(60),
        "שלום مرحبا ".repeat(40),
        "!\u{2029}\u{10ac0}\u{2028}שלום\u{85}left\u{1c}שלום\u{1d}left\u{1e}שלום".to_owned(),
        "\u{202e}\u{200b}\u{feff}\u{0}\u{1b}[0m<b>&amp;".repeat(20),
        "line\n".repeat(90),
        "\u{fffd}\u{10ffff}\u{e000}".into(),
    ];
    for text_ in &texts {
        for (width, height) in [(1, 1), (2, 1), (1, 40), (40, 3), (300, 20), (64, 64), (500, 300)] {
            for rotation in [0.0, 30.0] {
                let asked = Watermark { rotation: Some(rotation), size: Some(1.0), ..text(text_) };
                let result = apply(grey(width, height), &asked);
                assert_eq!((result.width, result.height), (width, height));
            }
        }
        let (.., count) = changed(&apply(grey(500, 300), &text(text_))).unwrap();
        assert!(count > 10, "{text_:?} must show");
    }
}

#[test]
fn text_without_ink_changes_nothing() {
    assert_eq!(apply(grey(50, 50), &text("\u{200b}\u{200d}")), grey(50, 50));
}

#[test]
fn opacity_colour_and_layout() {
    let bar = |asked: &Watermark, pixels: Pixels| apply(pixels, asked);
    let faint = bar(&Watermark { opacity: Some(0.1), ..text("█████") }, grey(100, 50));
    let most = faint.data.iter().max().unwrap();
    assert!((100..=112).contains(most), "a tenth of the way from 90 to 255, not {most}");
    let red = Watermark { colour: Some("red".into()), ..text("MMM") };
    let on_grey = bar(&red, Pixels::zeroed(100, 50, Layout::Grey));
    assert_eq!(on_grey.layout, Layout::Rgb);
    assert!(on_grey.data.as_chunks::<3>().0.contains(&[255, 0, 0]));
    let white = bar(&text("MMM"), Pixels::zeroed(100, 50, Layout::Grey));
    assert_eq!(white.layout, Layout::Grey);
    let clear = bar(&red, Pixels::zeroed(100, 50, Layout::Rgba));
    assert!(clear.data.as_chunks::<4>().0.contains(&[255, 0, 0, 255]));
    assert!(clear.data.as_chunks::<4>().0.contains(&[0, 0, 0, 0]));
}

#[test]
fn tiles_reach_every_corner() {
    let asked = Watermark { tile: true, size: Some(0.1), ..text("tile") };
    let result = apply(grey(400, 300), &asked);
    for (x, y) in [(0, 0), (300, 0), (0, 200), (300, 200)] {
        let corner = crate::ops::crop(&result, crate::ops::Rect { left: x, top: y, width: 100, height: 100 });
        assert!(changed(&corner).is_some(), "nothing near {x},{y}");
    }
}

#[test]
fn an_overlay_must_be_there_and_be_an_image() {
    let asked = Watermark { image_id: Some("0".repeat(24)), ..Watermark::default() };
    for overlay in [None, Some(&b"<svg/>"[..]), Some(&b"\x89PNG\r\n\x1a\n"[..])] {
        let result = watermark(grey(9, 9), &asked, overlay, &Limits::default(), &CancelToken::new());
        let Err(Error::Invalid(errors)) = result else { panic!("{overlay:?} must be refused") };
        assert_eq!(errors[0].field, "watermark.imageId");
    }
}
