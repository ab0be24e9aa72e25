//! PNG, not interlaced: 8 bits a sample, or a palette where one is asked for or bytes are scarce.
//!
//! Filters are chosen per row and the fast compressor runs over them: a fifth of the time of the usual one, and
//! smaller files than libpng makes without filters.

use std::fmt::Display;
use std::io::{Cursor, Write as _};

use super::Encoding;
use super::indexed::Indexed;
use crate::error::Error;
use crate::format::Format;
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};

/// Bytes of a chunk that is written before the picture is whole.
const CHUNK: usize = 32 << 10;
/// Bytes around what is compressed: the signature, what is in the header, and three chunks' own.
const AROUND: usize = 8 + 13 + 3 * 12;

/// Which ways are gone beside the usual one. Whatever comes of them is taken only where the file is smaller with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ways {
    /// At most 256 colours, where nobody can see it.
    pub(super) palette: bool,
    /// All that there are without loss, for up to twenty times the time.
    pub(super) thorough: bool,
    /// RGB without colour as grey, among those: not for a profile of RGB.
    pub(super) grey: bool,
}

pub(super) fn encode(pixels: &Pixels, ways: Ways, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
    let Ways { palette, thorough, grey } = ways;
    let mut smallest = of_rows((pixels.width, pixels.height), pixels.layout, cancel, |put| {
        pixels.data.chunks_exact(pixels.stride()).try_for_each(put)
    })?;
    let mut keep = |bytes: Vec<u8>| {
        if bytes.len() < smallest.len() {
            smallest = bytes;
        }
    };
    if palette || thorough {
        let mut found = Indexed::exact(pixels, cancel)?;
        if palette && found.is_none() {
            found = Indexed::alike(pixels, cancel)?;
        }
        if let Some(found) = found {
            let packer = if thorough { png::Compression::High } else { png::Compression::Balanced };
            keep(indexed(pixels, &found, packer, cancel)?);
        }
    }
    if thorough {
        let grey = grey.then(|| as_grey(pixels)).flatten();
        let pixels = grey.as_ref().unwrap_or(pixels);
        for filter in [png::Filter::Adaptive, png::Filter::NoFilter] {
            keep(samples(pixels, filter, cancel)?);
        }
    }
    Ok(smallest)
}

/// Whether this is the usual way to write a PNG, for which [`of_rows`] is enough.
pub(crate) fn takes_rows(encoding: Encoding) -> bool {
    let Encoding { format, palette, thorough, .. } = encoding;
    format == Format::Png && !palette && !thorough
}

/// The usual file, of the rows that `give` hands over one by one, in samples as they are. Only what was compressed is held.
pub(crate) fn of_rows(
    (width, height): (u32, u32),
    layout: Layout,
    cancel: &CancelToken,
    give: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    cancel.check()?;
    let colour = colour(layout)?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Adaptive);
    let mut writer = encoder.write_header().map_err(bug)?;
    let mut stream = writer.stream_writer_with_size(CHUNK).map_err(bug)?;
    give(&mut |row| stream.write_all(row).map_err(bug))?;
    stream.finish().map_err(bug)?;
    writer.finish().map_err(bug)?;
    cancel.check()?;
    let raw = (width as usize * layout.channels() + 1) * height as usize;
    let stored = fdeflate::StoredOnlyCompressor::<()>::compressed_size(raw);
    if bytes.len() <= AROUND + stored {
        return Ok(bytes);
    }
    // Noise is best left alone. Its rows are gone by now: they are read back.
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().map_err(bug)?;
    let mut samples = vec![0; raw - height as usize];
    reader.next_frame(&mut samples).map_err(bug)?;
    drop(reader);
    write((width, height), &samples, cancel, |encoder| {
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::NoCompression);
    })
}

fn colour(layout: Layout) -> Result<png::ColorType, Error> {
    match layout {
        Layout::Grey => Ok(png::ColorType::Grayscale),
        Layout::GreyAlpha => Ok(png::ColorType::GrayscaleAlpha),
        Layout::Rgb => Ok(png::ColorType::Rgb),
        Layout::Rgba => Ok(png::ColorType::Rgba),
        Layout::Cmyk => Err(Error::Bug("PNG can't store CMYK".into())),
    }
}

/// The samples as they are, more thoroughly.
fn samples(pixels: &Pixels, filter: png::Filter, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
    let colour = colour(pixels.layout)?;
    write((pixels.width, pixels.height), &pixels.data, cancel, |encoder| {
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(filter);
    })
}

/// Indices and their palette. Neighbouring indices tell nothing of each other, so they are not filtered.
fn indexed(
    pixels: &Pixels,
    indexed: &Indexed,
    compression: png::Compression,
    cancel: &CancelToken,
) -> Result<Vec<u8>, Error> {
    let colours = indexed.palette.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]);
    let alpha: Vec<u8> = indexed.palette.iter().map(|c| c[3]).take_while(|&alpha| alpha < u8::MAX).collect();
    let size = (pixels.width, pixels.height);
    write(size, &indexed.packed(pixels.width as usize), cancel, |encoder| {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(match indexed.depth() {
            1 => png::BitDepth::One,
            2 => png::BitDepth::Two,
            4 => png::BitDepth::Four,
            _ => png::BitDepth::Eight,
        });
        encoder.set_palette(colours.collect::<Vec<u8>>());
        if !alpha.is_empty() {
            encoder.set_trns(alpha);
        }
        encoder.set_compression(compression);
        encoder.set_filter(png::Filter::NoFilter);
    })
}

