//! A picture as numbers into a palette: exactly, where there are few colours, or so near that the difference can't be seen.
//!
//! The palette of a picture with more colours is `quantizr`'s. Its error is diffused, so that what the eye sees is the mean
//! of some neighbours; both are held against the original here, and a picture in which either is off keeps its colours.

use std::borrow::Cow;
use std::collections::HashMap;

use super::expand;
use crate::error::Error;
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};

/// The most colours that an index of 8 bits can name.
const COLOURS: usize = 256;
/// Side of the squares that are judged on their own, so that a spot that is off isn't lost among the rest.
const SQUARE: usize = 8;
/// The greatest error of a sample, in levels, as the square root of the mean square: over the picture, and over any square.
const ERROR: f64 = 2.0;
const SQUARE_ERROR: f64 = 6.0;
/// The greatest difference of the mean of a square, in levels.
const MEAN_ERROR: f64 = 1.5;
/// As many colours as can be counted without taking much memory.
const MANY: usize = 1 << 18;
const ROWS_BETWEEN_CHECKS: usize = 64;

type Colour = [u8; 4];

/// One index a pixel, and the colours (RGBA) that they name; those that are not solid come first.
#[derive(Debug)]
pub(super) struct Indexed {
    pub(super) palette: Vec<Colour>,
    pub(super) indices: Vec<u8>,
}

impl Indexed {
    /// The same picture, if it has few enough colours.
    pub(super) fn exact(pixels: &Pixels, cancel: &CancelToken) -> Result<Option<Self>, Error> {
        let rgba = expand::to(pixels, Layout::Rgba);
        let mut seen: HashMap<Colour, u8> = HashMap::new();
        let mut palette: Vec<Colour> = Vec::new();
        let mut indices = Vec::with_capacity(rgba.data.len() / 4);
        let mut last: Option<(Colour, u8)> = None;
        for y in 0..rgba.height {
            if (y as usize).is_multiple_of(ROWS_BETWEEN_CHECKS) {
                cancel.check()?;
            }
            for &colour in rgba.row(y).as_chunks::<4>().0 {
                let index = match last {
                    Some((known, index)) if known == colour => index,
                    _ => match seen.get(&colour) {
                        Some(&index) => index,
                        None if palette.len() == COLOURS => return Ok(None),
                        None => {
                            let index = palette.len() as u8;
                            palette.push(colour);
                            seen.insert(colour, index);
                            index
                        }
                    },
                };
                last = Some((colour, index));
                indices.push(index);
            }
        }
        Ok(Some(Self { palette, indices }.sorted()))
    }

    /// A picture that looks the same, if there is one of so few colours.
    pub(super) fn alike(pixels: &Pixels, cancel: &CancelToken) -> Result<Option<Self>, Error> {
        let rgba = expand::to(pixels, Layout::Rgba);
        if has_many_colours(&rgba) {
            return Ok(None);
        }
        let failed = |error: quantizr::Error| Error::Bug(format!("palette: {error}"));
        let image = quantizr::Image::new(&rgba.data, rgba.width as usize, rgba.height as usize);
        let image = image.map_err(failed)?;
        let found = quantizr::QuantizeResult::quantize(&image, &quantizr::Options::default());
        cancel.check()?;
        let mut indices = vec![0; rgba.data.len() / 4];
        found.remap_image(&image, &mut indices).map_err(failed)?;
        cancel.check()?;
        let palette = found.get_palette();
        let palette = palette.entries.iter().take(palette.count as usize).map(|c| [c.r, c.g, c.b, c.a]);
        let indexed = Self { palette: palette.collect(), indices };
        Ok(indexed.looks_like(&rgba).then(|| indexed.sorted()))
    }

