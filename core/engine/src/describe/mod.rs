//! What a picture is like, for those who list pictures: a placeholder, its colour, and what the camera noted.

mod capture;
mod dominant;
mod profile;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::decode;
use crate::encode::expand;
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Orientation};
use crate::limits::{CancelToken, Limits};
use crate::pixels::Layout;
use crate::plan::{Plan, plan};
use crate::transform::{header, picture};
use crate::transformation::{Fit, Transformation};

/// The longest side that a `ThumbHash` is made from.
const SIDE: u32 = 100;
/// EXIF that ends past this many bytes of the file, or is longer, is not looked at.
const EXIF_LIMIT: usize = 1 << 20;

/// What is known of an image file beyond its [`Header`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// How the stored rows must be turned to stand upright.
    pub orientation: Orientation,
    /// The name that the embedded ICC profile gives itself, or that of the colours which an AVIF without one tells by number;
    /// absent without either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour_profile: Option<String>,
    /// When the picture was taken by the camera's clock, as RFC 3339 writes it, for example
    /// `2026-05-01T12:30:00+02:00`; without an offset where the camera noted none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<String>,
    /// A [ThumbHash](https://evanw.github.io/thumbhash/) of the upright picture in Base64: some 25 bytes to show until
    /// the picture is there.
    pub thumb_hash: String,
    /// The colour that most of the picture has, as `#rrggbb`; absent if all of it is transparent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dominant_colour: Option<String>,
}

/// Looks at a picture: decodes it as small as will do, and reads what travels beside its pixels. Where it was taken is
/// never looked at.
///
/// # Errors
/// See [`Error`]. Broken EXIF and profiles are passed over.
pub fn describe(source: &[u8], limits: &Limits, cancel: &CancelToken) -> Result<Description, Error> {
    cancel.check()?;
    let header = header(source, limits)?;
    let plan = description_plan(&header, limits)?;
    plan.check(source, limits)?;
    let (pixels, icc) = picture(source, header, &plan, limits, cancel)?;
    let pixels = expand::to(&pixels, Layout::Rgba);
    let hash = thumbhash::rgba_to_thumb_hash(pixels.width as usize, pixels.height as usize, &pixels.data);
    Ok(Description {
        orientation: header.orientation,
        colour_profile: icc.as_deref().and_then(profile::name),
        captured_at: decode::exif_of(source, header.format, EXIF_LIMIT).as_deref().and_then(capture::time),
        thumb_hash: BASE64_STANDARD.encode(hash),
        dominant_colour: dominant::colour(&pixels.data).map(|[r, g, b]| format!("#{r:02x}{g:02x}{b:02x}")),
    })
}

/// What [`describe`] will do with a file of this header. It encodes nothing; the last step stands for the hash.
///
/// # Errors
/// [`Error::LimitExceeded`] for a picture that needs too much memory.
pub fn description_plan(header: &Header, limits: &Limits) -> Result<Plan, Error> {
    let small = Transformation {
        width: Some(SIDE),
        height: Some(SIDE),
        fit: Some(Fit::Inside),
        without_enlargement: true,
        format: Some(Format::Png),
        ..Transformation::default()
    };
    plan(header, &small, limits)
}

#[cfg(test)]
mod tests;