/// The same picture without colour, if it has none.
fn as_grey(pixels: &Pixels) -> Option<Pixels> {
    let (layout, channels) = match pixels.layout {
        Layout::Rgb => (Layout::Grey, 3),
        Layout::Rgba => (Layout::GreyAlpha, 4),
        Layout::Grey | Layout::GreyAlpha | Layout::Cmyk => return None,
    };
    let each = || pixels.data.chunks_exact(channels);
    each().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]).then(|| {
        let data = each().flat_map(|pixel| pixel[2..].iter().copied()).collect();
        Pixels::from_data(pixels.width, pixels.height, layout, data)
    })
}

fn write<'a>(
    (width, height): (u32, u32),
    rows: &[u8],
    cancel: &CancelToken,
    set: impl FnOnce(&mut png::Encoder<'a, &mut Vec<u8>>),
) -> Result<Vec<u8>, Error> {
    cancel.check()?;
    let mut bytes = Vec::with_capacity(rows.len() / 2);
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    set(&mut encoder);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(rows)?;
        writer.finish()
    });
    written.map_err(bug)?;
    cancel.check()?;
    Ok(bytes)
}

/// What is written is valid by its making, so that these errors can't occur.
fn bug(error: impl Display) -> Error {
    Error::Bug(format!("PNG encoder: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::samples::{gradient, photo};

    /// By another reader, as RGBA.
    fn read(file: &[u8]) -> (png::ColorType, Vec<u8>) {
        let colour = png::Decoder::new(Cursor::new(file)).read_info().unwrap().info().color_type;
        (colour, image::load_from_memory(file).unwrap().into_rgba8().into_raw())
    }

    fn encoded(pixels: &Pixels, palette: bool, thorough: bool) -> Vec<u8> {
        encode(pixels, Ways { palette, thorough, grey: true }, &CancelToken::new()).unwrap()
    }

    /// A picture of this many colours in noise, some of them half clear.
    fn coloured(colours: usize, (width, height): (u32, u32)) -> Pixels {
        let mut noise = 7_u32;
        let data = (0..width * height).flat_map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let n = (noise >> 16) as usize % colours;
            [(n * 37) as u8, (n * 91) as u8, n as u8, if n == 1 { 128 } else { 255 }]
        });
        Pixels::from_data(width, height, Layout::Rgba, data.collect())
    }

    #[test]
    fn few_colours_become_a_palette_without_loss() {
        for colours in [1, 2, 4, 7, 16, 40, 256] {
            for size in [(61, 53), (64, 64), (33, 90)] {
                let pixels = coloured(colours, size);
                let plain = encoded(&pixels, false, false);
                for (palette, thorough) in [(true, false), (false, true)] {
                    let file = encoded(&pixels, palette, thorough);
                    let (colour, samples) = read(&file);
                    assert_eq!(samples, pixels.data, "{colours} colours at {size:?}");
                    assert!(file.len() <= plain.len());
                    if colours > 1 {
                        assert_eq!(colour, png::ColorType::Indexed, "{colours} colours at {size:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn noise_takes_little_more_than_its_samples() {
        for layout in [Layout::Grey, Layout::GreyAlpha, Layout::Rgb, Layout::Rgba] {
            let mut noise = 7_u32;
            let mut pixels = Pixels::zeroed(150, 90, layout);
            for sample in &mut pixels.data {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = (noise >> 24) as u8;
            }
            let file = encoded(&pixels, false, false);
            assert!(file.len() < pixels.data.len() + 300, "{layout:?}: {} bytes", file.len());
            let (colour, samples) = read(&file);
            assert_eq!(colour, super::colour(layout).unwrap());
            let file = encoded(&gradient(150, 90, layout), false, false);
            assert!(file.len() < pixels.data.len() / 2, "{layout:?}: {} bytes", file.len());
            if layout == Layout::Rgba {
                assert_eq!(samples, pixels.data);
            }
        }
    }

    #[test]
    fn photos_keep_their_colours() {
        let photo = photo(160, 120);
        assert_eq!(encoded(&photo, true, false), encoded(&photo, false, false));
        let (_, samples) = read(&encoded(&photo, false, true));
        assert!(samples.chunks(4).map(|pixel| &pixel[..3]).eq(photo.data.chunks(3)));
    }

    #[test]
    fn a_palette_that_takes_more_is_not_used() {
        // Sixteen pixels of sixteen colours: the palette alone is as long as they are.
        let pixels = coloured(200, (4, 4));
        assert_ne!(read(&encoded(&pixels, true, false)).0, png::ColorType::Indexed);
    }

    #[test]
    fn thorough_is_smaller_and_without_loss() {
        for layout in [Layout::Grey, Layout::GreyAlpha, Layout::Rgb, Layout::Rgba] {
            let pixels = gradient(200, 100, layout);
            let (usual, thorough) = (encoded(&pixels, false, false), encoded(&pixels, false, true));
            assert!(thorough.len() < usual.len(), "{layout:?}");
            assert_eq!(read(&usual).1, read(&thorough).1, "{layout:?}");
        }
        let grey = gradient(200, 100, Layout::Grey);
        let data = grey.data.iter().flat_map(|&sample| [sample; 3]).collect();
        let coloured = Pixels::from_data(200, 100, Layout::Rgb, data);
        assert_eq!(as_grey(&coloured), Some(grey));
        assert_eq!(as_grey(&photo(9, 9)), None);
    }
}
