//! The steps in the making: what is asked for is taken in the documented order, and put where it costs least.

use super::fit::{Fitted, fit, place, place_rect};
use super::smallest_scale;
use super::step::{Salient, Size, Step};
use crate::color::css::{self, Colour};
use crate::decode;
use crate::error::Error;
use crate::format::Format;
use crate::header::Header;
use crate::limits::Limits;
use crate::ops::{self, Rect, Region, Strategy, Turn};
use crate::transformation::{Position, Transformation};

/// The plan in the making.
pub(super) struct Steps<'a> {
    header: &'a Header,
    limits: &'a Limits,
    /// What lies behind and beside the picture.
    ground: Colour,
    pub(super) eighths: u8,
    /// Frames that are worked on.
    pub(super) frames: u32,
    /// The size so far.
    pub(super) size: Size,
    pub(super) list: Vec<Step>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        header: &'a Header,
        transformation: &Transformation,
        to: Format,
        limits: &'a Limits,
    ) -> Self {
        let asked = transformation.background.as_deref().and_then(css::parse).unwrap_or_default();
        // A format without alpha shows white through what is left transparent.
        let ground = if to.has_alpha() { asked } else { ops::over(asked, [255; 4]) };
        let animated = decode::is_animation(header.format) && decode::is_animation(to);
        let frames = if animated { header.frames.max(1) } else { 1 };
        let size = (header.width, header.height);
        Self { header, limits, ground, eighths: 8, frames, size, list: Vec::new() }
    }

    /// Decode, cut, resample, turn upright and pad. Quarter turns and mirrorings that were asked for join the
    /// orientation, and the padding is turned with them.
    pub(super) fn resize(&mut self, transformation: &Transformation) -> Result<(), Error> {
        let upright = self.header.upright_size();
        let cut = transformation.crop.map_or(
            Rect { left: 0, top: 0, width: upright.0, height: upright.1 },
            |crop| Rect { left: crop.left, top: crop.top, width: crop.width, height: crop.height },
        );
        let same = (u64::from(cut.width), u64::from(cut.height));
        let unchanged = Fitted { scaled: same, kept: same, canvas: same };
        let fitted = fit((cut.width, cut.height), transformation).unwrap_or(unchanged);
        self.limits.check_output(fitted.canvas.0, fitted.canvas.1)?;
        self.limits.check_output(fitted.kept.0, fitted.kept.1)?;
        let kept = (fitted.kept.0 as u32, fitted.kept.1 as u32);
        let canvas = (fitted.canvas.0 as u32, fitted.canvas.1 as u32);
        let position = transformation.position.unwrap_or_default();

        self.decode(cut, fitted.scaled);
        self.sample(cut, fitted.scaled, kept, position);
        let asked = quarter_turn(transformation);
        self.push_turn(Turn::upright(self.header.orientation).then(asked));
        if self.header.alpha && self.ground[3] > 0 {
            self.list.push(Step::Flatten { ground: self.ground });
        }
        if canvas != kept {
            let place = asked.rect(place_rect(kept, canvas, position), canvas);
            self.size = asked.size(canvas);
            self.list.push(Step::Pad { place, to: self.size, ground: self.ground });
        }
        Ok(())
    }

    /// Decodes at the smallest scale that still has every pixel that is wanted.
    fn decode(&mut self, cut: Rect, scaled: (u64, u64)) {
        let from = self.size;
        self.eighths = smallest_scale(self.header.format, (cut.width, cut.height), scaled);
        let side = |side: u32| (u64::from(side) * u64::from(self.eighths)).div_ceil(8) as u32;
        self.size = (side(from.0), side(from.1));
        let format = self.header.format;
        let (eighths, to, frames) = (self.eighths, self.size, self.frames);
        self.list.push(Step::Decode { format, from, eighths, to, frames });
    }

    /// Takes the part `kept` of the picture `cut`, scaled to `scaled`, all of them upright. The rectangles are turned to
    /// lie as the decoder's rows do.
    fn sample(&mut self, cut: Rect, scaled: (u64, u64), kept: Size, position: Position) {
        let upright = Turn::upright(self.header.orientation);
        let factor = f64::from(self.eighths) / 8.0;
        // The last of a row of scaled pixels reaches past the picture, so regions are scaled, not sizes.
        let stored =
            |region: Region| upright.inverse().region(region, self.header.upright_size()).scaled(factor);
        let within = stored(cut.into()).hull(self.size);
        let to = upright.inverse().size(kept);
        let strategy = match position {
            Position::Entropy => Some(Strategy::Entropy),
            Position::Attention => Some(Strategy::Attention),
            _ => None,
        };
        let all = (u64::from(kept.0), u64::from(kept.1)) == scaled;
        if let Some(strategy) = strategy.filter(|_| !all) {
            let region = stored(cut.into());
            let salient = Salient { strategy, region, within, upright, scaled, kept, to };
            self.list.push(Step::ResizeSalient(salient));
        } else {
            let (left, top) = place((kept.0.into(), kept.1.into()), scaled, position, true);
            // Multiplied first and divided last, so that whole pixels stay whole.
            let across = |length: f64| length * f64::from(cut.width) / scaled.0 as f64;
            let down = |length: f64| length * f64::from(cut.height) / scaled.1 as f64;
            let region = stored(Region {
                left: f64::from(cut.left) + across(left as f64),
                top: f64::from(cut.top) + down(top as f64),
                width: across(kept.0.into()),
                height: down(kept.1.into()),
            });
            match region.exact().filter(|rect| (rect.width, rect.height) == to) {
                Some(_) if to == self.size => {}
                Some(rect) => self.list.push(Step::Crop { rect }),
                None => self.list.push(Step::Resize { within, region, to }),
            }
        }
        self.size = to;
    }

    /// Angles that are no quarter turn, and the mirrorings that have to wait for them.
    pub(super) fn rotate(&mut self, transformation: &Transformation) -> Result<(), Error> {
        let Some(degrees) = transformation.rotation.filter(|degrees| degrees % 90.0 != 0.0) else {
            return Ok(());
        };
        let (width, height) = ops::canvas(self.size, degrees);
        self.limits.check_output(width, height)?;
        self.size = (width as u32, height as u32);
        self.list.push(Step::Rotate { degrees, to: self.size, ground: self.ground });
        self.push_turn(mirror(transformation));
        Ok(())
    }

    pub(super) fn filter(&mut self, transformation: &Transformation) {
        if transformation.grayscale {
            self.list.push(Step::Grayscale);
        }
        if let Some(sigma) = transformation.blur {
            self.list.push(Step::Blur { sigma });
        }
        if transformation.sharpen {
            self.list.push(Step::Sharpen);
        }
        if let Some(watermark) = &transformation.watermark
            && watermark.opacity != Some(0.0)
        {
            self.list.push(Step::Watermark(watermark.clone()));
        }
    }

    fn push_turn(&mut self, turn: Turn) {
        if turn != Turn::NONE {
            self.size = turn.size(self.size);
            self.list.push(Step::Turn { turn, to: self.size });
        }
    }
}

/// Rotation and mirroring as one turn, where the angle allows it.
fn quarter_turn(transformation: &Transformation) -> Turn {
    let degrees = transformation.rotation.unwrap_or(0.0);
    if degrees % 90.0 == 0.0 {
        Turn::quarters((degrees / 90.0) as u8).then(mirror(transformation))
    } else {
        Turn::NONE
    }
}

fn mirror(transformation: &Transformation) -> Turn {
    let flip = if transformation.flip { Turn::FLIP } else { Turn::NONE };
    if transformation.flop { flip.then(Turn::FLOP) } else { flip }
}
