//! Files that are made of their own parts: the rows of a PNG and the codes of a GIF.

use std::io::Write as _;

use super::*;

/// A PNG that no single choice of filters packs as well as the two that it has: rows that come again in any order, and below
/// them a smooth slope.
fn well_packed() -> (Pixels, Vec<u8>) {
    let (width, height) = (256_u32, 192_u32);
    let mut noise = 7_u32;
    let mut next = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise >> 24
    };
    let rows: Vec<Vec<u8>> = (0..16).map(|_| (0..width * 3).map(|_| next() as u8).collect()).collect();
    let mut data = Vec::new();
    for _ in 0..height / 2 {
        data.extend(&rows[next() as usize % rows.len()]);
    }
    for y in 0..height / 2 {
        data.extend((0..width).flat_map(|x| [x * x / 300 + y, x * y / 100, x + y * y / 50].map(|v| v as u8)));
    }
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, width, height);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_compression(::png::Compression::High);
    encoder.set_filter(::png::Filter::NoFilter);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    let (upper, lower) = data.split_at(data.len() / 2);
    stream.write_all(upper).unwrap();
    stream.set_filter(::png::Filter::Adaptive);
    stream.write_all(lower).unwrap();
    stream.finish().unwrap();
    writer.finish().unwrap();
    (Pixels::from_data(width, height, Layout::Rgb, data), file)
}

#[test]
fn a_png_that_was_packed_well_keeps_its_rows_and_nothing_else() {
    let (pixels, plain) = well_packed();
    let thorough = written(&pixels, Encoding { thorough: true, ..Encoding::new(Format::Png, 100) });
    assert!(thorough.len() > plain.len() + 100, "{} of {} bytes", thorough.len(), plain.len());
    // Chunks that the picture is read without, in front of its rows and behind them, and what is behind it all.
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        img_parts::png::PngChunk::new(*kind, data.to_vec().into()).encoder().bytes().to_vec()
    };
    let front = [chunk(b"tEXt", b"a\0left"), chunk(b"PLTE", b"lefleflef")].concat();
    let back = [chunk(b"tRNS", &[0; 6]), chunk(b"PLTE", b"lefleflef")].concat();
    let end = plain.len() - 12;
    let source = [&plain[..33], &front, &plain[33..end], &back, &plain[end..], b"left"].concat();
    let found = run(&source, r#"{"quality":99}"#);
    assert!(found.len() <= plain.len(), "{} of {} bytes", found.len(), plain.len());
    assert_eq!(distance(&decoded(&found), &pixels), 0);
    for kind in [&b"tEXt"[..], b"PLTE", b"tRNS", b"lef"] {
        assert!(!found.windows(kind.len()).any(|part| part == kind), "{kind:?}");
    }
}

