//! Which plans can go the short way, told from their steps alone.

use crate::encode::planes::PlaneFormat;
use crate::format::Format;
use crate::ops::{Rect, Region, Turn};
use crate::plan::{Size, Step};
use crate::transformation::Watermark;

/// The part of a plan that is done with planes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    /// The scale of luma.
    pub(super) eighths: u8,
    /// What of the decoded picture (at that scale) is looked at, which part of that is kept, and at which size.
    pub(super) within: Rect,
    pub(super) region: Region,
    pub(super) to: Size,
    resized: bool,
    pub(super) end: End,
}

/// Where the planes go.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// To a file, turned and then marked.
    File { turn: Turn, mark: Option<Watermark>, format: PlaneFormat, quality: u8 },
    /// To a picture of interleaved samples, after this many steps.
    Pixels { steps: usize },
}

impl Route {
    /// The short way for `steps`, if there is one for an ordinary JPEG.
    pub(crate) fn of(steps: &[Step]) -> Option<Self> {
        let (&Step::Decode { format: Format::Jpeg, eighths, to: size, .. }, rest) = steps.split_first()?
        else {
            return None;
        };
        if !eighths.is_power_of_two() {
            return None;
        }
        let whole = Rect { left: 0, top: 0, width: size.0, height: size.1 };
        let (within, region, to, rest, resized) = match rest.split_first()? {
            (&Step::Crop { rect }, rest) => (rect, rect.into(), (rect.width, rect.height), rest, false),
            (&Step::Resize { within, region, to }, rest) => (within, region, to, rest, true),
            _ => (whole, whole.into(), size, rest, false),
        };
        let (turn, after) = match rest {
            [Step::Turn { turn, .. }, after @ ..] => (*turn, after),
            _ => (Turn::NONE, rest),
        };
        let (mark, after) = match after {
            [Step::Watermark(mark), after @ ..] => (Some(mark.clone()), after),
            _ => (None, after),
        };
        let end = match *after {
            [Step::Encode { encoding, .. }] => PlaneFormat::of(encoding).map(|format| End::File {
                turn,
                mark,
                format,
                quality: encoding.quality,
            }),
            _ => None,
        };
        // For what needs RGB there is nothing to gain without resampling.
        let end = end.or(resized.then_some(End::Pixels { steps: 2 }))?;
        Some(Self { eighths, within, region, to, resized, end })
    }

    /// The same as far as resampling, for what needs RGB afterwards.
    pub(super) fn to_pixels(&self) -> Option<Self> {
        self.resized.then(|| Self { end: End::Pixels { steps: 2 }, ..self.clone() })
    }

    /// The part of the stored picture that is kept, in its pixels.
    pub(super) fn shown(&self) -> Region {
        self.region.scaled(8.0 / f64::from(self.eighths))
    }

    /// The part of the stored picture that is looked at, in its pixels.
    pub(super) fn bounds(&self) -> Region {
        Region::from(self.within).scaled(8.0 / f64::from(self.eighths))
    }

    /// The size of the result.
    pub(super) fn size(&self) -> Size {
        self.turn().size(self.to)
    }

    /// How the planes are turned at the end.
    pub(super) fn turn(&self) -> Turn {
        if let End::File { turn, .. } = self.end { turn } else { Turn::NONE }
    }

    /// The watermark, if there is one.
    pub(super) fn mark(&self) -> Option<&Watermark> {
        if let End::File { mark, .. } = &self.end { mark.as_ref() } else { None }
    }

    /// The longest side that its result can have.
    pub(super) fn longest_side(&self) -> u64 {
        match self.end {
            End::File { format, .. } => format.longest_side(),
            End::Pixels { .. } => u64::from(u16::MAX),
        }
    }

    /// Whether the whole of it is done with planes, up to the file.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.end, End::File { .. })
    }
}
