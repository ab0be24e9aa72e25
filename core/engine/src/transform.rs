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
/// The pixels of the result are sRGB whatever profile the source had, and no profile is embedded, unless
/// [`Transformation::keep_profile`] asks for it.
///
/// Where the request leaves the picture as it is and names no format, the result is not to be larger than the source. A
/// JPEG is then coded anew from its own coefficients and a GIF from its own frames, without loss; a PNG is packed more
/// thoroughly, or keeps the rows as they are compressed; otherwise quality gives way, down to 10. What can come out larger for
/// all that: WebP and AVIF that are asked for without loss; a PNG that must be turned or converted to sRGB, or is interlaced; a
/// GIF with frames beyond its screen or codes beyond their pixels; a JPEG that is worse than quality 10 and must be
/// converted or can't be turned by its blocks; and files of a few hundred bytes.
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
    let run = Run { source, overlay, header, limits, cancel, profile: None };
    let run = run.keeping(transformation.keeps_profile())?;
    run.output(transformation, &plan, run.steps(&plan)?)
}

/// The file that [`transform`] would give if there were no short way, for tests to compare with.
#[cfg(test)]
pub(crate) fn general(source: &[u8], transformation: &Transformation) -> Result<Vec<u8>, Error> {
    let (limits, cancel) = (&Limits::default(), &CancelToken::new());
    let header = header(source, limits)?;
    let plan = plan(&header, transformation, limits)?;
    let run = Run { source, overlay: None, header, limits, cancel, profile: None };
    let run = run.keeping(transformation.keeps_profile())?;
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
    let run = Run { source, overlay: None, header, limits, cancel, profile: None };
    let (decoded, rest) = match run.planes(plan)? {
        Some(Found::Pixels(pixels, done)) => {
            let icc = decode::icc_of(source, Format::Jpeg, limits)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::samples;
    use crate::pixels::Layout;

    const SIZE: (u32, u32) = (96, 72);

    /// What lies at a place between 0 and 1 each way: waves of grey, and of alpha that hides some of it everywhere.
    fn waves(x: f64, y: f64) -> [f64; 2] {
        [128.0 + 100.0 * (x * 14.0).sin() * (y * 9.0).cos(), 180.0 + 60.0 * (x * 10.0 + y * 8.0).cos()]
    }

    /// A picture of the waves, of grey alone or with alpha.
    fn grey(layout: Layout) -> Pixels {
        let mut pixels = Pixels::zeroed(SIZE.0, SIZE.1, layout);
        let channels = layout.channels();
        for (i, pixel) in pixels.data.chunks_exact_mut(channels).enumerate() {
            let (x, y) = place(i as u32 % SIZE.0, i as u32 / SIZE.0, SIZE);
            pixel.copy_from_slice(&waves(x, y).map(|sample| sample.round() as u8)[..channels]);
        }
        pixels
    }

    /// The middle of a pixel.
    fn place(x: u32, y: u32, size: (u32, u32)) -> (f64, f64) {
        let middle = |at: u32, side: u32| (f64::from(at) + 0.5) / f64::from(side);
        (middle(x, size.0), middle(y, size.1))
    }

    /// Channels that a file stores, by its own bytes; of an AVIF what its decoder finds.
    fn stored_channels(file: &[u8], format: Format, decoded: &Pixels) -> u8 {
        match format {
            Format::Jpeg => {
                let frame = file.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
                file[frame + 9]
            }
            Format::Png => match file[25] {
                0 => 1,
                4 => 2,
                other => panic!("colour type {other}"),
            },
            _ => decoded.layout.channels() as u8,
        }
    }

    #[test]
    fn grey_stays_grey() {
        let (limits, cancel) = (Limits::default(), CancelToken::new());
        for (from, layout) in [
            (Format::Jpeg, Layout::Grey),
            (Format::Png, Layout::Grey),
            (Format::Png, Layout::GreyAlpha),
            (Format::Avif, Layout::Grey),
            (Format::Avif, Layout::GreyAlpha),
        ] {
            let source = samples::file(&grey(layout), from);
            for to in [Format::Jpeg, Format::Png, Format::Avif] {
                let expected = if to.has_alpha() { layout } else { Layout::Grey };
                for width in [40, 96, 150] {
                    let json = format!(r#"{{"width":{width},"format":"{}","quality":95}}"#, to.name());
                    let what = format!("{from} of {layout:?}, {json}");
                    let request = serde_json::from_str(&json).unwrap();
                    let output = transform(&source, None, &request, &limits, &cancel).unwrap();
                    let header = header(&output.bytes, &limits).unwrap();
                    let found = decode::decode(&output.bytes, &header, 8, &limits, &cancel).unwrap().pixels;
                    assert_eq!((found.width, found.layout), (width, expected), "{what}");
                    let stored = stored_channels(&output.bytes, to, &found);
                    assert_eq!(usize::from(stored), expected.channels(), "{what}");

                    let size = (found.width, found.height);
                    // At its edges a resampled picture takes more of what is inside.
                    for (x, y) in (5..size.1 - 5).flat_map(|y| (5..size.0 - 5).map(move |x| (x, y))) {
                        let (u, v) = place(x, y, size);
                        let [grey, alpha] = waves(u, v);
                        // A JPEG has what is clear on white.
                        let shown = grey * alpha / 255.0 + 255.0 - alpha;
                        let grey = if layout.has_alpha() && !to.has_alpha() { shown } else { grey };
                        let samples =
                            &found.row(y)[x as usize * expected.channels()..][..expected.channels()];
                        let near =
                            samples.iter().zip([grey, alpha]).all(|(&a, b)| (f64::from(a) - b).abs() <= 10.0);
                        assert!(near, "{what}: {samples:?} at {x},{y}, not {grey:.0} and {alpha:.0}");
                    }
                }
            }
        }
    }
}
