//! The markers before the data: JFIF, quantisation tables, frame, Huffman tables, scan.

use super::Sampling;
use super::codes::Codes;

/// T.81, Table K.1, row by row.
#[rustfmt::skip]
const LUMA: [u16; 64] = [
    16, 11, 10, 16,  24,  40,  51,  61,
    12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,
    14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,
    24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103,  99,
];

/// T.81, Table K.2, row by row.
#[rustfmt::skip]
const CHROMA: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// The zigzag order: which coefficient of a block, row by row, comes when.
#[rustfmt::skip]
pub(super) const ZIGZAG: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The quantisation steps of luma and chroma at `quality`, row by row, by libjpeg's formula.
pub(super) fn tables(quality: u8) -> [[u16; 64]; 2] {
    let quality = u32::from(quality.clamp(1, 100));
    let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let scaled = |step: u16| ((u32::from(step) * scale + 50) / 100).clamp(1, 255) as u16;
    [LUMA.map(scaled), CHROMA.map(scaled)]
}

/// Writes everything from the start of the image to the start of the scan.
pub(super) fn write(
    out: &mut Vec<u8>,
    (width, height): (usize, usize),
    sampling: Sampling,
    tables: &[[u16; 64]; 2],
    codes: &[[Codes; 2]; 2],
) {
    out.extend([0xFF, 0xD8]);
    // JFIF 1.01, square pixels, no thumbnail.
    segment(out, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let kinds = if sampling == Sampling::Grey { 1 } else { 2 };
    for (target, table) in (0..).zip(tables).take(kinds) {
        let steps = ZIGZAG.map(|at| table[usize::from(at)] as u8);
        segment(out, 0xDB, &[&[target], &steps[..]].concat());
    }
    let [h1, h0] = (height as u16).to_be_bytes();
    let [w1, w0] = (width as u16).to_be_bytes();
    let count = sampling.planes() as u8;
    let factor = sampling.factor() as u8;
    let mut frame = vec![8, h1, h0, w1, w0, count];
    let mut scan = vec![count];
    for id in 1..=count {
        let (factor, tables) = if id == 1 { (factor, 0) } else { (1, 1) };
        frame.extend([id, factor << 4 | factor, tables]);
        scan.extend([id, tables << 4 | tables]);
    }
    segment(out, 0xC0, &frame);
    for (target, codes) in (0..).zip(codes).take(kinds) {
        for (kind, Codes { counts, symbols }) in (0..).zip(codes) {
            segment(out, 0xC4, &[&[kind << 4 | target], &counts[..], symbols].concat());
        }
    }
    scan.extend([0, 63, 0]);
    segment(out, 0xDA, &scan);
}

fn segment(out: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend((payload.len() as u16 + 2).to_be_bytes());
    out.extend(payload);
}
