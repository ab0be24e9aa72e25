//! PNG of every kind that the engine does not write itself.

use super::*;
use crate::encode::samples::{gradient, idat, ihdr, png};
use crate::pixels::Layout;

#[test]
fn palettes_with_transparency_are_expanded() {
    let source = png(&[
        ihdr(4, 1, 2, 3, false),
        (*b"PLTE", vec![1, 2, 3, 40, 50, 60, 70, 80, 90]),
        (*b"tRNS", vec![0, 128]),
        idat(&[vec![0b00_01_10_00]]),
    ]);
    assert!(header(&source).alpha);
    let found = pixels(&source);
    assert_eq!(found.layout, Layout::Rgba);
    assert_eq!(found.data, [1, 2, 3, 0, 40, 50, 60, 128, 70, 80, 90, 255, 1, 2, 3, 0]);
}

#[test]
fn opaque_palettes_have_no_alpha() {
    let source = png(&[ihdr(2, 1, 8, 3, false), (*b"PLTE", vec![1, 2, 3, 40, 50, 60]), idat(&[vec![1, 0]])]);
    assert!(!header(&source).alpha);
    assert_eq!(pixels(&source).data, [40, 50, 60, 1, 2, 3]);
}

#[test]
fn a_palette_must_be_there() {
    let found = open(&png(&[ihdr(2, 1, 8, 3, false), idat(&[vec![1, 0]])]), &Limits::default());
    assert!(matches!(found, Err(Error::Undecodable { .. })));
}

#[test]
fn a_palette_has_1_to_256_whole_colours() {
    let opened = |bytes| {
        let chunks =
            [ihdr(2, 1, 8, 3, false), (*b"PLTE", vec![7; bytes]), (*b"tRNS", vec![9]), idat(&[vec![0, 0]])];
        open(&png(&chunks), &Limits::default()).map(|_| ())
    };
    for bytes in [0, 1, 2, 4, 49, 770, 771] {
        assert!(matches!(opened(bytes), Err(Error::Undecodable { .. })), "{bytes} bytes");
    }
    for bytes in [3, 48, 768] {
        assert_eq!(opened(bytes), Ok(()), "{bytes} bytes");
    }
}

#[test]
fn few_bits_are_spread_over_the_whole_range() {
    for (depth, byte, wanted) in
        [(1, 0b0110_0000, vec![0, 255, 255, 0]), (2, 0b00_01_10_11, vec![0, 85, 170, 255])]
    {
        let found = pixels(&png(&[ihdr(4, 1, depth, 0, false), idat(&[vec![byte]])]));
        assert_eq!((found.layout, found.data), (Layout::Grey, wanted), "{depth} bits");
    }
    let found = pixels(&png(&[ihdr(2, 1, 4, 0, false), idat(&[vec![0x1F]])]));
    assert_eq!(found.data, [17, 255]);
}

#[test]
fn sixteen_bits_are_rounded() {
    // 257 n is n exactly; 128 steps further is still nearest to n, 129 to n + 1.
    let samples: Vec<u8> =
        [0u16, 128, 129, 257 * 7 + 128, 257 * 7 + 129, 65_535].iter().flat_map(|v| v.to_be_bytes()).collect();
    let found = pixels(&png(&[ihdr(6, 1, 16, 0, false), idat(std::slice::from_ref(&samples))]));
    assert_eq!((found.layout, &found.data[..]), (Layout::Grey, &[0, 0, 1, 7, 8, 255][..]));
    let found = pixels(&png(&[ihdr(3, 1, 16, 4, false), idat(&[samples])]));
    assert_eq!((found.layout, &found.data[..]), (Layout::GreyAlpha, &[0, 0, 1, 7, 8, 255][..]));
}

#[test]
fn a_transparent_grey_becomes_alpha() {
    let source = png(&[ihdr(2, 1, 8, 0, false), (*b"tRNS", vec![0, 9]), idat(&[vec![9, 8]])]);
    let found = pixels(&source);
    assert_eq!((found.layout, &found.data[..]), (Layout::GreyAlpha, &[9, 0, 8, 255][..]));
}

/// Start and step of the seven passes.
const PASSES: [(usize, usize, usize, usize); 7] =
    [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

fn interlaced(original: &Pixels, depth: u8, colour: u8) -> Vec<u8> {
    let channels = original.layout.channels();
    let mut rows = Vec::new();
    for (left, top, step_x, step_y) in PASSES {
        for y in (top..original.height as usize).step_by(step_y) {
            let row = original.row(y as u32);
            let samples = (left..original.width as usize)
                .step_by(step_x)
                .flat_map(|x| &row[x * channels..][..channels])
                .flat_map(|&sample| vec![sample; usize::from(depth / 8)])
                .collect::<Vec<u8>>();
            if !samples.is_empty() {
                rows.push(samples);
            }
        }
    }
    png(&[ihdr(original.width, original.height, depth, colour, true), idat(&rows)])
}

#[test]
fn interlacing_is_undone() {
    for (width, height) in [(1, 1), (5, 3), (8, 8), (21, 17)] {
        for (layout, colour) in
            [(Layout::Grey, 0), (Layout::Rgb, 2), (Layout::GreyAlpha, 4), (Layout::Rgba, 6)]
        {
            let original = gradient(width, height, layout);
            // A sample doubled to 16 bits is 257 times itself.
            for depth in [8, 16] {
                let source = interlaced(&original, depth, colour);
                assert_eq!(pixels(&source), original, "{layout:?} {width}x{height} at {depth} bits");
            }
        }
    }
}

#[test]
fn wrong_headers_are_refused() {
    let refused = |chunk| open(&png(&[chunk, idat(&[vec![0; 64]])]), &Limits::default()).unwrap_err();
    for chunk in [ihdr(0, 1, 8, 0, false), ihdr(4, 4, 3, 0, false), ihdr(4, 4, 8, 1, false)] {
        assert!(matches!(refused(chunk), Error::Undecodable { .. }));
    }
    assert!(matches!(refused(ihdr(0x7FFF_FFFF, 1, 8, 0, false)), Error::LimitExceeded { .. }));
    assert!(matches!(refused(ihdr(0x8000_0000, 1, 8, 0, false)), Error::Undecodable { .. }));
    let mut wrong_sum = png(&[ihdr(4, 4, 8, 0, false), idat(&vec![vec![0; 4]; 4])]);
    wrong_sum[29] ^= 1;
    assert!(matches!(open(&wrong_sum, &Limits::default()), Err(Error::Undecodable { .. })));
}

#[test]
fn bombs_in_text_are_not_inflated() {
    let bomb = [b"Comment\0\0".to_vec(), fdeflate::compress_to_vec(&vec![0; 64 << 20])].concat();
    let rows = vec![vec![7; 2]; 2];
    let source = png(&[ihdr(2, 2, 8, 0, false), (*b"zTXt", bomb), idat(&rows)]);
    assert_eq!(pixels(&source).data, [7; 4]);
}
