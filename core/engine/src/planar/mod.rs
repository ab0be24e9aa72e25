//! The short way from an ordinary JPEG to a result: its planes stay planes, chroma stays as coarse as it is, and rows
//! flow from the decoder through the resampler to the encoder, so that rows are held and not pictures.
//!
//! It serves plans that cut, resample, turn or mark and then write JPEG, or lossy WebP, whose encoder wants all rows
//! together; of other plans that begin with resampling a JPEG it does the first two steps and hands on RGB. What it
//! doesn't do, and every file that its decoder doubts, goes the general way, which also has the last word on what is
//! refused.
//!
//! Many results of one source share the decoding, and the rows of larger ones are resampled to smaller ones.

mod flow;
mod geometry;
mod mark;
mod rgb;
mod route;
mod sink;
#[cfg(test)]
mod tests;

use crate::decode;
use crate::decode::baseline::{Doubt, Frame};
use crate::error::Error;
use crate::format::Format;
use crate::header::Header;
use crate::limits::{CancelToken, Limits};
use crate::pixels::{Layout, Pixels};
use crate::plan::Step;
use crate::simd::Simd;
pub(crate) use route::Route;

/// What came of the short way.
#[derive(Debug)]
pub(crate) enum Found {
    /// The finished file.
    File(Vec<u8>),
    /// The picture after this many steps, still in the colours of the source.
    Pixels(Pixels, usize),
}

/// Why it ended early.
enum Stop {
    Doubt,
    Failed(Error),
}

impl From<Doubt> for Stop {
    fn from(Doubt: Doubt) -> Self {
        Self::Doubt
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What there is to work on.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) source: &'a [u8],
    pub(crate) header: &'a Header,
    /// The file of the image that a watermark names.
    pub(crate) overlay: Option<&'a [u8]>,
    pub(crate) limits: &'a Limits,
    pub(crate) cancel: &'a CancelToken,
}

/// What is told of a plan.
#[derive(Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) steps: &'a [Step],
    /// What it needs alone, without a short way.
    pub(crate) peak_bytes: u64,
    /// Whether its result is asked for. If not it is there for the others alone, who may be made from its rows.
    pub(crate) wanted: bool,
}

/// What came of a plan: nothing where the short way doesn't lead. Of one that is not wanted it tells no more than that.
pub(crate) type Answer<T> = Option<Result<T, Error>>;

/// Goes the short way with all `plans` as far as it leads. `colour` tells whether samples must go through a colour
/// profile, which needs RGB; `finish` gets what came of the plan with this index.
///
/// An error is of all plans; what is wrong with one alone is in its answer.
pub(crate) fn run<T>(
    job: Job<'_>,
    plans: &[Plan<'_>],
    colour: impl FnOnce(Layout) -> Result<bool, Error>,
    finish: impl Fn(usize, Found) -> Result<T, Error>,
) -> Result<Vec<Answer<T>>, Error> {
    let mut answers: Vec<Answer<T>> = plans.iter().map(|_| None).collect();
    let routes: Vec<_> = plans.iter().map(|plan| Route::of(plan.steps)).collect();
    if routes.iter().all(Option::is_none) {
        return Ok(answers);
    }
    let Ok(frame) = Frame::parse(job.source) else { return Ok(answers) };
    if (frame.width, frame.height) != (job.header.width as usize, job.header.height as usize) {
        return Ok(answers);
    }
    let layout = if frame.components.len() == 1 { Layout::Grey } else { Layout::Rgb };
    let converted = colour(layout)?;
    let (mut indices, mut taken, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for (index, route) in routes.into_iter().enumerate() {
        let route = if converted { route.and_then(|route| route.to_pixels()) } else { route };
        let Some(route) = route else { continue };
        let (width, height) = route.size();
        // More than the format can say: the general way has the words for it.
        if u64::from(width.max(height)) <= route.longest_side() {
            indices.push(index);
            taken.push(route);
            told.push(plans[index]);
        }
    }
    let finish = |at: usize, found| finish(indices[at], found);
    match flow::run(job, &frame, &taken, &told, Simd::best(), finish) {
        Ok(found) => {
            for (&index, answer) in indices.iter().zip(found) {
                answers[index] = answer;
            }
            Ok(answers)
        }
        Err(Stop::Doubt) => Ok(answers),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Estimated memory at the peak in bytes, beside the source's own, where the short way leads to the file.
pub(crate) fn peak_bytes(source: &[u8], steps: &[Step]) -> Option<u64> {
    let route = Route::of(steps).filter(Route::is_whole)?;
    let frame = Frame::parse(source).ok()?;
    // A profile may be one that needs RGB.
    let profile = decode::icc_of(source, Format::Jpeg, &Limits::default()).ok()?;
    profile.is_none().then(|| flow::peak_bytes(&frame, route))
}