    /// Brings the colours with alpha to the front: what follows them needs none in the file.
    fn sorted(mut self) -> Self {
        let mut order: Vec<usize> = (0..self.palette.len()).collect();
        order.sort_by_key(|&index| self.palette[index][3] == u8::MAX);
        let mut place = [0; COLOURS];
        for (new, &old) in order.iter().enumerate() {
            place[old] = new as u8;
        }
        self.palette = order.iter().map(|&old| self.palette[old]).collect();
        self.indices.iter_mut().for_each(|index| *index = place[usize::from(*index)]);
        self
    }

    /// Whether nobody would see the difference.
    fn looks_like(&self, rgba: &Pixels) -> bool {
        let (width, height) = (rgba.width as usize, rgba.height as usize);
        let mut all = 0.0;
        for top in (0..height).step_by(SQUARE) {
            for left in (0..width).step_by(SQUARE) {
                let (bottom, right) = ((top + SQUARE).min(height), (left + SQUARE).min(width));
                let (mut squares, mut sums) = (0_i64, [0_i64; 4]);
                for y in top..bottom {
                    let original = rgba.row(y as u32).as_chunks::<4>().0;
                    let indices = &self.indices[y * width..][left..right];
                    for (&index, &original) in indices.iter().zip(&original[left..right]) {
                        let found = shown(self.palette[usize::from(index)]);
                        for ((sum, a), b) in sums.iter_mut().zip(found).zip(shown(original)) {
                            let difference = i64::from(a) - i64::from(b);
                            *sum += difference;
                            squares += difference * difference;
                        }
                    }
                }
                let count = ((bottom - top) * (right - left)) as f64;
                let off = |&sum: &i64| (sum as f64 / count).abs() > MEAN_ERROR;
                if (squares as f64 / count / 4.0).sqrt() > SQUARE_ERROR || sums.iter().any(off) {
                    return false;
                }
                all += squares as f64;
            }
        }
        (all / (width * height * 4) as f64).sqrt() <= ERROR
    }

    /// Bits of an index in a PNG: 1, 2, 4 or 8.
    pub(super) fn depth(&self) -> u8 {
        match self.palette.len() {
            0..=2 => 1,
            3..=4 => 2,
            5..=16 => 4,
            _ => 8,
        }
    }

    /// The indices as rows of a PNG, `width` of them in each.
    pub(super) fn packed(&self, width: usize) -> Cow<'_, [u8]> {
        let depth = self.depth();
        if depth == 8 {
            return Cow::Borrowed(&self.indices);
        }
        let each = usize::from(8 / depth);
        let byte = |some: &[u8]| {
            let bits = some.iter().fold(0, |bits, index| bits << depth | index);
            bits << (usize::from(depth) * (each - some.len()))
        };
        self.indices.chunks(width).flat_map(|row| row.chunks(each).map(byte)).collect()
    }
}

/// A colour by what it adds to a picture: nothing where it is clear.
fn shown([red, green, blue, alpha]: Colour) -> Colour {
    let times = |sample: u8| ((u32::from(sample) * u32::from(alpha) + 127) / 255) as u8;
    [times(red), times(green), times(blue), alpha]
}

