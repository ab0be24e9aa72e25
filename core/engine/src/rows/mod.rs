//! The short way for a PNG that is made smaller: its rows flow from the decoder through the resampler, so that rows are
//! held and not the picture. Interlaced files, and whatever else is done, go the general way.

#[cfg(test)]
mod tests;

use crate::decode::{self, Decoded, PngRows};
use crate::error::Error;
use crate::format::Format;
use crate::ops::{self, Resizing};
use crate::plan::Step;
use crate::run::Run;

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
    let mut resizing = Resizing::new(rows.layout(), *within, *region, *to);
    let mut row = vec![0; header.width as usize * rows.layout().channels()];
    // All rows are read: what is wrong with the last is wrong with the file.
    for y in 0..header.height as usize {
        if y.is_multiple_of(ROWS_BETWEEN_CHECKS) {
            run.cancel.check()?;
        }
        rows.read(&mut row)?;
        resizing.push(y, &row);
    }
    rows.finish()?;
    let (pixels, opaque) = resizing.finish()?;
    run.cancel.check()?;
    let pixels = if opaque { ops::drop_opaque_alpha(pixels) } else { pixels };
    Ok(Some(Decoded { pixels, icc }))
}