/// What is behind the rows, in their chunks, is no part of the picture.
#[test]
fn nothing_is_hidden_behind_the_rows_of_a_png() {
    let (pixels, plain) = well_packed();
    let mut data: Vec<u8> = Vec::new();
    let file = img_parts::png::Png::from_bytes(plain.into()).unwrap();
    file.chunks_by_type(*b"IDAT").for_each(|chunk| data.extend(chunk.contents()));
    let with = |data: Vec<u8>| {
        let mut file = file.clone();
        file.remove_chunks_by_type(*b"IDAT");
        let end = file.chunks().len() - 1;
        file.chunks_mut().insert(end, img_parts::png::PngChunk::new(*b"IDAT", data.into()));
        file.encoder().bytes().to_vec()
    };
    let source = with([&data[..], b"what was cut away"].concat());
    let found = run(&source, r#"{"quality":99}"#);
    let clean = with(data);
    assert!(found == clean, "{} bytes, without a tail {}", found.len(), clean.len());
    assert_eq!(distance(&decoded(&found), &pixels), 0);
    // A row more than the picture has.
    let mut tall = pixels.clone();
    tall.data.extend(vec![9; tall.stride()]);
    tall.height += 1;
    let tall = written(&tall, Encoding::new(Format::Png, 100));
    let mut short = tall.clone();
    short[20..24].copy_from_slice(&pixels.height.to_be_bytes());
    let crc = decode::crc32(&short[12..29]).to_be_bytes();
    short[29..33].copy_from_slice(&crc);
    assert_eq!(distance(&decoded(&run(&short, r#"{"quality":99}"#)), &pixels), 0);
    let repacked = |file: &[u8]| png::of_file(file, &CancelToken::new()).unwrap();
    assert_eq!(repacked(&short), None);
    assert!(repacked(&tall).is_some());
}

/// Frames with palettes of their own and of the file, some with a colour that is clear, of all disposals, in rows that are
/// interlaced or not; and what else a GIF can hold.
fn moving_gif(frames: u16) -> Vec<u8> {
    let palette = |seed: u8| (0..96_u8).map(|i| i.wrapping_mul(seed)).collect::<Vec<u8>>();
    let mut encoder = ::gif::Encoder::new(Vec::new(), 60, 40, &palette(7)).unwrap();
    if frames > 1 {
        encoder.set_repeat(::gif::Repeat::Finite(3)).unwrap();
    }
    encoder.write_raw_extension(::gif::Extension::Comment.into(), &[b"made by hand"]).unwrap();
    for n in 0..frames {
        let (width, height) = if n == 0 { (60, 40) } else { (30 + n, 17) };
        // Stripes, which no palette of another makes smaller.
        let buffer: Vec<u8> = (0..width * height).map(|i| (i / 7 * (n + 1) % 32) as u8).collect();
        let mut frame = ::gif::Frame::from_indexed_pixels(width, height, buffer, (n % 2 == 1).then_some(3));
        frame.palette = (n % 3 == 1).then(|| palette(11));
        frame.delay = 5 * n;
        frame.dispose = [
            ::gif::DisposalMethod::Any,
            ::gif::DisposalMethod::Background,
            ::gif::DisposalMethod::Keep,
            ::gif::DisposalMethod::Previous,
        ][usize::from(n) % 4];
        (frame.left, frame.top) = (n, 2 * n);
        encoder.write_frame(&frame).unwrap();
    }
    encoder.into_inner().unwrap()
}

/// All frames as another reader shows them, with their delays.
fn shown(gif: &[u8]) -> Vec<(Vec<u8>, (u32, u32))> {
    use image::AnimationDecoder as _;
    let frames = image::codecs::gif::GifDecoder::new(std::io::Cursor::new(gif)).unwrap().into_frames();
    frames
        .map(|frame| {
            let frame = frame.unwrap();
            (frame.buffer().as_raw().clone(), frame.delay().numer_denom_ms())
        })
        .collect()
}

#[test]
fn a_gif_comes_back_without_loss() {
    for frames in [1, 2, 9] {
        let source = moving_gif(frames);
        let found = run(&source, r#"{"width":60}"#);
        assert!(found.len() <= source.len(), "{} of {} bytes", found.len(), source.len());
        assert!(shown(&found) == shown(&source), "{frames} frames");
        assert!(!found.windows(4).any(|part| part == b"made"));
        if frames > 1 {
            let decoder = ::gif::DecodeOptions::new().read_info(&found[..]).unwrap();
            let mut decoder = decoder;
            decoder.read_next_frame().unwrap();
            assert_eq!(decoder.repeat(), ::gif::Repeat::Finite(3));
        }
    }
}

/// A GIF of one picture of noise whose compressor goes on with its table once that is full, which saves a tenth.
fn well_packed_gif() -> Vec<u8> {
    let (width, height) = (200_u16, 160_u16);
    let mut noise = 7_u32;
    let pixels: Vec<u8> = (0..width * height)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 30) as u8 * (noise >> 29 & 1) as u8
        })
        .collect();
    let (clear, end) = (4_usize, 5_usize);
    let mut table = std::collections::HashMap::new();
    let (mut bits, mut wide, mut next) = (Vec::new(), 3, end + 1);
    let put =
        |bits: &mut Vec<bool>, code: usize, wide: u32| bits.extend((0..wide).map(|n| code >> n & 1 == 1));
    put(&mut bits, clear, wide);
    let mut prefix = usize::from(pixels[0]);
    for &pixel in &pixels[1..] {
        if let Some(&longer) = table.get(&(prefix, pixel)) {
            prefix = longer;
            continue;
        }
        put(&mut bits, prefix, wide);
        if next < 4096 {
            table.insert((prefix, pixel), next);
            wide += u32::from(next == 1 << wide);
            next += 1;
        }
        prefix = usize::from(pixel);
    }
    put(&mut bits, prefix, wide);
    put(&mut bits, end, wide);
    let byte = |bits: &[bool]| bits.iter().enumerate().map(|(n, &bit)| u8::from(bit) << n).sum::<u8>();
    let mut buffer = vec![2_u8];
    buffer.extend(bits.chunks(8).map(byte));
    buffer.extend(b"left behind the codes");
    let frame = ::gif::Frame {
        width,
        height,
        buffer: buffer.into(),
        palette: Some((0..12).map(|n| n * 20).collect()),
        ..::gif::Frame::default()
    };
    let mut encoder = ::gif::Encoder::new(Vec::new(), width, height, &[]).unwrap();
    encoder.write_lzw_pre_encoded_frame(&frame).unwrap();
    encoder.into_inner().unwrap()
}

#[test]
fn a_gif_that_was_packed_well_keeps_its_codes_and_nothing_else() {
    let source = well_packed_gif();
    let found = run(&source, r#"{"width":200}"#);
    assert!(found.len() <= source.len() - 20, "{} of {} bytes", found.len(), source.len());
    assert!(shown(&found) == shown(&source));
    assert!(!found.windows(4).any(|part| part == b"left"));
    // As it is written by most, who begin a new table.
    let mut decoder = ::gif::DecodeOptions::new().read_info(&source[..]).unwrap();
    let frame = decoder.read_next_frame().unwrap().unwrap();
    let mut encoder = ::gif::Encoder::new(Vec::new(), 200, 160, &[]).unwrap();
    encoder.write_frame(frame).unwrap();
    assert!(encoder.into_inner().unwrap().len() > source.len());
}

/// What is beyond the screen is not shown, so it may not come along.
#[test]
fn frames_that_reach_beyond_the_screen_are_cut() {
    for frames in [1, 9] {
        let mut source = moving_gif(frames);
        source[6..10].copy_from_slice(&[30, 0, 20, 0]);
        let found = run(&source, r#"{"width":30}"#);
        let mut decoder = ::gif::DecodeOptions::new().read_info(&found[..]).unwrap();
        assert_eq!((decoder.width(), decoder.height()), (30, 20));
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            assert!(frame.left + frame.width <= 30 && frame.top + frame.height <= 20);
        }
    }
}

#[test]
fn codes_are_followed_to_their_end() {
    let codes = |data: &[u8], pixels| gif::codes(data, pixels);
    assert_eq!(codes(&[2], 4), None);
    assert_eq!(codes(&[9, 0], 1), None);
    assert_eq!(codes(&[], 1), None);
    for bytes in 0..4 {
        let found = codes(&[2, 4, 0, 0, 0][..2 + bytes], 100);
        assert_eq!(found, None, "{bytes} bytes for a hundred pixels");
    }
    // 4, 0, 5 in three bits each.
    let one = [2, 0b0100_0100, 0b1];
    assert_eq!(codes(&one, 1), Some(one.to_vec()));
    assert_eq!(codes(&[2, 0b0000_0100], 1), Some(vec![2, 0b0100_0100, 0b1]));
}
