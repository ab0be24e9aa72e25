//! Text or an image laid over the picture: made as a stamp with alpha, turned, placed, blended.
//!
//! A stamp is made to fit the picture inside its margins, whatever the text and however small the picture.

mod image;
mod place;
mod text;

use crate::color::css;
use crate::error::{Error, FieldError};
use crate::limits::{CancelToken, Limits};
use crate::ops::blend::lay_over;
use crate::ops::layout::drop_opaque_alpha;
use crate::ops::{Region, Turn, orient, resize, rotate};
use crate::pixels::{Layout, Pixels};
use crate::transformation::Watermark;
use place::Frame;

/// Share of the picture's width that a watermark takes when nothing else is asked for.
const DEFAULT_SIZE: f64 = 0.5;
const DEFAULT_OPACITY: f64 = 0.5;

/// Lays the watermark that was `asked` for over `pixels`. `overlay` is the file of the image that it names.
pub(crate) fn watermark(
    pixels: Pixels,
    asked: &Watermark,
    overlay: Option<&[u8]>,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Pixels, Error> {
    let frame = Frame::new((pixels.width, pixels.height), asked.margin);
    let degrees = asked.rotation.unwrap_or(0.0);
    let width = asked.size.unwrap_or(DEFAULT_SIZE) * f64::from(pixels.width);
    let room = frame.room_for(width, degrees);
    let stamp = match &asked.text {
        Some(text) => text::stamp(text, asked.colour.as_deref().and_then(css::parse), &room, cancel)?,
        None => Some(image::stamp(overlay.ok_or_else(missing)?, &room, limits, cancel)?),
    };
    let Some(stamp) = stamp else { return Ok(pixels) };
    let stamp = inside(turned(stamp, degrees, cancel)?, &frame)?;
    let opacity = asked.opacity.unwrap_or(DEFAULT_OPACITY);
    if !asked.tile {
        let corner = frame.corner((stamp.width, stamp.height), asked.position.unwrap_or_default());
        return Ok(lay_over(pixels, &stamp, corner, opacity));
    }
    let mut pixels = pixels;
    for corner in frame.tiles((stamp.width, stamp.height), asked.margin) {
        cancel.check()?;
        pixels = lay_over(pixels, &stamp, corner, opacity);
    }
    Ok(drop_opaque_alpha(pixels))
}

fn turned(stamp: Pixels, degrees: f64, cancel: &CancelToken) -> Result<Pixels, Error> {
    if degrees % 90.0 == 0.0 {
        Ok(orient(stamp, Turn::quarters((degrees.rem_euclid(360.0) / 90.0) as u8)))
    } else {
        rotate(stamp, degrees, [0; 4], cancel)
    }
}

/// Shrinks a stamp that is larger than the room between the margins after all.
fn inside(stamp: Pixels, frame: &Frame) -> Result<Pixels, Error> {
    let size = frame.shrunk((stamp.width, stamp.height));
    if size == (stamp.width, stamp.height) {
        return Ok(stamp);
    }
    let whole = Region::whole((stamp.width, stamp.height));
    debug_assert_eq!(stamp.layout, Layout::Rgba);
    resize(&stamp, whole.hull((stamp.width, stamp.height)), whole, size)
}

fn missing() -> Error {
    overlay_error("the image that it names was not handed over")
}

/// What is wrong with the overlay is wrong with the request, not with the source.
fn overlay_error(detail: impl Into<String>) -> Error {
    Error::Invalid(vec![FieldError::new("watermark.imageId", detail)])
}

#[cfg(test)]
mod tests;
