//! What a transformation will do to one image, decided from its header alone: a value that can be printed and tested.
//!
//! The order of the steps is the documented one in effect. In deed, whatever makes the picture smaller comes first and
//! turns come last, because they then move fewer pixels: cutting and resampling happen as the decoder's rows lie, with
//! their rectangles turned instead.

mod fit;
mod memory;
mod step;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::color::css::{self, Colour};
use crate::decode::{self, scales};
use crate::encode::{Encoding, default_quality};
use crate::error::{Error, FieldError};
use crate::format::Format;
use crate::header::Header;
use crate::limits::{Limits, at_most};
use crate::ops::{self, Rect, Region, Strategy, Turn};
use crate::planar;
use crate::transformation::{Position, Transformation};
use crate::validate::{lossless_error, palette_error};
use fit::{Fitted, fit, place, place_rect};
pub(crate) use step::{Salient, Size, Step};

/// The steps, in order, with every size resolved. It prints as one line a step:
///
/// ```text
/// decode JPEG 3000x2000 at 4/8 -> 1500x1000
/// resize 1500x1000 at 0,0 -> 800x533
/// encode WebP q80 800x533
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Decode at this many eighths of the stored size.
    pub decode_eighths: u8,
    format: Format,
    size: Size,
    frames: u32,
    peak_bytes: u64,
    steps: Vec<Step>,
    /// Whether the picture stays as it is and no format was named.
    codes_anew: bool,
}

impl Plan {
    /// The format of the result.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Width and height of the result in pixels.
    pub fn output_size(&self) -> (u32, u32) {
        self.size
    }

