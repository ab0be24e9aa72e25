//! PNG of every kind that the engine does not write itself.

use super::*;
use crate::encode::samples::{gradient, idat, ihdr, noise, png};
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

/// The pixels of each row of each pass, by their places. A row without pixels is none.
fn passes(width: usize, height: usize) -> Vec<Vec<(usize, usize)>> {
    let mut rows = Vec::new();
    for (left, top, step_x, step_y) in PASSES {
        for y in (top..height).step_by(step_y) {
            rows.push((left..width).step_by(step_x).map(|x| (x, y)).collect());
        }
    }
    rows.retain(|row: &Vec<_>| !row.is_empty());
    rows
}

fn interlaced(original: &Pixels, depth: u8, colour: u8) -> Vec<u8> {
    let channels = original.layout.channels();
    let row = |places: Vec<(usize, usize)>| {
        let pixel = |(x, y): (usize, usize)| &original.row(y as u32)[x * channels..][..channels];
        let samples = places.into_iter().flat_map(pixel);
        samples.flat_map(|&sample| vec![sample; usize::from(depth / 8)]).collect()
    };
    let rows: Vec<_> =
        passes(original.width as usize, original.height as usize).into_iter().map(row).collect();
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

/// A row of pixels of so many bits each.
fn packed(pixels: impl IntoIterator<Item = u64>, bits: usize) -> Vec<u8> {
    let mut row = Vec::new();
    let bits = pixels.into_iter().flat_map(|pixel| (0..bits).rev().map(move |bit| (pixel >> bit) & 1));
    for (at, bit) in bits.enumerate() {
        if at % 8 == 0 {
            row.push(0);
        }
        row[at / 8] |= (bit as u8) << (7 - at % 8);
    }
    row
}

/// The same picture in noise, as it is and interlaced. Every third pixel is of one colour, which is the transparent
/// one if any is.
fn both_ways(
    (width, height): (usize, usize),
    depth: u8,
    colour: u8,
    channels: usize,
    transparent: bool,
) -> [Vec<u8>; 2] {
    let bits = usize::from(depth) * channels;
    let mut noise = 7_u64;
    let mut random = |bits: usize| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise >> (64 - bits)
    };
    let one = random(bits);
    let pixels: Vec<u64> = (0..width * height).map(|i| if i % 3 == 0 { one } else { random(bits) }).collect();
    let mut chunks = Vec::new();
    if colour == 3 {
        chunks.push((*b"PLTE", (0..3 << depth).map(|_| random(8) as u8).collect()));
    }
    if transparent && colour == 3 {
        // Less than there are colours: the others are solid.
        chunks.push((*b"tRNS", (0..1 << (depth - 1)).map(|_| random(8) as u8).collect()));
    } else if transparent {
        let sample = |channel: usize| (one >> (channel * usize::from(depth))) & ((1 << depth) - 1);
        let samples = (0..channels).rev().map(sample);
        chunks.push((*b"tRNS", samples.flat_map(|sample| (sample as u16).to_be_bytes()).collect()));
    }
    let plain: Vec<_> = pixels.chunks(width).map(|row| packed(row.iter().copied(), bits)).collect();
    let row =
        |places: Vec<(usize, usize)>| packed(places.into_iter().map(|(x, y)| pixels[y * width + x]), bits);
    let passes: Vec<_> = passes(width, height).into_iter().map(row).collect();
    [(plain, false), (passes, true)].map(|(rows, interlaced)| {
        let header = ihdr(width as u32, height as u32, depth, colour, interlaced);
        png(&[vec![header], chunks.clone(), vec![idat(&rows)]].concat())
    })
}

#[test]
fn interlacing_makes_no_difference() {
    const FEW: &[u8] = &[1, 2, 4, 8];
    const ALL: &[u8] = &[1, 2, 4, 8, 16];
    const MANY: &[u8] = &[8, 16];
    for (colour, channels, depths) in [(0, 1, ALL), (2, 3, MANY), (3, 1, FEW), (4, 2, MANY), (6, 4, MANY)] {
        for (&depth, transparent) in depths.iter().flat_map(|depth| [(depth, false), (depth, true)]) {
            let has_alpha = matches!(colour, 4 | 6);
            if transparent && has_alpha {
                continue;
            }
            for size in (1..=9).flat_map(|width| (1..=9).map(move |height| (width, height))) {
                let sources = both_ways(size, depth, colour, channels, transparent);
                let [plain, interlaced] = sources.map(|source| pixels(&source));
                let what = format!("colour type {colour}, {depth} bits, {size:?}");
                assert_eq!(plain.layout.has_alpha(), has_alpha || transparent, "{what}");
                if transparent && colour != 3 {
                    assert_eq!(plain.data[channels], 0, "{what}");
                }
                assert!(interlaced == plain, "{what}, transparent: {transparent}");
            }
        }
    }
}

#[test]
fn of_an_animated_png_the_default_image_is_shown() {
    let rows = |pixels: &Pixels| -> Vec<Vec<u8>> {
        pixels.data.chunks(pixels.stride()).map(<[u8]>::to_vec).collect()
    };
    // Number, size, place; a tenth of a second.
    let control = |number: u32, pixels: &Pixels| {
        let place = [7 - pixels.width, 5 - pixels.height];
        let numbers = [number, pixels.width, pixels.height, place[0], place[1]];
        (*b"fcTL", [&numbers.map(u32::to_be_bytes).concat()[..], &[0, 1, 0, 10, 0, 0]].concat())
    };
    let data = |number: u32, pixels: &Pixels| {
        (*b"fdAT", [&number.to_be_bytes()[..], &idat(&rows(pixels)).1].concat())
    };
    for (layout, colour) in [(Layout::Grey, 0), (Layout::Rgb, 2), (Layout::GreyAlpha, 4), (Layout::Rgba, 6)] {
        let (still, moving) = (noise(7, 5, layout), gradient(3, 2, layout));
        let first = [ihdr(7, 5, 8, colour, false), (*b"acTL", vec![0, 0, 0, 2, 0, 0, 0, 0])];
        // It may be the first frame, or none of them.
        let frames = [
            vec![control(0, &still), idat(&rows(&still)), control(1, &moving), data(2, &moving)],
            vec![
                idat(&rows(&still)),
                control(0, &still),
                data(1, &gradient(7, 5, layout)),
                control(2, &moving),
                data(3, &moving),
            ],
        ];
        for frames in frames {
            let source = png(&[&first[..], &frames].concat());
            assert_eq!(header(&source).frames, 1);
            assert_eq!(pixels(&source), still);
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
