//! Animations as a player shows them: every frame on the whole canvas, after what its predecessors left there.
//!
//! One canvas is held, and a second one where a frame asks for what was there before it. Background colours of the file
//! are ignored, as browsers do: what nothing was drawn on is transparent.

use super::{gif, undecodable, webp};
use crate::error::Error;
use crate::format::Format;
use crate::header::Header;
use crate::limits::{CancelToken, Limits};
use crate::ops;
use crate::pixels::{Layout, Pixels};

/// How often an animation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plays {
    Forever,
    /// At least once.
    Times(u32),
}

/// A frame as it is stored.
pub(super) struct Drawn {
    pub(super) left: u32,
    pub(super) top: u32,
    /// RGB or RGBA.
    pub(super) pixels: Pixels,
    /// Whether it is laid over what is there, and not put in its place.
    pub(super) blend: bool,
    pub(super) disposal: Disposal,
    pub(super) delay_ms: u32,
}

/// What becomes of a frame before the next one is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposal {
    Keep,
    /// Its rectangle becomes transparent.
    Clear,
    /// Its rectangle becomes what it was before.
    Restore,
}

enum Frames<'a> {
    Gif(Box<gif::Frames<'a>>),
    Webp(webp::Frames<'a>),
}

/// An animated file, frame by frame.
pub(crate) struct Animation<'a> {
    frames: Frames<'a>,
    canvas: Pixels,
    /// What to do before the next frame.
    pending: Option<Pending>,
    icc: Option<Vec<u8>>,
}

struct Pending {
    place: Place,
    /// What was there, row after row; transparent where it is `None`.
    before: Option<Vec<u8>>,
}

/// The part of the canvas that a frame covers.
#[derive(Clone, Copy)]
struct Place {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl<'a> Animation<'a> {
    /// `header` is what the file itself tells.
    pub(crate) fn open(source: &'a [u8], header: &Header, limits: &'a Limits) -> Result<Self, Error> {
        limits.check_source(header.width, header.height, header.frames)?;
        let (frames, icc) = match header.format {
            Format::Gif => (Frames::Gif(Box::new(gif::Frames::open(source, header, limits)?)), None),
            Format::Webp => {
                (Frames::Webp(webp::Frames::open(source, header, limits)?), webp::icc(source, limits)?)
            }
            other => return Err(undecodable(other, "it is no animation that can be read")),
        };
        let canvas = Pixels::zeroed(header.width, header.height, Layout::Rgba);
        Ok(Self { frames, canvas, pending: None, icc })
    }

    /// How often it is shown. In a GIF that stands before the first frame and is known once that was drawn.
    pub(crate) fn plays(&self) -> Plays {
        match &self.frames {
            Frames::Gif(frames) => frames.plays(),
            Frames::Webp(frames) => frames.plays(),
        }
    }

    /// The embedded ICC profile, if there is one within the limits.
    pub(crate) fn icc(&self) -> Option<&[u8]> {
        self.icc.as_deref()
    }

    /// The whole picture (RGBA) as it is after the last frame that was drawn.
    pub(crate) fn canvas(&self) -> &Pixels {
        &self.canvas
    }

    /// Draws the next frame and tells for how many milliseconds it is shown; nothing after the last.
    pub(crate) fn advance(&mut self, cancel: &CancelToken) -> Result<Option<u32>, Error> {
        cancel.check()?;
        let drawn = match &mut self.frames {
            Frames::Gif(frames) => frames.next()?,
            Frames::Webp(frames) => frames.next()?,
        };
        let Some(drawn) = drawn else { return Ok(None) };
        if let Some(Pending { place, before }) = self.pending.take() {
            self.put_back(place, before.as_deref());
        }
        let place = self.place(&drawn);
        self.pending = match drawn.disposal {
            Disposal::Keep => None,
            Disposal::Clear => Some(Pending { place, before: None }),
            Disposal::Restore => Some(Pending { place, before: Some(self.copy(place)) }),
        };
        self.draw(&drawn, place);
        Ok(Some(drawn.delay_ms))
    }

    /// What of a frame is on the canvas.
    fn place(&self, drawn: &Drawn) -> Place {
        let side = |start: u32, length: u32, limit: u32| {
            let start = start.min(limit);
            (start as usize, length.min(limit - start) as usize)
        };
        let (left, width) = side(drawn.left, drawn.pixels.width, self.canvas.width);
        let (top, height) = side(drawn.top, drawn.pixels.height, self.canvas.height);
        Place { left, top, width, height }
    }

    /// The rows of the canvas inside `place`.
    fn rows(&mut self, place: Place) -> impl Iterator<Item = &mut [u8]> {
        let stride = self.canvas.stride();
        let rows = self.canvas.data.chunks_exact_mut(stride).skip(place.top).take(place.height);
        rows.map(move |row| &mut row[place.left * 4..][..place.width * 4])
    }

    fn copy(&mut self, place: Place) -> Vec<u8> {
        self.rows(place).flat_map(|row| row.iter().copied()).collect()
    }

    fn put_back(&mut self, place: Place, before: Option<&[u8]>) {
        match before {
            _ if place.width == 0 => {}
            Some(before) => {
                let before = before.chunks_exact(place.width * 4);
                self.rows(place).zip(before).for_each(|(row, before)| row.copy_from_slice(before));
            }
            None => self.rows(place).for_each(|row| row.fill(0)),
        }
    }

    fn draw(&mut self, drawn: &Drawn, place: Place) {
        let Drawn { pixels, blend, .. } = drawn;
        let channels = pixels.layout.channels();
        for (row, y) in self.rows(place).zip(0..) {
            let above = pixels.row(y).chunks_exact(channels);
            for (below, above) in row.as_chunks_mut::<4>().0.iter_mut().zip(above) {
                let above = [above[0], above[1], above[2], above.get(3).copied().unwrap_or(u8::MAX)];
                *below = match above[3] {
                    0 if *blend => continue,
                    1..=254 if *blend => ops::over(above, *below),
                    _ => above,
                };
            }
        }
    }
}
