//! What a file says about itself before any pixel is decoded.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::format::Format;
use crate::limits::Limits;

/// EXIF orientation, 1 to 8: how the stored rows must be turned to stand upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Orientation(u8);

impl Orientation {
    /// Stored upright.
    pub const UPRIGHT: Self = Self(1);

    /// The orientation with this EXIF value, 1..=8.
    pub fn from_exif(value: u8) -> Option<Self> {
        (1..=8).contains(&value).then_some(Self(value))
    }

    /// The EXIF value, 1..=8; 1 is upright.
    pub fn exif(self) -> u8 {
        self.0
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        self.exif() >= 5
    }
}

impl Default for Orientation {
    fn default() -> Self {
        Self::UPRIGHT
    }
}

impl TryFrom<u8> for Orientation {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, String> {
        Self::from_exif(value).ok_or_else(|| format!("orientation is 1 to 8, not {value}"))
    }
}

impl From<Orientation> for u8 {
    fn from(orientation: Orientation) -> Self {
        orientation.exif()
    }
}

/// The header of an image file, within the limits it was read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The format, told by content.
    pub format: Format,
    /// Width of the stored rows in pixels.
    pub width: u32,
    /// Number of stored rows.
    pub height: u32,
    /// How the stored rows must be turned to stand upright.
    pub orientation: Orientation,
    /// Whether pixels may be transparent.
    pub alpha: bool,
    /// Frames of an animated GIF or WebP, which only the whole file tells; 1 for every other file, and as long as it
    /// isn't known.
    #[serde(default = "one")]
    pub frames: u32,
}

fn one() -> u32 {
    1
}

impl Header {
    /// Width and height in pixels once the picture stands upright.
    pub fn upright_size(&self) -> (u32, u32) {
        if self.orientation.swaps_sides() { (self.height, self.width) } else { (self.width, self.height) }
    }
}

/// What could be told from the beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspection {
    /// The header is complete and within the limits.
    Ready(Header),
    /// At least this many bytes from the beginning of the file are needed to tell.
    NeedMore(usize),
}

/// Reads the header from `head`, the first bytes of a file, without decoding pixels.
///
/// `complete` says that `head` is the whole file, so that a missing part is an error instead of
/// [`Inspection::NeedMore`]. The container's structure is followed as far as `head` reaches.
///
/// # Errors
/// [`Error::Unsupported`] for what is no image that the engine reads, [`Error::Undecodable`] for a broken
/// structure, [`Error::LimitExceeded`] for an image or header over `limits`.
pub fn inspect(head: &[u8], complete: bool, limits: &Limits) -> Result<Inspection, Error> {
    crate::decode::inspect(head, complete, limits)
}
