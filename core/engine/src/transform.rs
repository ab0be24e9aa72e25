//! Runs a plan: decode, operate, encode.

use crate::color::{self, to_srgb};
use crate::decode::{self, Decoded};
use crate::encode::{self, Encoding};
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Inspection};
use crate::limits::{CancelToken, Limits};
use crate::metadata;
use crate::ops::{self, Rect, Region, watermark};
use crate::pixels::Pixels;
use crate::plan::{Plan, Salient, Step, plan, smallest_scale};
use crate::planar::{self, Found};
use crate::transformation::Transformation;

/// Longest side, in pixels, of the copy in which the part that matters is looked for.
const SALIENCE_SIDE: f64 = 160.0;

/// A finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The encoded file.
    pub bytes: Vec<u8>,
    /// Its format.
    pub format: Format,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// Applies `transformation` to `source`. `overlay` holds the bytes of the image that `watermark.imageId` names.
///
/// The pixels of the result are sRGB whatever profile the source had, and no profile is embedded.
///
/// # Errors
/// See [`Error`]; nothing but [`Error::Bug`] speaks of a fault of the engine. What is wrong with the overlay is
/// reported as [`Error::Invalid`] for the field `watermark.imageId`.
pub fn transform(
    source: &[u8],
    overlay: Option<&[u8]>,
    transformation: &Transformation,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Output, Error> {
    cancel.check()?;
    let header = header(source, limits)?;
    let plan = plan(&header, transformation, limits)?;
    let run = Run { source, overlay, header, limits, cancel };
    let (bytes, (width, height)) = run.steps(&plan)?;
    let format = plan.format();
    debug_assert_eq!((width, height), plan.output_size(), "{plan}");
    let bytes = if transformation.keep_metadata {
        metadata::keep(source, header.format, None, bytes, format)?
    } else {
        bytes
    };
    Ok(Output { bytes, format, width, height })
}

/// The file that [`transform`] would give if there were no short way, for tests to compare with.
#[cfg(test)]
pub(crate) fn general(source: &[u8], transformation: &Transformation) -> Result<Vec<u8>, Error> {
    let (limits, cancel) = (&Limits::default(), &CancelToken::new());
    let header = header(source, limits)?;
    let plan = plan(&header, transformation, limits)?;
    let run = Run { source, overlay: None, header, limits, cancel };
    let (pixels, rest) = run.decode(&plan)?;
    Ok(run.finish(pixels, rest)?.0)
}

/// The header of a whole file.
pub(crate) fn header(file: &[u8], limits: &Limits) -> Result<Header, Error> {
    match decode::inspect(file, true, limits)? {
        Inspection::Ready(header) => Ok(header),
        Inspection::NeedMore(_) => Err(Error::Bug("a whole file can't need more bytes".into())),
    }
}

/// The pixels of `plan` where it would encode them, and the profile of the source. The plan must not end in a JPEG.
pub(crate) fn picture(
    source: &[u8],
    header: Header,
    plan: &Plan,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<(Pixels, Option<Vec<u8>>), Error> {
    let run = Run { source, overlay: None, header, limits, cancel };
    let (decoded, rest) = match run.planes(plan)? {
        Some(Found::Pixels(pixels, done)) => {
            let icc = decode::jpeg_icc(source, limits)?;
            (Decoded { pixels, icc }, &plan.steps()[done..])
        }
        Some(Found::File(_)) => return Err(Error::Bug("a plan for pixels ends in a file".into())),
        None => run.decoded(plan)?,
    };
    let icc = decoded.icc.clone();
    let (pixels, rest) = run.sample(decoded, rest)?;
    let (pixels, _) = run.operate(pixels, rest)?;
    Ok((pixels, icc))
}

struct Run<'a> {
    source: &'a [u8],
    overlay: Option<&'a [u8]>,
    header: Header,
    limits: &'a Limits,
    cancel: &'a CancelToken,
}

impl Run<'_> {
    /// Runs the whole plan: the file and its size.
    fn steps(&self, plan: &Plan) -> Result<(Vec<u8>, (u32, u32)), Error> {
        let (pixels, rest) = match self.planes(plan)? {
            Some(Found::File(bytes)) => return Ok((bytes, plan.output_size())),
            Some(Found::Pixels(pixels, done)) => {
                let icc = decode::jpeg_icc(self.source, self.limits)?;
                (to_srgb(Decoded { pixels, icc })?, &plan.steps()[done..])
            }
            None => self.decode(plan)?,
        };
        self.finish(pixels, rest)
    }

    /// The short way, where there is one.
    fn planes(&self, plan: &Plan) -> Result<Option<Found>, Error> {
        let colour = |layout| {
            let icc = decode::jpeg_icc(self.source, self.limits)?;
            Ok(icc.is_some_and(|icc| color::changes(&icc, layout)))
        };
        let Self { source, overlay, ref header, limits, cancel } = *self;
        planar::run(planar::Job { source, header, overlay, limits, cancel }, plan.steps(), colour)
    }

    /// Decodes the general way, cuts and resamples.
    fn decode<'s>(&self, plan: &'s Plan) -> Result<(Pixels, &'s [Step]), Error> {
        let (decoded, rest) = self.decoded(plan)?;
        self.sample(decoded, rest)
    }

    /// Decodes the general way.
    fn decoded<'s>(&self, plan: &'s Plan) -> Result<(Decoded, &'s [Step]), Error> {
        let (first, rest) = plan.steps().split_first().expect("a plan begins with decoding");
        let Step::Decode { eighths, .. } = *first else {
            return Err(Error::Bug(format!("a plan begins with {first}")));
        };
        let decoded = decode::decode(self.source, &self.header, eighths, self.limits, self.cancel)?;
        Ok((decoded, rest))
    }

    fn finish(&self, pixels: Pixels, rest: &[Step]) -> Result<(Vec<u8>, (u32, u32)), Error> {
        let (pixels, encoding) = self.operate(pixels, rest)?;
        let bytes = encode::encode(&pixels, encoding, self.cancel)?;
        Ok((bytes, (pixels.width, pixels.height)))
    }

    /// All that comes before encoding.
    fn operate<'s>(&self, mut pixels: Pixels, rest: &'s [Step]) -> Result<(Pixels, &'s Encoding), Error> {
        for step in rest {
            self.cancel.check()?;
            if let Step::Encode { encoding, .. } = step {
                return Ok((pixels, encoding));
            }
            pixels = self.step(step, pixels)?;
        }
        Err(Error::Bug("a plan ends without encoding".into()))
    }

    /// Cuts, resamples and converts colour, the last where there are fewer pixels to convert.
    fn sample<'s>(&self, decoded: Decoded, steps: &'s [Step]) -> Result<(Pixels, &'s [Step]), Error> {
        let Decoded { pixels, icc } = decoded;
        let pixels = ops::drop_opaque_alpha(pixels);
        self.cancel.check()?;
        let (sampled, rest) = match steps.split_first() {
            Some((Step::Crop { rect }, rest)) => (ops::crop(&pixels, *rect), rest),
            Some((Step::Resize { within, region, to }, rest)) => {
                if area((pixels.width, pixels.height)) < area(*to) {
                    let pixels = to_srgb(Decoded { pixels, icc })?;
                    return Ok((ops::resize(&pixels, *within, *region, *to)?, rest));
                }
                (ops::resize(&pixels, *within, *region, *to)?, rest)
            }
            Some((Step::ResizeSalient(salient), rest)) => {
                let region = salient_region(&pixels, icc.as_deref(), salient)?;
                (ops::resize(&pixels, salient.within, region, salient.to)?, rest)
            }
            _ => (pixels, steps),
        };
        self.cancel.check()?;
        Ok((to_srgb(Decoded { pixels: sampled, icc })?, rest))
    }

    fn step(&self, step: &Step, pixels: Pixels) -> Result<Pixels, Error> {
        match step {
            Step::Turn { turn, .. } => Ok(ops::orient(pixels, *turn)),
            Step::Flatten { ground } => Ok(ops::flatten(pixels, *ground)),
            Step::Pad { place, to, ground } => Ok(ops::pad(pixels, *place, *to, *ground)),
            Step::Rotate { degrees, ground, .. } => ops::rotate(pixels, *degrees, *ground, self.cancel),
            Step::Grayscale => Ok(ops::to_grey(pixels)),
            Step::Blur { sigma } => ops::blur(pixels, *sigma, self.cancel),
            Step::Sharpen => ops::sharpen(pixels),
            Step::Watermark(asked) => {
                watermark::watermark(pixels, asked, self.overlay, self.limits, self.cancel)
            }
            Step::Decode { .. }
            | Step::Crop { .. }
            | Step::Resize { .. }
            | Step::ResizeSalient(_)
            | Step::Encode { .. } => Err(Error::Bug(format!("out of order: {step}"))),
        }
    }
}