/// Whether more than every fourth pixel has a colour of its own, and there are more than fit many times into a palette: 256
/// can't look like that, and to count them all would take far more than the picture. Some may share a place and be missed.
fn has_many_colours(rgba: &Pixels) -> bool {
    const PLACES: u32 = 24;
    let mut seen = vec![0_u64; 1 << (PLACES - 6)];
    let mut count = 0;
    for &colour in rgba.data.as_chunks::<4>().0 {
        let place = u32::from_le_bytes(colour).wrapping_mul(0x9E37_79B1) >> (32 - PLACES);
        let (word, bit) = (&mut seen[place as usize >> 6], 1 << (place & 63));
        count += usize::from(*word & bit == 0);
        *word |= bit;
    }
    count > MANY && count > rgba.data.len() / 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::samples::{gradient, photo};

    fn exact(pixels: &Pixels) -> Option<Indexed> {
        Indexed::exact(pixels, &CancelToken::new()).unwrap()
    }

    #[test]
    fn few_colours_are_kept_exactly() {
        for colours in [1, 2, 3, 4, 5, 16, 17, 256, 257_usize] {
            let data = (0..300).flat_map(|i| {
                let n = (i * 7) % colours;
                [n as u8, (n / 256) as u8, 9, if n % 3 == 0 { 40 } else { 255 }]
            });
            let pixels = Pixels::from_data(20, 15, Layout::Rgba, data.collect());
            let Some(indexed) = exact(&pixels) else {
                assert_eq!(colours, 257);
                continue;
            };
            assert_eq!(indexed.palette.len(), colours);
            let solid = indexed.palette.iter().position(|c| c[3] == 255).unwrap_or(colours);
            assert!(indexed.palette[solid..].iter().all(|c| c[3] == 255));
            let found: Vec<u8> =
                indexed.indices.iter().flat_map(|&i| indexed.palette[usize::from(i)]).collect();
            assert_eq!(found, pixels.data);
        }
    }

    #[test]
    fn indices_are_packed_from_the_top_bit_on() {
        let indices = vec![1, 0, 1, 1, 0];
        let two = Indexed { palette: vec![[0; 4]; 2], indices: indices.clone() };
        assert_eq!(*two.packed(5), [0b1011_0000]);
        let three = Indexed { palette: vec![[0; 4]; 3], indices: [2, 0, 1, 2, 1, 0, 1, 0, 2, 2].to_vec() };
        assert_eq!(*three.packed(5), [0b1000_0110, 0b0100_0000, 0b0001_0010, 0b1000_0000]);
        let five = Indexed { palette: vec![[0; 4]; 5], indices: [4, 3, 2].to_vec() };
        assert_eq!(*five.packed(3), [0x43, 0x20]);
    }

    /// Sixty-four by sixty-four pixels of a text-like drawing whose edges are blended, in more than 256 colours.
    fn drawing() -> Pixels {
        let sample = |i: usize| {
            let (x, y) = ((i % 64) as i32, (i / 64) as i32);
            let edge = (((x - 32).pow(2) + (y - 32).pow(2)) % 97).min(16) as u8;
            let tint = ((x / 16) * 4 + y / 16) as u8;
            [edge * 15, edge * 13 + tint, 200 - edge * 9 + tint * 2]
        };
        Pixels::from_data(64, 64, Layout::Rgb, (0..64 * 64).flat_map(sample).collect())
    }

    #[test]
    fn what_looks_the_same_passes_and_what_does_not_is_left_alone() {
        let alike = |pixels: &Pixels| Indexed::alike(pixels, &CancelToken::new()).unwrap();
        let drawing = drawing();
        assert!(exact(&drawing).is_none());
        let indexed = alike(&drawing).expect("a few more colours than 256, all near each other");
        assert_eq!(indexed.indices.len(), 64 * 64);
        assert!(indexed.looks_like(&expand::to(&drawing, Layout::Rgba)));
        assert!(alike(&photo(160, 120)).is_none());
        assert!(alike(&gradient(256, 256, Layout::Rgba)).is_none());
    }

    #[test]
    fn one_spot_that_is_off_is_enough() {
        let mut pixels = Pixels::from_data(256, 256, Layout::Rgb, vec![90; 256 * 256 * 3]);
        let indexed = exact(&pixels).unwrap();
        assert!(indexed.looks_like(&expand::to(&pixels, Layout::Rgba)));
        for y in 100..104 {
            pixels.data[(y * 256 + 50) * 3..][..12].fill(106);
        }
        assert!(!indexed.looks_like(&expand::to(&pixels, Layout::Rgba)));
    }

    #[test]
    fn the_colour_of_what_is_clear_is_not_seen() {
        let clear = |red| Pixels::from_data(1, 1, Layout::Rgba, vec![red, 0, 0, 0]);
        let indexed = exact(&clear(7)).unwrap();
        assert!(indexed.looks_like(&clear(200)));
    }
}
