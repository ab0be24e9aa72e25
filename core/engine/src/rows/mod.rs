//! The short way for a PNG that is made smaller: its rows flow from the decoder through the resampler, and into the file
//! where that is a PNG too, so that rows are held and not the picture. Interlaced files, and whatever else is done, go the
//! general way.

#[cfg(test)]
mod tests;

use crate::color;
use crate::decode::{self, Decoded, PngRows};
use crate::encode;
use crate::error::Error;
use crate::format::Format;
use crate::ops::{self, Resizing};
use crate::pixels::{Layout, Pixels};
use crate::plan::Step;
use crate::run::Run;

const ROWS_BETWEEN_CHECKS: usize = 64;

/// The file after all `steps`, where these are decoding a PNG, making it smaller and writing it as a PNG without ado, and
/// the picture is one whose samples stay as they are: without alpha, which may turn out to hide nothing, and in sRGB.
pub(crate) fn file(run: &Run<'_>, steps: &[Step]) -> Result<Option<Vec<u8>>, Error> {
    let [_, Step::Resize { to, .. }, Step::Encode { encoding, .. }] = steps else { return Ok(None) };
    if run.header.alpha || !encode::png_takes_rows(*encoding) {
        return Ok(None);
    }
    let Some(flow) = Flow::open(run, steps)? else { return Ok(None) };
    let layout = flow.layout();
    if layout.has_alpha() || flow.icc.as_deref().is_some_and(|icc| color::changes(icc, layout)) {
        return Ok(None);
    }
    let mut row = vec![0; to.0 as usize * layout.channels()];
    let bytes = encode::png_of_rows(*to, layout, run.cancel, |put| {
        let ready = |resizing: &mut Resizing| {
            while resizing.has_row() {
                resizing.take(&mut row);
                put(&row)?;
            }
            Ok(())
        };
        flow.run(run, ready).map(|_| ())
    })?;
    Ok(Some(bytes))
}

/// The picture after the first two `steps`, where these are decoding a PNG and making it smaller.
pub(crate) fn resampled(run: &Run<'_>, steps: &[Step]) -> Result<Option<Decoded>, Error> {
    let Some(mut flow) = Flow::open(run, steps)? else { return Ok(None) };
    let icc = flow.icc.take();
    let mut pixels = Pixels::zeroed(flow.to.0, flow.to.1, flow.layout());
    let opaque = flow.run(run, |resizing| {
        resizing.fill(&mut pixels);
        Ok(())
    })?;
    run.cancel.check()?;
    let pixels = if opaque { ops::drop_opaque_alpha(pixels) } else { pixels };
    Ok(Some(Decoded { pixels, icc }))
}

/// Rows on their way from the decoder through the resampler.
struct Flow<'a> {
    rows: PngRows<'a>,
    icc: Option<Vec<u8>>,
    resizing: Resizing,
    to: (u32, u32),
}

impl<'a> Flow<'a> {
    /// Nothing where the first two steps are others, or the file is interlaced.
    fn open(run: &Run<'a>, steps: &[Step]) -> Result<Option<Self>, Error> {
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
        let icc = run.conversion(decode::icc_of(run.source, Format::Png, limits)?);
        let Some(rows) = PngRows::open(run.source, header, limits)? else { return Ok(None) };
        let resizing = Resizing::new(rows.layout(), *within, *region, *to);
        Ok(Some(Self { rows, icc, resizing, to: *to }))
    }

    fn layout(&self) -> Layout {
        self.rows.layout()
    }

    /// Reads all rows, and calls `ready` after each; tells whether none had anything transparent.
    fn run(
        mut self,
        run: &Run<'_>,
        mut ready: impl FnMut(&mut Resizing) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut row = vec![0; run.header.width as usize * self.layout().channels()];
        // All rows are read: what is wrong with the last is wrong with the file.
        for y in 0..run.header.height as usize {
            if y.is_multiple_of(ROWS_BETWEEN_CHECKS) {
                run.cancel.check()?;
            }
            self.rows.read(&mut row)?;
            self.resizing.push(y, &row);
            ready(&mut self.resizing)?;
        }
        self.rows.finish()?;
        self.resizing.finish()
    }
}
