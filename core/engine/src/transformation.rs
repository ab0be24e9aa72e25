//! What a caller may ask for. The field names are those of the HTTP request, so that the same JSON means the
//! same thing to the library, in stored jobs and on the command line.

use serde::{Deserialize, Serialize};

use crate::format::Format;

/// A transformation request. Build it with struct update syntax:
///
/// ```
/// use pixmill_engine::{Format, Transformation};
///
/// let thumbnail = Transformation { width: Some(300), format: Some(Format::Webp), ..Transformation::default() };
/// assert!(thumbnail.validate().is_ok());
/// ```
///
/// Operations apply in this order, whatever the order of the fields: EXIF orientation, crop, resize, rotate,
/// flip and flop, colour and filters, watermark, encode.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the fields of the request, each on its own")]
pub struct Transformation {
    /// Width of the result before rotation, 1..=16384 pixels. Alone, the height follows the aspect ratio, but for the
    /// fit `fill`, which leaves it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height of the result before rotation, 1..=16384 pixels. Alone, the width follows the aspect ratio, but for the
    /// fit `fill`, which leaves it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How the picture fills `width` × `height` when both are given; `cover` when absent. Refused without a size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// Which part stays with `cover`, or where the picture lies with `contain`; `centre` when absent. Refused
    /// without a size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Never make the picture larger than it is.
    #[serde(skip_serializing_if = "is_false")]
    pub without_enlargement: bool,
    /// The part of the upright source to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// Clockwise rotation in degrees, any finite value. Angles that are no multiple of 90 enlarge the canvas
    /// and fill the corners with `background`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<f64>,
    /// Mirror top to bottom.
    #[serde(skip_serializing_if = "is_false")]
    pub flip: bool,
    /// Mirror left to right.
    #[serde(skip_serializing_if = "is_false")]
    pub flop: bool,
    /// Drop colour.
    #[serde(skip_serializing_if = "is_false")]
    pub grayscale: bool,
    /// Gaussian blur; sigma in pixels of the result, 0.3..=1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blur: Option<f64>,
    /// Sharpen mildly.
    #[serde(skip_serializing_if = "is_false")]
    pub sharpen: bool,
    /// CSS colour behind transparent pixels and beside the picture. Absent: white where the result has no
    /// alpha channel, transparent where it has one. What is transparent in the colour itself shows white, too, where
    /// the result has no alpha channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// Format of the result; the source's when absent. GIF and WebP keep the frames of an animated GIF or WebP; other
    /// formats get the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Quality of a lossy format, 1..=100; a default per format when absent. Where neither a `format` nor a change of the
    /// picture is asked for, it is the most: the result is not to be larger than the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// Encode WebP or AVIF without loss. PNG always is; JPEG and GIF can't be.
    #[serde(skip_serializing_if = "is_false")]
    pub lossless: bool,
    /// Write PNG with a palette of at most 256 colours where that makes the file smaller and the difference can't be seen;
    /// where it can, the result is as without. GIF always has one; for the others it is refused.
    #[serde(skip_serializing_if = "is_false")]
    pub palette: bool,
    /// Text to write across the picture: the short form of `watermark`, at its defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark_text: Option<String>,
    /// Opacity of `watermarkText`, 0..=1; 0.5 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark_opacity: Option<f64>,
    /// A watermark with all its settings. Excludes `watermarkText`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Watermark>,
    /// Keep EXIF, with its orientation reset to upright; all of it, GPS too, is dropped when false. JPEG, PNG and WebP
    /// results have a place for it. It says nothing of colours: for those see [`Self::keep_profile`].
    #[serde(skip_serializing_if = "is_false")]
    pub keep_metadata: bool,
    /// Keep the copyright notice and the artist that EXIF names, and nothing else of it. JPEG, PNG and WebP results have a
    /// place for them. `keepMetadata` keeps them too.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_copyright: bool,
    /// Keep the colours as the source has them, and its ICC profile to say what they are. When false they are converted to
    /// sRGB, where what lies outside of it is clipped to the nearest that it has. JPEG, PNG, WebP and AVIF results have a
    /// place for a profile. Without effect for GIF results, with `grayscale`, and for sources in grey or CMYK, whose profiles
    /// do not fit the result: those are converted. `background` and a watermark are not adapted to the profile.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_profile: bool,
}

impl Transformation {
    /// Whether the source's profile is to be kept, if it is one of RGB.
    pub(crate) fn keeps_profile(&self) -> bool {
        self.keep_profile && !self.grayscale && self.format != Some(Format::Gif)
    }
}

/// How a picture fills a box of another aspect ratio. The names are sharp's and CSS's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Fill the box, cut what is over.
    #[default]
    Cover,
    /// Fit inside the box, fill the rest with the background.
    Contain,
    /// Stretch to the box.
    Fill,
    /// As large as fits inside the box; the result may be smaller than the box.
    Inside,
    /// As small as covers the box; the result may be larger than the box.
    Outside,
}

/// Which part of the picture matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// The middle. `center` is accepted too.
    #[default]
    #[serde(alias = "center")]
    Centre,
    /// The upper edge.
    Top,
    /// The upper right corner.
    RightTop,
    /// The right edge.
    Right,
    /// The lower right corner.
    RightBottom,
    /// The lower edge.
    Bottom,
    /// The lower left corner.
    LeftBottom,
    /// The left edge.
    Left,
    /// The upper left corner.
    LeftTop,
    /// The part with the highest entropy. For `cover` only.
    Entropy,
    /// The part that draws the eye: edges, skin tones and saturated colours. For `cover` only.
    Attention,
}

/// A rectangle in the upright source, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Pixels cut off on the left.
    pub left: u32,
    /// Pixels cut off at the top.
    pub top: u32,
    /// Width to keep, at least 1.
    pub width: u32,
    /// Height to keep, at least 1.
    pub height: u32,
}

/// Text or an image laid over the result.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Watermark {
    /// Literal text, 1..=500 characters; scaled and wrapped so that it always fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Id of an image of the same user to lay over; its bytes are handed to the engine beside the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// Where it lies; `centre` when absent. `entropy` and `attention` do not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Width of the watermark, before it is turned, as a share of the picture's width, over 0 and up to 1; 0.5 when
    /// absent. It is less where the height or the angle would not leave room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<f64>,
    /// CSS colour of the text, without an outline; white with a dark outline when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// 0 (invisible) to 1 (solid); 0.5 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opacity: Option<f64>,
    /// Distance from the edges in pixels; 2 % of the shorter side when absent. With `tile` it is the gap between
    /// the copies, half their height when absent; they begin at least 16 pixels from each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<u32>,
    /// Clockwise rotation in degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<f64>,
    /// Repeat it over the whole picture, whatever the `position`.
    #[serde(skip_serializing_if = "is_false")]
    pub tile: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands out a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
