//! The short way from an ordinary JPEG to a result: its planes stay planes, chroma stays as coarse as it is, and rows
//! flow from the decoder through the resampler to the encoder, so that rows are held and not pictures.
//!
//! It serves plans that cut, resample, turn or mark and then write JPEG; of other plans that begin with resampling a JPEG it
//! does the first two steps and hands on RGB. What it doesn't do, and every file that its decoder doubts, goes the
//! general way, which also has the last word on what is refused.

mod geometry;
mod mark;
mod rgb;
mod route;
mod sink;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::decode;
use crate::decode::baseline::{Doubt, Frame, Strips};
use crate::encode::baseline::Sampling;
use crate::error::Error;
use crate::header::Header;
use crate::limits::{CancelToken, Limits};
use crate::ops::planes::Resampler;
use crate::ops::watermark;
use crate::pixels::{Layout, Pixels};
use crate::plan::Step;
use crate::simd::Simd;
use geometry::Geometry;
use mark::Marks;
pub(crate) use route::Route;

/// What came of the short way.
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

/// Goes the short way as far as it leads; nothing where it doesn't. `colour` tells whether samples must go through a
/// colour profile, which needs RGB.
pub(crate) fn run(
    job: Job<'_>,
    steps: &[Step],
    colour: impl FnOnce(Layout) -> Result<bool, Error>,
) -> Result<Option<Found>, Error> {
    let Some(mut route) = Route::of(steps) else { return Ok(None) };
    let Ok(frame) = Frame::parse(job.source) else { return Ok(None) };
    let (width, height) = route.size();
    if width.max(height) > u16::MAX.into() {
        // More than the format can say: the general way has the words for it.
        return Ok(None);
    }
    if (frame.width, frame.height) != (job.header.width as usize, job.header.height as usize) {
        return Ok(None);
    }
    let layout = if frame.components.len() == 1 { Layout::Grey } else { Layout::Rgb };
    if colour(layout)? {
        match route.to_pixels() {
            Some(pixels) => route = pixels,
            None => return Ok(None),
        }
    }
    match flow(job, &frame, &route, Simd::best()) {
        Ok(found) => Ok(Some(found)),
        Err(Stop::Doubt) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Estimated memory at the peak in bytes, beside the source's own, where the short way leads to the file.
pub(crate) fn peak_bytes(source: &[u8], steps: &[Step]) -> Option<u64> {
    let route = Route::of(steps).filter(Route::is_whole)?;
    let frame = Frame::parse(source).ok()?;
    // A profile may be one that needs RGB.
    let profile = decode::jpeg_icc(source, &Limits::default()).ok()?;
    profile.is_none().then(|| Geometry::new(&frame, &route).peak_bytes(&frame, &route))
}

/// Lets the rows flow from decoder to sink.
fn flow(job: Job<'_>, frame: &Frame, route: &Route, simd: Simd) -> Result<Found, Stop> {
    let geometry = Geometry::new(frame, route);
    let marks = marks(job, route, &geometry)?;
    let mut resamplers: Vec<Resampler> = geometry
        .planes
        .iter()
        .map(|plane| Resampler::new(Arc::clone(&plane.columns), Arc::clone(&plane.rows), simd))
        .collect();
    let mut sink = sink::Sink::new(route, &geometry, marks, simd);
    let mut strips = Strips::new(job.source, frame, geometry.wanted(), simd);
    while strips.advance()? {
        job.cancel.check()?;
        for (index, resampler) in resamplers.iter_mut().enumerate() {
            let strip = strips.strip(index);
            for y in 0..strip.rows {
                resampler.push(strip.top + y, strip.row(y));
            }
        }
        sink.take(&mut resamplers);
    }
    sink.finish(job.cancel)
}

/// The watermark for every plane, if there is one.
fn marks(job: Job<'_>, route: &Route, geometry: &Geometry) -> Result<Vec<Marks>, Stop> {
    let Some(asked) = route.mark() else { return Ok(Vec::new()) };
    let Some(stamped) = watermark::stamped(route.size(), asked, job.overlay, job.limits, job.cancel)? else {
        return Ok(Vec::new());
    };
    if geometry.sampling == Sampling::Grey && !stamped.is_grey() {
        // The result is a coloured one.
        return Err(Stop::Doubt);
    }
    let marks = |index| Marks::new(&stamped, index, if index == 0 { 1 } else { geometry.sampling.factor() });
    Ok((0..geometry.planes.len()).map(marks).collect())
}
