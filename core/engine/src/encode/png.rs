//! PNG, not interlaced: 8 bits a sample, or a palette where one is asked for or bytes are scarce.
//!
//! Filters are chosen per row and the fast compressor runs over them: a fifth of the time of the usual one, and
//! smaller files than libpng makes without filters.

use super::indexed::Indexed;
use crate::error::Error;
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};

/// With `palette` a picture may be written in at most 256 colours where nobody can see it. With `thorough` the smallest of
/// several ways is taken, all of them without loss, for up to twenty times the time. Either way a palette is used only
/// where the file is smaller with it.
pub(super) fn encode(
    pixels: &Pixels,
    palette: bool,
    thorough: bool,
    cancel: &CancelToken,
) -> Result<Vec<u8>, Error> {
    let mut smallest = samples(pixels, png::Compression::Fast, png::Filter::Adaptive, cancel)?;
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
        let grey = as_grey(pixels);
        let pixels = grey.as_ref().unwrap_or(pixels);
        for filter in [png::Filter::Adaptive, png::Filter::NoFilter] {
            keep(samples(pixels, png::Compression::High, filter, cancel)?);
        }
    }
    Ok(smallest)
}

/// The samples as they are.
fn samples(
    pixels: &Pixels,
    compression: png::Compression,
    filter: png::Filter,
    cancel: &CancelToken,
) -> Result<Vec<u8>, Error> {
    let colour = match pixels.layout {
        Layout::Grey => png::ColorType::Grayscale,
        Layout::GreyAlpha => png::ColorType::GrayscaleAlpha,
        Layout::Rgb => png::ColorType::Rgb,
        Layout::Rgba => png::ColorType::Rgba,
        Layout::Cmyk => return Err(Error::Bug("PNG can't store CMYK".into())),
    };
    write(pixels, &pixels.data, cancel, |encoder| {
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(compression);
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
    write(pixels, &indexed.packed(pixels.width as usize), cancel, |encoder| {
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
    pixels: &Pixels,
    rows: &[u8],
    cancel: &CancelToken,
    set: impl FnOnce(&mut png::Encoder<'a, &mut Vec<u8>>),
) -> Result<Vec<u8>, Error> {
    cancel.check()?;
    let mut bytes = Vec::with_capacity(rows.len() / 2);
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width, pixels.height);
    set(&mut encoder);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(rows)?;
        writer.finish()
    });
    written.map_err(|error| Error::Bug(format!("PNG encoder: {error}")))?;
    cancel.check()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::samples::{gradient, photo};

    /// By another reader, as RGBA.
    fn read(file: &[u8]) -> (png::ColorType, Vec<u8>) {
        let colour = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap().info().color_type;
        (colour, image::load_from_memory(file).unwrap().into_rgba8().into_raw())
    }

    fn encoded(pixels: &Pixels, palette: bool, thorough: bool) -> Vec<u8> {
        encode(pixels, palette, thorough, &CancelToken::new()).unwrap()
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
