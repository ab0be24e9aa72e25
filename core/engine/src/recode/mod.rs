//! The same picture coded anew: what nobody asked to change, and for which no format was named, is not to take more bytes
//! than it did.
//!
//! What is served is always made by the engine, so the source itself is no answer. A JPEG whose colours are sRGB already is
//! made of its own coefficients and a GIF of its own frames, without loss. A PNG is written more thoroughly, and if that is
//! not enough made of its own rows. Otherwise quality is lowered step by step; one that was asked for is the most, not the
//! least.
//!
//! There are requests for which all this is not enough: those for `lossless`, those whose colours have to be converted, and
//! files of a few hundred bytes. They get the smallest that was found.

mod gif;
mod png;

#[cfg(test)]
mod tests;

use crate::color;
use crate::decode;
use crate::encode::{self, Encoding};
use crate::error::Error;
use crate::format::Format;
use crate::ops::Turn;
use crate::pixels::Layout;
use crate::plan::Plan;
use crate::run::Run;
use crate::transformation::Transformation;

/// The least quality that is tried; below, savings are small and the picture falls apart.
const LEAST_QUALITY: u8 = 10;

/// The first file that is no larger than the source, or else the smallest. `first` is the one that `plan` gave.
pub(crate) fn no_larger(
    run: &Run<'_>,
    transformation: &Transformation,
    plan: &Plan,
    first: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let mut smallest = first;
    let mut fits = |bytes: Vec<u8>| {
        let bytes = run.with_metadata(transformation, bytes, plan.format())?;
        if bytes.len() < smallest.len() {
            smallest = bytes;
        }
        Ok::<_, Error>(smallest.len() <= run.source.len())
    };
    if plan.format() == Format::Jpeg {
        for progressive in [false, true] {
            if let Some(bytes) = transcoded(run, plan, progressive)?
                && fits(bytes)?
            {
                return Ok(smallest);
            }
        }
    }
    if plan.format() == Format::Gif
        && let Some(bytes) = gif::repacked(run)?
        && fits(bytes)?
    {
        return Ok(smallest);
    }
    for encoding in others(plan.encoding()?, run.source) {
        run.cancel.check()?;
        if fits(run.steps(&plan.written_as(encoding))?.0)? {
            return Ok(smallest);
        }
    }
    if plan.format() == Format::Png
        && let Some(bytes) = png::repacked(run)?
    {
        fits(bytes)?;
    }
    Ok(smallest)
}

/// Whether the colours of the source have to be converted, so that its own samples can't serve.
fn is_converted(run: &Run<'_>) -> Result<bool, Error> {
    let icc = decode::icc_of(run.source, run.header.format, run.limits)?;
    let changes = |icc: Vec<u8>| color::changes(&icc, Layout::Rgb) || color::changes(&icc, Layout::Grey);
    Ok(run.conversion(icc).is_some_and(changes))
}

/// The coefficients of a JPEG, unless its colours have to be converted.
fn transcoded(run: &Run<'_>, plan: &Plan, progressive: bool) -> Result<Option<Vec<u8>>, Error> {
    run.cancel.check()?;
    if is_converted(run)? {
        return Ok(None);
    }
    let turn = Turn::upright(run.header.orientation);
    encode::transcode(run.source, turn, progressive, run.limits, plan.peak_bytes())
}

/// Other ways to write what `asked` says, from the best on.
fn others(asked: Encoding, source: &[u8]) -> Vec<Encoding> {
    let Encoding { format, quality, lossless, palette, .. } = asked;
    let thorough = Encoding { thorough: true, ..asked };
    match format {
        Format::Gif => Vec::new(),
        Format::Png => vec![thorough],
        Format::Webp if lossless => vec![thorough],
        Format::Avif if lossless => Vec::new(),
        Format::Jpeg | Format::Webp | Format::Avif => {
            // Drawings take less without loss than with a little.
            let was_lossless =
                format == Format::Webp && decode::chunks(source).any(|(kind, _)| &kind == b"VP8L");
            let first = was_lossless.then_some(Encoding { lossless: true, ..thorough });
            let lower = std::iter::successors(Some(quality), |&quality| {
                let next = (u16::from(quality) * 3 / 4) as u8;
                (quality > LEAST_QUALITY).then_some(next.max(LEAST_QUALITY))
            });
            let lower = lower.skip(1).map(|quality| Encoding { palette, ..Encoding::new(format, quality) });
            first.into_iter().chain(lower).collect()
        }
    }
}
