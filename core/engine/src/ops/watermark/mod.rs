//! Text or an image laid over the picture: made as a stamp with alpha, turned, placed, blended.
//!
//! A stamp is made to fit the picture inside its margins, whatever the text and however small the picture.

mod image;
mod place;
mod text;

use crate::color::css;
use crate::error::{Error, FieldError};
use crate::limits::{CancelToken, Limits};
use crate::ops::blend::{is_grey, lay_over};
use crate::ops::layout::drop_opaque_alpha;
use crate::ops::{Region, Turn, orient, resize, rotate};
use crate::pixels::{Layout, Pixels};
use crate::transformation::Watermark;
use place::Frame;

pub use text::{FontsError, use_fonts};

/// Share of the picture's width that a watermark takes when nothing else is asked for.
const DEFAULT_SIZE: f64 = 0.5;
const DEFAULT_OPACITY: f64 = 0.5;

/// A watermark that is ready to be laid over a picture.
pub(crate) struct Stamped {
    /// RGBA.
    pub(crate) stamp: Pixels,
    /// Where its upper left corner goes, as often as it is repeated.
    pub(crate) corners: Vec<(i64, i64)>,
    /// 0..=1, on top of its own alpha.
    pub(crate) opacity: f64,
}

impl Stamped {
    /// Whether it leaves a grey picture grey.
    pub(crate) fn is_grey(&self) -> bool {
        is_grey(&self.stamp)
    }
}

/// Lays the watermark that was `asked` for over `pixels`. `overlay` is the file of the image that it names.
pub(crate) fn watermark(
    pixels: Pixels,
    asked: &Watermark,
    overlay: Option<&[u8]>,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Pixels, Error> {
    let size = (pixels.width, pixels.height);
    match stamped(size, asked, overlay, limits, cancel)? {
        Some(stamped) => lay_stamp(pixels, &stamped, asked, cancel),
        None => Ok(pixels),
    }
}

/// Lays a watermark that was made for pictures of this size over one of them.
pub(crate) fn lay_stamp(
    mut pixels: Pixels,
    Stamped { stamp, corners, opacity }: &Stamped,
    asked: &Watermark,
    cancel: &CancelToken,
) -> Result<Pixels, Error> {
    for corner in corners {
        cancel.check()?;
        pixels = lay_over(pixels, stamp, *corner, *opacity);
    }
    Ok(if asked.tile { drop_opaque_alpha(pixels) } else { pixels })
}

/// Makes the watermark that was `asked` for, for a picture of `size`. Nothing comes of a text that has no ink.
pub(crate) fn stamped(
    size: (u32, u32),
    asked: &Watermark,
    overlay: Option<&[u8]>,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Option<Stamped>, Error> {
    let frame = Frame::new(size, asked.margin);
    let degrees = asked.rotation.unwrap_or(0.0);
    let width = asked.size.unwrap_or(DEFAULT_SIZE) * f64::from(size.0);
    let room = frame.room_for(width, degrees);
    let stamp = match &asked.text {
        Some(text) => text::stamp(text, asked.colour.as_deref().and_then(css::parse), &room, cancel)?,
        None => Some(image::stamp(overlay.ok_or_else(missing)?, &room, limits, cancel)?),
    };
    let Some(stamp) = stamp else { return Ok(None) };
    let stamp = inside(turned(stamp, degrees, cancel)?, &frame)?;
    let opacity = asked.opacity.unwrap_or(DEFAULT_OPACITY);
    let size = (stamp.width, stamp.height);
    let corners = if asked.tile {
        frame.tiles(size, asked.margin)
    } else {
        vec![frame.corner(size, asked.position.unwrap_or_default())]
    };
    Ok(Some(Stamped { stamp, corners, opacity }))
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
