//! GIF, one frame, with a palette of its own: the exact colours where there are at most 256, else those of
//! `NeuQuant` (Dekker 1994). A pixel of less than half opacity is transparent, all others are solid.

use std::borrow::Cow;
use std::collections::HashMap;

use color_quant::NeuQuant;

use super::expand;
use crate::error::Error;
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};

const COLOURS: usize = 256;

/// At most one in this many pixels trains the quantiser.
const SAMPLING: usize = 10;
/// About as many pixels train it at the least, if there are so many.
const TRAINING: usize = 10_000;
const ROWS_BETWEEN_CHECKS: usize = 64;

type Colour = [u8; 3];

/// Three bytes a colour, and one index a pixel.
struct Paletted {
    palette: Vec<u8>,
    indices: Vec<u8>,
}

pub(super) fn encode(pixels: &Pixels, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
    cancel.check()?;
    let rgba = expand::to(pixels, Layout::Rgba);
    let (width, height) = (pixels.width as u16, pixels.height as u16);
    let frame = quantise(&rgba, cancel)?;
    let frame = gif::Frame { width, height, ..frame };
    let failed = |error: gif::EncodingError| Error::Bug(format!("GIF encoder: {error}"));
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[]).map_err(failed)?;
    encoder.write_frame(&frame).map_err(failed)?;
    drop(encoder);
    cancel.check()?;
    Ok(bytes)
}

pub(super) fn is_transparent(pixel: &[u8]) -> bool {
    pixel[3] < 128
}

/// Palette and indices.
pub(super) fn quantise(rgba: &Pixels, cancel: &CancelToken) -> Result<gif::Frame<'static>, Error> {
    let transparent = rgba.data.chunks_exact(4).any(is_transparent);
    let room = COLOURS - usize::from(transparent);
    let Paletted { mut palette, indices } = match exact(rgba, room, cancel)? {
        Some(found) => found,
        None => nearest(rgba, room, cancel)?,
    };
    let index = transparent.then(|| {
        palette.extend([0; 3]);
        (palette.len() / 3 - 1) as u8
    });
    let solid = |(i, pixel): (u8, &[u8])| index.filter(|_| is_transparent(pixel)).unwrap_or(i);
    let buffer = indices.into_iter().zip(rgba.data.chunks_exact(4)).map(solid).collect();
    Ok(gif::Frame {
        palette: Some(palette),
        transparent: index,
        buffer: Cow::Owned(buffer),
        ..gif::Frame::default()
    })
}

/// The colours in the order in which they appear, if there are few enough.
fn exact(rgba: &Pixels, room: usize, cancel: &CancelToken) -> Result<Option<Paletted>, Error> {
    let mut seen: HashMap<Colour, u8> = HashMap::new();
    let mut palette = Vec::new();
    let mut indices = Vec::with_capacity(rgba.data.len() / 4);
    for (y, row) in rgba.data.chunks_exact(rgba.stride()).enumerate() {
        if y % ROWS_BETWEEN_CHECKS == 0 {
            cancel.check()?;
        }
        for pixel in row.chunks_exact(4) {
            if is_transparent(pixel) {
                indices.push(0);
                continue;
            }
            let colour = [pixel[0], pixel[1], pixel[2]];
            let next = seen.len();
            let index = *seen.entry(colour).or_insert_with(|| {
                palette.extend(colour);
                next as u8
            });
            if seen.len() > room {
                return Ok(None);
            }
            indices.push(index);
        }
    }
    Ok(Some(Paletted { palette, indices }))
}

fn nearest(rgba: &Pixels, room: usize, cancel: &CancelToken) -> Result<Paletted, Error> {
    let solid: Vec<u8> = rgba
        .data
        .chunks_exact(4)
        .filter(|pixel| !is_transparent(pixel))
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], u8::MAX])
        .collect();
    let sampling = (solid.len() / 4 / TRAINING).clamp(1, SAMPLING);
    let quantiser = NeuQuant::new(sampling as i32, room, &solid);
    cancel.check()?;
    let mut known: HashMap<Colour, u8> = HashMap::new();
    let mut indices = Vec::with_capacity(rgba.data.len() / 4);
    for (y, row) in rgba.data.chunks_exact(rgba.stride()).enumerate() {
        if y % ROWS_BETWEEN_CHECKS == 0 {
            cancel.check()?;
        }
        for pixel in row.chunks_exact(4) {
            let colour = [pixel[0], pixel[1], pixel[2]];
            let [r, g, b] = colour;
            let look_up = || quantiser.index_of(&[r, g, b, u8::MAX]) as u8;
            indices.push(if is_transparent(pixel) {
                0
            } else {
                *known.entry(colour).or_insert_with(look_up)
            });
        }
    }
    Ok(Paletted { palette: quantiser.color_map_rgb(), indices })
}
