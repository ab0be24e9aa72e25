//! The steps of a plan, and how they print.

use std::fmt;

use crate::color::css::{self, Colour};
use crate::encode::Encoding;
use crate::format::Format;
use crate::ops::{Rect, Region, Strategy, Turn};
use crate::transformation::Watermark;

/// Width and height in pixels.
pub(crate) type Size = (u32, u32);

/// One thing to do. Each step begins with what the one before it left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Decode at `eighths` of the stored size `from`; `to` is what the decoder then gives. What follows is done with
    /// each of the `frames`.
    Decode { format: Format, from: Size, eighths: u8, to: Size, frames: u32 },
    /// Copy whole pixels.
    Crop { rect: Rect },
    /// Resample `region`, seeing nothing outside `within`.
    Resize { within: Rect, region: Region, to: Size },
    /// Find the part that matters and resample it.
    ResizeSalient(Salient),
    /// Quarter turns and mirrorings.
    Turn { turn: Turn, to: Size },
    /// Lay on a background.
    Flatten { ground: Colour },
    /// Enlarge the canvas.
    Pad { place: Rect, to: Size, ground: Colour },
    /// Rotate by an angle that is no quarter turn.
    Rotate { degrees: f64, to: Size, ground: Colour },
    /// Drop colour.
    Grayscale,
    /// Blur by a standard deviation in pixels.
    Blur { sigma: f64 },
    /// Sharpen mildly.
    Sharpen,
    /// Lay text or an image over the picture.
    Watermark(Watermark),
    /// Write the file.
    Encode { encoding: Encoding, size: Size },
}

/// What is needed to find the part that matters, once there are pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Salient {
    pub(crate) strategy: Strategy,
    /// The part of the decoded picture to choose from, the whole pixels around it, and the turn that makes it upright.
    pub(crate) region: Region,
    pub(crate) within: Rect,
    pub(crate) upright: Turn,
    /// The upright size to which `region` is scaled, and the upright size of what is kept of that.
    pub(crate) scaled: (u64, u64),
    pub(crate) kept: Size,
    /// The size of what is kept, lying as the decoded picture lies.
    pub(crate) to: Size,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode { format, from, eighths: 8, frames, .. } => {
                write!(f, "decode {format} {}", Dimensions(*from))?;
                if *frames > 1 { write!(f, ", {frames} frames") } else { Ok(()) }
            }
            Self::Decode { format, from, eighths, to, .. } => {
                write!(f, "decode {format} {} at {eighths}/8 -> {}", Dimensions(*from), Dimensions(*to))
            }
            Self::Crop { rect } => write!(f, "crop {rect}"),
            Self::Resize { region, to, .. } => write!(f, "resize {region} -> {}", Dimensions(*to)),
            Self::ResizeSalient(Salient { strategy, region, to, .. }) => {
                write!(f, "resize by {strategy} from {region} -> {}", Dimensions(*to))
            }
            Self::Turn { turn, to } => write!(f, "{turn} -> {}", Dimensions(*to)),
            Self::Flatten { ground } => write!(f, "flatten on {}", css::print(*ground)),
            Self::Pad { place, to, ground } => {
                write!(f, "pad {place} -> {} with {}", Dimensions(*to), css::print(*ground))
            }
            Self::Rotate { degrees, to, ground } => {
                write!(f, "rotate {degrees} -> {} on {}", Dimensions(*to), css::print(*ground))
            }
            Self::Grayscale => write!(f, "grayscale"),
            Self::Blur { sigma } => write!(f, "blur {sigma}"),
            Self::Sharpen => write!(f, "sharpen"),
            Self::Watermark(Watermark { text: Some(text), tile, .. }) => {
                write!(f, "watermark text of {} characters{}", text.chars().count(), Tiled(*tile))
            }
            Self::Watermark(Watermark { tile, .. }) => write!(f, "watermark image{}", Tiled(*tile)),
            Self::Encode { encoding, size } => {
                write!(f, "encode {}", encoding.format)?;
                match encoding {
                    Encoding { format: Format::Png, palette: true, .. } => write!(f, " with a palette")?,
                    Encoding { format: Format::Png | Format::Gif, .. } => {}
                    Encoding { lossless: true, .. } => write!(f, " lossless")?,
                    Encoding { quality, .. } => write!(f, " q{quality}")?,
                }
                write!(f, " {}", Dimensions(*size))
            }
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Entropy => "entropy",
            Self::Attention => "attention",
        })
    }
}

struct Dimensions(Size);

impl fmt::Display for Dimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.0.0, self.0.1)
    }
}

struct Tiled(bool);

impl fmt::Display for Tiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { ", tiled" } else { "" })
    }
}
