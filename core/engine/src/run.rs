//! Runs the steps of a plan: decode, operate, encode.

use crate::animate::animate;
use crate::color::{self, to_srgb};
use crate::decode::{self, Decoded};
use crate::encode::{self, Encoding};
use crate::error::Error;
use crate::format::Format;
use crate::header::Header;
use crate::limits::{CancelToken, Limits};
use crate::metadata::{self, Kept};
use crate::ops::{self, Region, watermark};
use crate::pixels::Pixels;
use crate::plan::{Plan, Salient, Step};
use crate::planar::{self, Answer, Found};
use crate::recode;
use crate::rows;
use crate::transform::Output;
use crate::transformation::Transformation;

/// Longest side, in pixels, of the copy in which the part that matters is looked for.
const SALIENCE_SIDE: f64 = 160.0;

/// The bytes of a file, and width and height.
pub(crate) type Finished = (Vec<u8>, (u32, u32));

/// What the steps of a plan work on.
#[derive(Clone)]
pub(crate) struct Run<'a> {
    pub(crate) source: &'a [u8],
    pub(crate) overlay: Option<&'a [u8]>,
    pub(crate) header: Header,
    pub(crate) limits: &'a Limits,
    pub(crate) cancel: &'a CancelToken,
    /// The profile of the source, where its colours stay as they are and the result gets it.
    pub(crate) profile: Option<Vec<u8>>,
}

