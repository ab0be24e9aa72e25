//! The short way for a PNG that is made smaller: its rows flow from the decoder through the resampler, so that rows are
//! held and not the picture. Interlaced files, and whatever else is done, go the general way.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::decode::{self, Decoded, PngRows};
use crate::error::Error;
use crate::format::Format;
use crate::ops;
use crate::ops::planes::{Axis, Resampler};
use crate::pixels::Pixels;
use crate::plan::Step;
use crate::run::Run;
use crate::simd::Simd;

const ROWS_BETWEEN_CHECKS: usize = 64;

/// The picture after the first two `steps`, where these are decoding a PNG and making it smaller.
pub(crate) fn resampled(run: &Run<'_>, steps: &[Step]) -> Result<Option<Decoded>, Error> {
    let [Step::Decode { format: Format::Png, frames: 1, .. }, Step::Resize { within, region, to }, ..] =
        steps
    else {
        return Ok(None);
    };
    let (header, limits) = (&run.header, run.limits);
    // Colours are converted where there are fewer pixels.
    if u64::from(to.0) * u64::from(to.1) > u64::from(header.width) * u64::from(header.height) {
        return Ok(None);
    }
    limits.check_source(header.width, header.height, 1)?;
    run.cancel.check()?;
    let icc = decode::png_icc(run.source, limits)?;
    let Some(mut rows) = PngRows::open(run.source, header, limits)? else { return Ok(None) };
    let layout = rows.layout();
    let range = |start: u32, length: u32| start as usize..(start + length) as usize;
    let across = Axis::new(range(within.left, within.width), region.left, region.width, to.0 as usize);
    let down = Axis::new(range(within.top, within.height), region.top, region.height, to.1 as usize);
    let (across, down, simd) = (Arc::new(across), Arc::new(down), Simd::best());
    let mut resampler = Resampler::interleaved(layout.channels(), across, down, simd);
    let mut pixels = Pixels::zeroed(to.0, to.1, layout);
    let stride = pixels.stride();
    let mut results = pixels.data.chunks_exact_mut(stride);
    let mut left = to.1;
    let mut row = vec![0; header.width as usize * layout.channels()];
    let mut opaque = true;
    // All rows are read: what is wrong with the last is wrong with the file.
    for y in 0..header.height as usize {
        if y.is_multiple_of(ROWS_BETWEEN_CHECKS) {
            run.cancel.check()?;
        }
        rows.read(&mut row)?;
        opaque &= ops::multiply_row(&mut row, layout);
        resampler.push(y, &row);
        while left > 0 && resampler.has(1) {
            let result = results.next().ok_or_else(|| Error::Bug("more rows than the result has".into()))?;
            resampler.pull(result);
            ops::divide_row(result, layout);
            left -= 1;
        }
    }
    if left > 0 {
        return Err(Error::Bug("the rows end before the picture".into()));
    }
    run.cancel.check()?;
    let pixels = if opaque { ops::drop_opaque_alpha(pixels) } else { pixels };
    Ok(Some(Decoded { pixels, icc }))
}