    /// Frames of the result: those of an animated source if the result can be animated, else 1.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Estimated memory at the peak in bytes, beside the source's own bytes.
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// The same for this very file, which must be the one that the header was read from: an ordinary JPEG that goes
    /// from planes to a JPEG takes rows and not pictures, which no header tells. [`Self::peak_bytes`] is for any file.
    pub fn peak_bytes_for(&self, source: &[u8]) -> u64 {
        if self.codes_anew {
            return self.peak_bytes;
        }
        planar::peak_bytes(source, &self.steps).map_or(self.peak_bytes, |bytes| bytes.min(self.peak_bytes))
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the same picture is only coded anew, in the format that it has without anybody having named it.
    pub(crate) fn codes_anew(&self) -> bool {
        self.codes_anew
    }

    /// How the result is written.
    pub(crate) fn encoding(&self) -> Result<Encoding, Error> {
        match self.steps.last() {
            Some(Step::Encode { encoding, .. }) => Ok(*encoding),
            _ => Err(Error::Bug("a plan ends without encoding".into())),
        }
    }

    /// The same but for how the result is written.
    pub(crate) fn written_as(&self, encoding: Encoding) -> Self {
        let mut plan = self.clone();
        if let Some(Step::Encode { encoding: written, .. }) = plan.steps.last_mut() {
            *written = encoding;
        }
        plan
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            write!(f, "{}{step}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// Decides the steps. Checks the transformation against the image and the limits.
///
/// It is pure and cheap: no pixel is touched, so that a request can be refused when it is made.
///
/// # Errors
/// [`Error::Invalid`] for a transformation that is wrong in itself or for this image, [`Error::LimitExceeded`] for a
/// result that would be too large or need too much memory.
pub fn plan(header: &Header, transformation: &Transformation, limits: &Limits) -> Result<Plan, Error> {
    transformation.validate().map_err(Error::Invalid)?;
    let transformation = &transformation.canonical();
    check_crop(header, transformation)?;
    let encoding = encoding(header, transformation)?;
    let mut steps = Steps::new(header, transformation, encoding.format, limits);
    steps.resize(transformation)?;
    steps.rotate(transformation)?;
    steps.filter(transformation);
    let Steps { eighths, size, frames, mut list, .. } = steps;
    // The source's own size may be over a limit that is meant for results.
    limits.check_output(size.0.into(), size.1.into())?;
    if frames > 1 {
        limits.check_source(header.width, header.height, frames)?;
        let area = u64::from(size.0) * u64::from(size.1) * u64::from(frames);
        at_most("result area in pixels, over all frames", area, limits.max_output_pixels)?;
    }
    let codes_anew = transformation.format.is_none() && is_as_stored(header, &list);
    list.push(Step::Encode { encoding, size });
    let mut peak_bytes = memory::peak_bytes(&list, header.alpha);
    at_most("memory needed in bytes", peak_bytes, limits.max_memory_bytes)?;
    if codes_anew {
        peak_bytes =
            peak_bytes.max(memory::transcoding_bytes(header.format, size)).min(limits.max_memory_bytes);
    }
    Ok(Plan {
        decode_eighths: eighths,
        format: encoding.format,
        size,
        frames,
        peak_bytes,
        steps: list,
        codes_anew,
    })
}

/// Whether nothing is done with the picture but to turn it upright.
fn is_as_stored(header: &Header, steps: &[Step]) -> bool {
    match steps {
        [Step::Decode { .. }] => true,
        [Step::Decode { .. }, Step::Turn { turn, .. }] => *turn == Turn::upright(header.orientation),
        _ => false,
    }
}

fn check_crop(header: &Header, transformation: &Transformation) -> Result<(), Error> {
    let Some(crop) = transformation.crop else { return Ok(()) };
    let (width, height) = header.upright_size();
    let mut errors = Vec::new();
    for (names, start, length, limit) in [
        (["left", "width"], crop.left, crop.width, width),
        (["top", "height"], crop.top, crop.height, height),
    ] {
        let end = u64::from(start) + u64::from(length);
        if end > u64::from(limit) {
            let [start, length] = names;
            let detail = format!(
                "{start} + {length} must be at most {limit}, not {end}: the upright image is {width}x{height}"
            );
            errors.push(FieldError::new(format!("crop.{length}"), detail));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

fn encoding(header: &Header, transformation: &Transformation) -> Result<Encoding, Error> {
    let format = transformation.format.unwrap_or(header.format);
    if transformation.lossless
        && let Some(error) = lossless_error(format)
    {
        return Err(Error::Invalid(vec![error]));
    }
    if transformation.palette
        && let Some(error) = palette_error(format)
    {
        return Err(Error::Invalid(vec![error]));
    }
    let quality = transformation.quality.unwrap_or_else(|| default_quality(format));
    let (lossless, palette) = (transformation.lossless, transformation.palette);
    Ok(Encoding { lossless, palette, ..Encoding::new(format, quality) })
}

/// The smallest scale, in eighths, at which a picture of size `from` still has as many pixels as `to`.
///
/// Only halvings are considered: the scales between them leave the decoder's SIMD code, which costs what they save
/// (3/8 was measured a quarter slower than 4/8), and give the resampling less to work with.
pub(crate) fn smallest_scale(format: Format, from: Size, to: (u64, u64)) -> u8 {
    let enough = |eighths: u8| {
        let decoded = |side: u32| u64::from(side) * u64::from(eighths);
        decoded(from.0) >= to.0 * 8 && decoded(from.1) >= to.1 * 8
    };
    let mut halvings = scales(format).iter().copied().filter(|eighths| eighths.is_power_of_two());
    halvings.find(|&eighths| enough(eighths)).unwrap_or(8)
}

/// The plan in the making.
struct Steps<'a> {
    header: &'a Header,
    limits: &'a Limits,
    /// What lies behind and beside the picture.
    ground: Colour,
    eighths: u8,
    /// Frames that are worked on.
    frames: u32,
    /// The size so far.
    size: Size,
    list: Vec<Step>,
}

impl<'a> Steps<'a> {
    fn new(header: &'a Header, transformation: &Transformation, to: Format, limits: &'a Limits) -> Self {
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
    fn resize(&mut self, transformation: &Transformation) -> Result<(), Error> {
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
    fn rotate(&mut self, transformation: &Transformation) -> Result<(), Error> {
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

    fn filter(&mut self, transformation: &Transformation) {
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