impl Run<'_> {
    /// The same, with the colours of the source kept if `keeps` asks for it and it has a profile of RGB.
    pub(crate) fn keeping(mut self, keeps: bool) -> Result<Self, Error> {
        if keeps {
            self.profile = decode::rgb_profile(self.source, self.header.format, self.limits)?;
        }
        Ok(self)
    }

    /// The profile out of which colours are converted, of a source with this one.
    pub(crate) fn conversion(&self, icc: Option<Vec<u8>>) -> Option<Vec<u8>> {
        icc.filter(|_| self.profile.is_none())
    }

    /// What the caller gets, with metadata if it is asked for.
    pub(crate) fn output(
        &self,
        transformation: &Transformation,
        plan: &Plan,
        (bytes, (width, height)): Finished,
    ) -> Result<Output, Error> {
        debug_assert_eq!((width, height), plan.output_size(), "{plan}");
        let format = plan.format();
        let mut bytes = self.with_metadata(transformation, bytes, format)?;
        if plan.codes_anew() && bytes.len() > self.source.len() {
            bytes = recode::no_larger(self, transformation, plan, bytes)?;
        }
        Ok(Output { bytes, format, width, height })
    }

    /// An encoded file with what is to be kept beside the pixels.
    pub(crate) fn with_metadata(
        &self,
        transformation: &Transformation,
        bytes: Vec<u8>,
        format: Format,
    ) -> Result<Vec<u8>, Error> {
        let exif = match transformation {
            Transformation { keep_metadata: true, .. } => Some(Kept::All),
            Transformation { keep_copyright: true, .. } => Some(Kept::Copyright),
            _ => None,
        };
        let exif = exif.and_then(|kept| metadata::exif(self.source, self.header.format, kept));
        metadata::add(bytes, format, exif, self.profile.as_deref())
    }

    /// Runs the whole plan: the file and its size.
    pub(crate) fn steps(&self, plan: &Plan) -> Result<Finished, Error> {
        if plan.frames() > 1 {
            return animate(self, plan);
        }
        if let Some(found) = self.planes(plan)? {
            return self.found(plan, found);
        }
        if let Some(bytes) = rows::file(self, plan.steps())? {
            return Ok((bytes, plan.output_size()));
        }
        let (pixels, rest) = self.decode(plan)?;
        self.finish(pixels, rest)
    }

    /// The short way, where there is one.
    pub(crate) fn planes(&self, plan: &Plan) -> Result<Option<Found>, Error> {
        let [answer] =
            self.all_planes([(plan, true)], |_, found| Ok(found))?.try_into().map_err(|_| lost())?;
        answer.transpose()
    }

    /// The short way for many plans, with what `finish` makes of each that is wanted.
    pub(crate) fn all_planes<'p, T>(
        &self,
        plans: impl IntoIterator<Item = (&'p Plan, bool)>,
        finish: impl Fn(usize, Found) -> Result<T, Error>,
    ) -> Result<Vec<Answer<T>>, Error> {
        let colour = |layout| {
            let icc = decode::icc_of(self.source, Format::Jpeg, self.limits)?;
            Ok(self.conversion(icc).is_some_and(|icc| color::changes(&icc, layout)))
        };
        let told = |(plan, wanted): (&'p Plan, bool)| planar::Plan {
            steps: plan.steps(),
            peak_bytes: plan.peak_bytes(),
            wanted,
        };
        let plans: Vec<_> = plans.into_iter().map(told).collect();
        let Self { source, overlay, ref header, limits, cancel, .. } = *self;
        planar::run(planar::Job { source, header, overlay, limits, cancel }, &plans, colour, finish)
    }

    /// Finishes what came of the short way.
    pub(crate) fn found(&self, plan: &Plan, found: Found) -> Result<Finished, Error> {
        match found {
            Found::File(bytes) => Ok((bytes, plan.output_size())),
            Found::Pixels(pixels, done) => {
                let icc = decode::icc_of(self.source, Format::Jpeg, self.limits)?;
                let icc = self.conversion(icc);
                self.finish(to_srgb(Decoded { pixels, icc })?, &plan.steps()[done..])
            }
        }
    }

    /// Decodes, cuts and resamples: row by row where that can be done, else the general way.
    pub(crate) fn decode<'s>(&self, plan: &'s Plan) -> Result<(Pixels, &'s [Step]), Error> {
        if let Some(decoded) = rows::resampled(self, plan.steps())? {
            return Ok((to_srgb(decoded)?, &plan.steps()[2..]));
        }
        self.decode_whole(plan)
    }

    /// Decodes the whole picture, cuts and resamples.
    pub(crate) fn decode_whole<'s>(&self, plan: &'s Plan) -> Result<(Pixels, &'s [Step]), Error> {
        let (decoded, rest) = self.decoded(plan)?;
        self.sample(decoded, rest)
    }

    /// Decodes the general way.
    pub(crate) fn decoded<'s>(&self, plan: &'s Plan) -> Result<(Decoded, &'s [Step]), Error> {
        let (first, rest) = plan.steps().split_first().expect("a plan begins with decoding");
        let Step::Decode { eighths, .. } = *first else {
            return Err(Error::Bug(format!("a plan begins with {first}")));
        };
        let Decoded { pixels, icc } =
            decode::decode(self.source, &self.header, eighths, self.limits, self.cancel)?;
        let pixels = ops::drop_opaque_alpha(pixels);
        Ok((Decoded { pixels, icc: self.conversion(icc) }, rest))
    }

    pub(crate) fn finish(&self, pixels: Pixels, rest: &[Step]) -> Result<Finished, Error> {
        let (pixels, encoding) = self.operate(pixels, rest)?;
        let bytes = encode::encode(&pixels, encoding, self.profile.as_deref(), self.cancel)?;
        Ok((bytes, (pixels.width, pixels.height)))
    }

    /// All that comes before encoding.
    pub(crate) fn operate<'s>(
        &self,
        mut pixels: Pixels,
        rest: &'s [Step],
    ) -> Result<(Pixels, &'s Encoding), Error> {
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
    pub(crate) fn sample<'s>(
        &self,
        decoded: Decoded,
        steps: &'s [Step],
    ) -> Result<(Pixels, &'s [Step]), Error> {
        self.cancel.check()?;
        if let Some(pixels) = self.part(&decoded, steps)? {
            return Ok((pixels, &steps[1..]));
        }
        let pixels = to_srgb(decoded)?;
        match steps.split_first() {
            Some((Step::Resize { within, region, to }, rest)) => {
                Ok((ops::resize(&pixels, *within, *region, *to)?, rest))
            }
            _ => Ok((pixels, steps)),
        }
    }

    /// The part that the first of `steps` takes, in sRGB, where it isn't all of the picture or more pixels than it has.
    pub(crate) fn part(&self, decoded: &Decoded, steps: &[Step]) -> Result<Option<Pixels>, Error> {
        let Decoded { pixels, icc } = decoded;
        let pixels = match steps.first() {
            Some(Step::Crop { rect }) => ops::crop(pixels, *rect),
            Some(Step::Resize { within, region, to }) if area(*to) <= area((pixels.width, pixels.height)) => {
                ops::resize(pixels, *within, *region, *to)?
            }
            Some(Step::ResizeSalient(salient)) => {
                let region = salient_region(pixels, icc.as_deref(), salient)?;
                ops::resize(pixels, salient.within, region, salient.to)?
            }
            _ => return Ok(None),
        };
        self.cancel.check()?;
        Ok(Some(to_srgb(Decoded { pixels, icc: icc.clone() })?))
    }

    pub(crate) fn step(&self, step: &Step, pixels: Pixels) -> Result<Pixels, Error> {
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
pub(crate) fn salient_region(
    pixels: &Pixels,
    icc: Option<&[u8]>,
    salient: &Salient,
) -> Result<Region, Error> {
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

fn lost() -> Error {
    Error::Bug("a plan has no answer of its own".into())
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}
