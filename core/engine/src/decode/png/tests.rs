//! Ordinary files, whose rows are undone here, beside what the `png` crate makes of the same bytes.

use proptest::prelude::*;

use super::*;
use crate::encode::samples::{idat, ihdr, photo, png};
use crate::header::Inspection;

fn header(source: &[u8]) -> Option<Header> {
    match crate::decode::inspect(source, true, &Limits::default()) {
        Ok(Inspection::Ready(header)) => Some(header),
        _ => None,
    }
}

/// The rows that one of the two ways reads, to the end of the file.
fn rows(mut rows: Rows<'_>, header: &Header) -> Result<Vec<u8>, Error> {
    let row = header.width as usize * rows.layout().channels();
    let mut found = vec![0; row * header.height as usize];
    for row in found.chunks_exact_mut(row) {
        rows.read(row)?;
    }
    rows.finish()?;
    Ok(found)
}

/// What comes of a file here, with vectors and without, and there; nothing where it is not an ordinary one.
fn everywhere(source: &[u8]) -> Option<[Result<Vec<u8>, Error>; 3]> {
    let limits = Limits::default();
    let header = header(source)?;
    let here = |simd| match Scanlines::open(source, &header, simd).transpose()? {
        Ok(scanlines) => Some(rows(Rows(Kind::Ordinary(scanlines)), &header)),
        Err(error) => Some(Err(error)),
    };
    let there = || {
        let (reader, layout, deep) = open(source, &header, &limits)?;
        assert!(!deep && !reader.info().interlaced);
        rows(Rows(Kind::Other(Others { reader, layout, wide: Vec::new() })), &header)
    };
    Some([here(Simd::best())?, here(Simd::SCALAR)?, there()])
}

/// The same pixels everywhere, or the same kind of refusal. Says whether there were pixels.
fn agrees(found: &[Result<Vec<u8>, Error>; 3]) -> bool {
    match found {
        [Ok(best), Ok(scalar), Ok(there)] => {
            assert!(best == there && scalar == there, "other pixels");
            true
        }
        [Err(Error::Undecodable { .. }), Err(Error::Undecodable { .. }), Err(Error::Undecodable { .. })] => {
            false
        }
        _ => panic!("they differ: {:?}", found.each_ref().map(|found| found.as_ref().map(Vec::len))),
    }
}

/// A file with these deflated bytes, in chunks of at most this size.
fn file(head: ([u8; 4], Vec<u8>), deflated: &[u8], chunk: usize) -> Vec<u8> {
    let mut chunks = vec![head];
    chunks.extend(deflated.chunks(chunk).map(|data| (*b"IDAT", data.to_vec())));
    png(&chunks)
}

const COLOURS: [u8; 4] = [0, 4, 2, 6];

/// What is done to a file: bits of its deflated data that change, and where it ends.
type Harm = (Option<(prop::sample::Index, u8)>, Option<prop::sample::Index>);

fn harm() -> impl Strategy<Value = Harm> {
    let damage = proptest::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (damage, proptest::option::of(any::<prop::sample::Index>()))
}

