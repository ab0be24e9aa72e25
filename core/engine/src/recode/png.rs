//! A PNG from the rows of another, as they are compressed there: for those that somebody packed for minutes. Nothing else
//! that was in the file comes along, neither between its chunks nor behind the rows.

use img_parts::Bytes;
use img_parts::png::{Png, PngChunk};

use crate::color;
use crate::decode;
use crate::error::Error;
use crate::format::Format;
use crate::header::Orientation;
use crate::pixels::Layout;
use crate::run::Run;

/// Bytes that are inflated at once, beside those that they may refer back to.
const STRETCH: usize = 64 << 10;
const WINDOW: usize = 32 << 10;
/// Bytes that may be read and not needed.
const AHEAD: usize = 8;

/// Nothing where the samples themselves have to change.
pub(super) fn repacked(run: &Run<'_>) -> Result<Option<Vec<u8>>, Error> {
    let icc = decode::icc_of(run.source, Format::Png, run.limits)?;
    let changes = |icc: &[u8]| color::changes(icc, Layout::Rgb) || color::changes(icc, Layout::Grey);
    if run.header.orientation != Orientation::UPRIGHT || run.conversion(icc).as_deref().is_some_and(changes) {
        return Ok(None);
    }
    Ok(of_file(run.source))
}

/// The rows of a file with what is needed to read them.
pub(super) fn of_file(source: &[u8]) -> Option<Vec<u8>> {
    let mut png = Png::from_bytes(Bytes::copy_from_slice(source)).ok()?;
    let mut data: Vec<u8> = png.chunks_by_type(*b"IDAT").flat_map(PngChunk::contents).copied().collect();
    let rows = bytes_of_rows(png.chunk_by_type(*b"IHDR")?.contents())?;
    data.truncate(end_of_rows(&data, rows)?);
    png.chunks_mut().retain(|chunk| [b"IHDR", b"PLTE", b"tRNS"].contains(&&chunk.kind()));
    png.chunks_mut().push(PngChunk::new(*b"IDAT", data.into()));
    png.chunks_mut().push(PngChunk::new(*b"IEND", Bytes::new()));
    Some(png.encoder().bytes().to_vec())
}

/// How many bytes the rows of a picture with this IHDR are, each behind the byte that names its filter. Nothing for what
/// is interlaced, which takes more than it must.
fn bytes_of_rows(header: &[u8]) -> Option<usize> {
    let (sides, kind) = header.split_at_checked(8)?;
    let &[depth, colour, _, _, 0] = kind else { return None };
    let side = |at: usize| Some(u32::from_be_bytes(*sides[at..].first_chunk()?) as usize);
    let channels = match colour {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    let bits = side(0)?.checked_mul(channels * usize::from(depth))?;
    side(4)?.checked_mul(1 + bits.div_ceil(8))
}

/// How long a zlib stream is, if it is whole and holds this many bytes and no more, in which something could be hidden.
fn end_of_rows(data: &[u8], rows: usize) -> Option<usize> {
    // The inflater takes in a few bytes more than it needs.
    let (taken, given) = inflated(data)?;
    let ends = taken.saturating_sub(AHEAD)..taken;
    let end = ends.into_iter().find(|&end| inflated(&data[..end]).is_some()).unwrap_or(taken);
    (given == rows).then_some(end)
}

/// How many bytes of a zlib stream are read to its end, and how many come of it. Nothing if it does not come to its end.
fn inflated(data: &[u8]) -> Option<(usize, usize)> {
    let mut inflater = fdeflate::Decompressor::new();
    let mut out = vec![0; WINDOW + STRETCH];
    let (mut at, mut taken, mut given) = (0, 0, 0);
    while !inflater.is_done() {
        let (read, written) = inflater.read(&data[taken..], &mut out, at, true).ok()?;
        if read == 0 && written == 0 && !inflater.is_done() {
            return None;
        }
        (taken, given, at) = (taken + read, given + written, at + written);
        if at == out.len() {
            out.copy_within(STRETCH.., 0);
            at = WINDOW;
        }
    }
    Some((taken, given))
}