/// Looks for the part that matters in a small upright copy, and tells where it lies in the decoded picture.
fn salient_region(pixels: &Pixels, icc: Option<&[u8]>, salient: &Salient) -> Result<Region, Error> {
    let Salient { strategy, region, within, upright, scaled, kept, .. } = *salient;
    let factor = (SALIENCE_SIDE / region.width.max(region.height)).min(1.0);
    let side = |length: f64| ((length * factor).round() as u32).max(1);
    let copy = ops::resize(pixels, within, region, (side(region.width), side(region.height)))?;
    let copy = to_srgb(Decoded { pixels: copy, icc: icc.map(<[u8]>::to_vec) })?;
    let (width, height) = (scaled.0 as f64, scaled.1 as f64);
    let window = (f64::from(kept.0) / width, f64::from(kept.1) / height);
    let (left, top) = ops::most_salient(ops::orient(copy, upright), window, strategy);
    // Whole pixels of the scaled picture, as shares of it.
    let part = Region {
        left: (left * (width - f64::from(kept.0))).round() / width,
        top: (top * (height - f64::from(kept.1))).round() / height,
        width: window.0,
        height: window.1,
    };
    let part = upright.inverse().region(part, (1, 1));
    Ok(Region {
        left: region.left + part.left * region.width,
        top: region.top + part.top * region.height,
        width: part.width * region.width,
        height: part.height * region.height,
    })
}

/// Decodes a whole picture upright and in sRGB, no larger than needed for `to` (width and height in pixels).
pub(crate) fn decode_upright(
    file: &[u8],
    header: &Header,
    to: (u32, u32),
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Pixels, Error> {
    let upright = ops::Turn::upright(header.orientation);
    let (width, height) = upright.inverse().size(to);
    let stored = (header.width, header.height);
    let eighths = smallest_scale(header.format, stored, (width.into(), height.into()));
    let Decoded { pixels, icc } = decode::decode(file, header, eighths, limits, cancel)?;
    let whole = Rect { left: 0, top: 0, width: pixels.width, height: pixels.height };
    let region = Region::whole(stored).scaled(f64::from(eighths) / 8.0);
    let pixels = ops::resize(&pixels, whole, region, (width, height))?;
    Ok(ops::orient(to_srgb(Decoded { pixels, icc })?, upright))
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}
