//! A stamp from an image file.

use super::overlay_error;
use super::place::Room;
use crate::error::Error;
use crate::limits::{CancelToken, Limits, at_most};
use crate::ops::layout::{with_alpha, with_colour};
use crate::pixels::Pixels;
use crate::transform::{decode_upright, header};

/// One part in so many of a job's memory is for the image of a watermark, which no plan counts: the plan is made before it is
/// known.
const SHARE: u64 = 4;

/// Decodes `file` upright and in sRGB, as wide as `room` asks for or as large as it allows.
pub(super) fn stamp(
    file: &[u8],
    room: &Room,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Pixels, Error> {
    let header = header(file, limits).map_err(blame_overlay)?;
    let (width, height) = header.upright_size();
    let (across, down) = (room.width, room.width * f64::from(height) / f64::from(width));
    let factor = room.factor((across, down));
    let scaled = |side: f64| ((side * factor).round() as u32).max(1);
    let size = (scaled(across), scaled(down));
    let decoded = u64::from(width) * u64::from(height) * 4;
    at_most("memory needed for the watermark in bytes", decoded, limits.max_memory_bytes / SHARE)?;
    let pixels = decode_upright(file, &header, size, limits, cancel).map_err(blame_overlay)?;
    Ok(with_alpha(with_colour(pixels)))
}

/// Errors about the overlay's bytes must not be taken for errors about the source's.
fn blame_overlay(error: Error) -> Error {
    match error {
        Error::Unsupported { .. } | Error::Undecodable { .. } | Error::LimitExceeded { .. } => {
            overlay_error(format!("the image that it names can't be used: {error}"))
        }
        error => error,
    }
}
