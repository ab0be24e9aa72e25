//! From a file and a transformation to a file, or to pixels where the engine itself looks at a picture.

use crate::color::to_srgb;
use crate::decode::{self, Decoded};
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Inspection};
use crate::limits::{CancelToken, Limits};
use crate::ops::{self, Rect, Region};
use crate::pixels::Pixels;
use crate::plan::{Plan, plan, smallest_scale};
use crate::planar::Found;
use crate::rows;
use crate::run::Run;
use crate::transformation::Transformation;

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
/// An animated GIF or WebP keeps its frames where the result is GIF or WebP: every frame is composed as players show it
/// and transformed on its own, and delays and the number of times that it is shown are kept. GIF rounds points in time to
/// hundredths of a second. Any other result, and any other animated format, is of the first frame.
///
/// The pixels of the result are sRGB whatever profile the source had, and no profile is embedded.
///
/// Where the request leaves the picture as it is and names no format, the result is not to be larger than the source. A
/// JPEG is then coded anew from its own coefficients, without loss; what can be written without loss is packed more
/// thoroughly; otherwise quality gives way. Only a GIF, a PNG that was packed for long and files of a few hundred bytes can
/// come out larger for all that.
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
    plan.check(source, limits)?;
    let run = Run { source, overlay, header, limits, cancel };
    run.output(transformation, &plan, run.steps(&plan)?)
}

/// The file that [`transform`] would give if there were no short way, for tests to compare with.
#[cfg(test)]
pub(crate) fn general(source: &[u8], transformation: &Transformation) -> Result<Vec<u8>, Error> {
    let (limits, cancel) = (&Limits::default(), &CancelToken::new());
    let header = header(source, limits)?;
    let plan = plan(&header, transformation, limits)?;
    let run = Run { source, overlay: None, header, limits, cancel };
    let (pixels, rest) = run.decode_whole(&plan)?;
    Ok(run.finish(pixels, rest)?.0)
}

/// The header of a whole file.
pub(crate) fn header(file: &[u8], limits: &Limits) -> Result<Header, Error> {
    match decode::inspect(file, true, limits)? {
        Inspection::Ready(header) => Ok(header),
        Inspection::NeedMore(_) => Err(Error::Bug("a whole file can't need more bytes".into())),
    }
}

/// The pixels of `plan` where it would encode them, and the profile of the source. The plan must not end in what is written
/// from planes.
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
        None => match rows::resampled(&run, plan.steps())? {
            Some(decoded) => (decoded, &plan.steps()[2..]),
            None => run.decoded(plan)?,
        },
    };
    let icc = decoded.icc.clone();
    let (pixels, rest) = run.sample(decoded, rest)?;
    let (pixels, _) = run.operate(pixels, rest)?;
    Ok((pixels, icc))
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
