//! Of an animation the first frame counts, and the number of frames is limited.

use std::borrow::Cow;

use super::*;
use crate::encode::samples::{file, gradient, riff, vp8x, webp};
use crate::pixels::Layout;

const RED: [u8; 4] = [255, 0, 0, 255];
const CLEAR: [u8; 4] = [0; 4];

/// Frames of one red pixel at (1, 2) on a canvas of 4 x 3.
fn animated_gif(frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = ::gif::Encoder::new(&mut bytes, 4, 3, &[]).unwrap();
    for _ in 0..frames {
        encoder.write_frame(&red_frame([1, 2], [1, 1])).unwrap();
    }
    drop(encoder);
    bytes
}

/// A red frame of a GIF at this place, of this size.
fn red_frame([left, top]: [u16; 2], [width, height]: [u16; 2]) -> ::gif::Frame<'static> {
    let buffer = Cow::Owned(vec![0; usize::from(width) * usize::from(height)]);
    let palette = Some(vec![255, 0, 0, 0, 0, 0]);
    ::gif::Frame { left, top, width, height, palette, buffer, ..::gif::Frame::default() }
}

/// Frames of 2 x 2 at (2, 0) on a canvas of 5 x 3; positions are stored halved.
fn animated_webp(frames: usize) -> Vec<u8> {
    let still = file(&Pixels::from_data(2, 2, Layout::Rgba, RED.repeat(4)), Format::Webp);
    let frame = [&[1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 100, 0, 0, 0][..], &still[12..]].concat();
    let mut chunks = vec![vp8x(0x02 | 0x10, 5, 3), riff(*b"ANIM", &[0; 6])];
    chunks.extend(vec![riff(*b"ANMF", &frame); frames]);
    webp(&chunks)
}

#[test]
fn the_first_frame_lies_on_the_canvas() {
    let found = pixels(&animated_gif(3));
    assert_eq!((found.width, found.height, found.layout), (4, 3, Layout::Rgba));
    let red: Vec<usize> = (0..12).filter(|i| found.data[i * 4..][..4] == RED).collect();
    let clear = (0..12).filter(|i| found.data[i * 4..][..4] == CLEAR).count();
    assert_eq!((red, clear), (vec![9], 11));

    let found = pixels(&animated_webp(3));
    assert_eq!((found.width, found.height, found.layout), (5, 3, Layout::Rgba));
    let red: Vec<usize> = (0..15).filter(|i| found.data[i * 4..][..4] == RED).collect();
    let clear = (0..15).filter(|i| found.data[i * 4..][..4] == CLEAR).count();
    assert_eq!((red, clear), (vec![2, 3, 7, 8], 11));
}

#[test]
fn of_a_gif_frame_anywhere_the_part_on_the_canvas_is_seen() {
    for place in (0..6).flat_map(|left| (0..5).map(move |top| [left, top])) {
        for size in [[1, 1], [4, 3], [4, 2], [4, 1], [2, 4], [5, 2], [9, 9]] {
            let mut bytes = Vec::new();
            let mut encoder = ::gif::Encoder::new(&mut bytes, 4, 3, &[]).unwrap();
            encoder.write_frame(&red_frame(place, size)).unwrap();
            drop(encoder);
            let found = pixels(&bytes);
            for (i, pixel) in found.data.chunks_exact(4).enumerate() {
                let at = [i as u16 % 4, i as u16 / 4];
                let inside = (0..2).all(|axis| (place[axis]..place[axis] + size[axis]).contains(&at[axis]));
                assert_eq!(pixel, if inside { RED } else { CLEAR }, "{size:?} at {place:?}, pixel {at:?}");
            }
        }
    }
}

#[test]
fn frames_are_limited() {
    let limits = Limits { max_frames: 5, ..Limits::default() };
    for make in [animated_gif, animated_webp] {
        assert!(open(&make(5), &limits).is_ok());
        let found = open(&make(6), &limits).unwrap_err();
        assert_eq!(found, Error::LimitExceeded { what: "number of frames", actual: 6, limit: 5 });
    }
}

#[test]
fn gif_keeps_up_to_256_colours_exactly() {
    let opaque = gradient(16, 16, Layout::Grey);
    let found = pixels(&file(&opaque, Format::Gif));
    assert_eq!(found, *crate::encode::expand::to(&opaque, Layout::Rgba));

    let mut with_hole = gradient(15, 17, Layout::Rgba);
    for (i, pixel) in with_hole.data.chunks_exact_mut(4).enumerate() {
        pixel[3] = if i % 5 == 0 { 127 } else { 128 };
    }
    let found = pixels(&file(&with_hole, Format::Gif));
    for (pixel, original) in found.data.chunks_exact(4).zip(with_hole.data.chunks_exact(4)) {
        if original[3] < 128 {
            assert_eq!(pixel[3], 0);
        } else {
            assert_eq!((&pixel[..3], pixel[3]), (&original[..3], 255));
        }
    }
}

#[test]
fn gif_quantises_many_colours() {
    for layout in [Layout::Rgb, Layout::Rgba] {
        let original = gradient(120, 90, layout);
        let found = pixels(&file(&original, Format::Gif));
        let mut total = 0u64;
        let mut solid = 0u64;
        for (pixel, original) in found.data.chunks_exact(4).zip(original.data.chunks_exact(layout.channels()))
        {
            if original.get(3).is_some_and(|&alpha| alpha < 128) {
                assert_eq!(pixel[3], 0);
                continue;
            }
            assert_eq!(pixel[3], 255);
            solid += 3;
            total += pixel.iter().zip(&original[..3]).map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
        }
        assert!(total / solid < 12, "{layout:?}: {} off on average", total / solid);
    }
}
