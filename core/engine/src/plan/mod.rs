//! What a transformation will do to one image, decided from its header alone: a value that can be printed and tested.
//!
//! The order of the steps is the documented one in effect. In deed, whatever makes the picture smaller comes first and
//! turns come last, because they then move fewer pixels: cutting and resampling happen as the decoder's rows lie, with
//! their rectangles turned instead.

mod build;
mod fit;
#[cfg(all(test, target_os = "linux"))]
mod measured;
mod memory;
mod step;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::decode::{self, scales};
use crate::encode::{self, Encoding, default_quality};
use crate::error::{Error, FieldError};
use crate::format::Format;
use crate::header::Header;
use crate::limits::{Limits, at_most};
use crate::ops::Turn;
use crate::planar;
use crate::transformation::Transformation;
use crate::validate::{lossless_error, palette_error};
use build::Steps;
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
    /// Whether pixels of the source may be transparent.
    alpha: bool,
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

    /// Estimated memory at the peak in bytes, beside the source's own bytes, for an ordinary file.
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// The same for this very file, which must be the one that the header was read from, for no header tells all that
    /// counts: an ordinary JPEG that goes from planes to a JPEG takes rows and not pictures, and one that goes to WebP planes
    /// and no RGB; one that is progressive takes more, and so do some kinds of WebP and AVIF.
    pub fn peak_bytes_for(&self, source: &[u8]) -> u64 {
        let whole = self.whole_bytes_for(source);
        if self.codes_anew {
            return whole;
        }
        planar::peak_bytes(source, &self.steps).map_or(whole, |bytes| bytes.min(whole))
    }

    /// The same where this file is decoded as a picture.
    pub(crate) fn whole_bytes_for(&self, source: &[u8]) -> u64 {
        let Some(Step::Decode { format, .. }) = self.steps.first() else { return self.peak_bytes };
        let decoder = decode::held_bytes(source, *format, self.alpha);
        self.peak_bytes.max(memory::peak_bytes(&self.steps, self.alpha, decoder))
    }

    /// Whether this file can be worked on within the limits, which [`plan`] says of ordinary ones.
    pub(crate) fn check(&self, source: &[u8], limits: &Limits) -> Result<(), Error> {
        at_most("memory needed in bytes", self.peak_bytes_for(source), limits.max_memory_bytes)
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
    encode::check_sides(encoding.format, size)?;
    if frames > 1 {
        limits.check_source(header.width, header.height, frames)?;
        let area = u64::from(size.0) * u64::from(size.1) * u64::from(frames);
        at_most("result area in pixels, over all frames", area, limits.max_output_pixels)?;
    }
    let codes_anew = transformation.format.is_none() && is_as_stored(header, &list);
    list.push(Step::Encode { encoding, size });
    let decoder = decode::usually_held_bytes(header.format, header.alpha);
    let mut peak_bytes = memory::peak_bytes(&list, header.alpha, decoder);
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
        alpha: header.alpha,
        peak_bytes,
        steps: list,
        codes_anew,
    })
}

/// Whether nothing is done with the picture but to turn it upright: it is neither decoded smaller nor turned on.
fn is_as_stored(header: &Header, steps: &[Step]) -> bool {
    let turned = match steps {
        [Step::Decode { eighths: 8, .. }] => Turn::NONE,
        [Step::Decode { eighths: 8, .. }, Step::Turn { turn, .. }] => *turn,
        _ => return false,
    };
    turned == Turn::upright(header.orientation)
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