fn harmed(head: ([u8; 4], Vec<u8>), raw: &[u8], chunk: usize, (damage, cut): Harm) -> Vec<u8> {
    let mut deflated = fdeflate::compress_to_vec(raw);
    if let Some((place, mask)) = damage {
        let place = place.index(deflated.len());
        deflated[place] ^= mask;
    }
    let mut source = file(head, &deflated, chunk);
    if let Some(place) = cut {
        source.truncate(place.index(source.len()));
    }
    source
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn rows_and_refusals_are_those_of_the_crate(
        (width, height) in (1..=67_usize, 1..=67_usize),
        bpp in 1..=4_usize,
        noise in proptest::collection::vec(any::<u8>(), 64..256),
        filters in proptest::collection::vec(0..5_u8, 1..9),
        chunk in 1..5000_usize,
        harm in harm(),
        missing in 0..3_usize,
    ) {
        let mut raw = Vec::new();
        for y in 0..height {
            raw.push(filters[y % filters.len()]);
            raw.extend((0..width * bpp).map(|x| noise[(x * (y + 1) + y) % noise.len()]));
        }
        // Most files have all of their rows.
        raw.truncate(raw.len() - missing / 2);
        let head = ihdr(width as u32, height as u32, 8, COLOURS[bpp - 1], false);
        match everywhere(&harmed(head, &raw, chunk, harm)) {
            None => prop_assert!(harm.1.is_some()),
            Some(found) => {
                let whole = agrees(&found);
                prop_assert!(whole || missing == 2 || harm.0.is_some() || harm.1.is_some());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn so_they_are_where_not_all_is_kept(
        (width, height) in (500..9000_usize, 40..60_usize),
        bpp in 1..=4_usize,
        filters in proptest::collection::vec(0..5_u8, 1..9),
        chunk in 1..50_000_usize,
        harm in harm(),
    ) {
        let row = |y: usize| (0..width * bpp).map(move |x| (x * x / (y + 7) % 251) as u8);
        let rows = (0..height).flat_map(|y| std::iter::once(filters[y % filters.len()]).chain(row(y)));
        let raw: Vec<u8> = rows.collect();
        let head = ihdr(width as u32, height as u32, 8, COLOURS[bpp - 1], false);
        if let Some(found) = everywhere(&harmed(head, &raw, chunk, harm)) {
            let whole = agrees(&found);
            prop_assert!(whole || harm.0.is_some() || harm.1.is_some());
        }
    }
}

/// A file as programs write it, with references far back.
fn written(pixels: &Pixels, colour: png::ColorType, filter: png::Filter) -> Vec<u8> {
    let mut source = Vec::new();
    let mut encoder = png::Encoder::new(&mut source, pixels.width, pixels.height);
    encoder.set_color(colour);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(filter);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels.data).unwrap();
    writer.finish().unwrap();
    source
}

#[test]
fn files_larger_than_what_is_kept_of_them_are_read_whole() {
    // Three rows that come again and again at a distance below the window's, and a row larger than the window.
    for (width, height) in [(3000, 150), (16_000, 9), (1, 9000)] {
        let mut pixels = photo(width, 3);
        pixels.data = pixels.data.repeat(height as usize / 3);
        pixels.height = height;
        for filter in [png::Filter::Adaptive, png::Filter::Paeth, png::Filter::Up, png::Filter::NoFilter] {
            let source = written(&pixels, png::ColorType::Rgb, filter);
            let header = header(&source).unwrap();
            let found = decode(&source, &header, &Limits::default(), &CancelToken::new()).unwrap();
            assert_eq!(found.pixels, pixels, "{width}x{height} {filter:?}");
            assert!(agrees(&everywhere(&source).unwrap()));
        }
    }
}

#[test]
fn a_filter_that_there_is_not_is_refused() {
    for bad in 0..7 {
        let mut raw = [&[4_u8][..], &[1; 12]].concat().repeat(7);
        raw[13 * bad] = 5;
        let source = file(ihdr(4, 7, 8, 2, false), &fdeflate::compress_to_vec(&raw), 1 << 16);
        assert!(!agrees(&everywhere(&source).unwrap()));
    }
}

#[test]
fn what_is_deflated_beyond_the_last_row_is_no_part_of_the_picture() {
    let raw = [&[2_u8][..], &[9; 12]].concat().repeat(9);
    let source = file(ihdr(4, 7, 8, 2, false), &fdeflate::compress_to_vec(&raw), 1 << 16);
    assert!(agrees(&everywhere(&source).unwrap()));
}

#[test]
fn other_files_are_left_to_the_crate() {
    let row = [idat(&[vec![0; 16]])];
    let with = |chunks: &[([u8; 4], Vec<u8>)]| png(&[chunks, &row].concat());
    let opened =
        |source: &[u8]| Scanlines::open(source, &header(source).unwrap(), Simd::best()).unwrap().is_some();
    let plain = ihdr(2, 1, 8, 0, false);
    assert!(opened(&with(std::slice::from_ref(&plain))));
    assert!(!opened(&with(&[plain.clone(), (*b"tRNS", vec![0, 9])])));
    assert!(!opened(&with(&[plain.clone(), (*b"acTL", vec![0, 0, 0, 1, 0, 0, 0, 0])])));
    for (depth, colour, interlaced) in [(16, 2, false), (4, 0, false), (8, 6, true)] {
        assert!(!opened(&with(&[ihdr(2, 1, depth, colour, interlaced)])));
    }
    assert!(!opened(&with(&[ihdr(2, 1, 8, 3, false), (*b"PLTE", vec![1, 2, 3])])));
}

#[test]
fn a_file_that_is_not_what_was_inspected_is_refused() {
    let source = |width| png(&[ihdr(width, 1, 8, 0, false), idat(&[vec![0; 16]])]);
    let other = header(&source(3)).unwrap();
    let source = source(2);
    let found = Rows::open(&source, &other, &Limits::default());
    assert!(matches!(found.map(|_| ()), Err(Error::Undecodable { .. })));
}
