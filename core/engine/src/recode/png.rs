//! A PNG from the rows of another, as they are compressed there: for those that somebody packed for minutes. Of all else that
//! was in the file only what the rows can't be read without comes along.

use img_parts::Bytes;
use img_parts::png::{Png, PngChunk};

use crate::error::Error;
use crate::header::Orientation;
use crate::limits::CancelToken;
use crate::run::Run;

/// Bytes that are inflated at once, beside those that they may refer back to.
const STRETCH: usize = 64 << 10;
const WINDOW: usize = 32 << 10;
/// Bytes that may be read and not needed.
const AHEAD: usize = 8;

/// Nothing where the samples themselves have to change, and for what is interlaced or has more in it than the rows.
pub(super) fn repacked(run: &Run<'_>) -> Result<Option<Vec<u8>>, Error> {
    if run.header.orientation != Orientation::UPRIGHT || super::is_converted(run)? {
        return Ok(None);
    }
    of_file(run.source, run.cancel)
}

/// The rows of a file with what is needed to read them.
pub(super) fn of_file(source: &[u8], cancel: &CancelToken) -> Result<Option<Vec<u8>>, Error> {
    let Ok(mut png) = Png::from_bytes(Bytes::copy_from_slice(source)) else { return Ok(None) };
    let Some((mut chunks, data, rows)) = needed(png.chunks()) else { return Ok(None) };
    let Some(end) = end_of_rows(&data, rows, cancel)? else { return Ok(None) };
    chunks.push(PngChunk::new(*b"IDAT", data.slice(..end)));
    chunks.push(PngChunk::new(*b"IEND", Bytes::new()));
    *png.chunks_mut() = chunks;
    Ok(Some(png.encoder().bytes().to_vec()))
}

/// What must come before the rows, what is in their chunks, and how many bytes they are, each behind the byte that names its
/// filter. Nothing for what is interlaced, which takes more than it must.
fn needed(chunks: &[PngChunk]) -> Option<(Vec<PngChunk>, Bytes, usize)> {
    let (header, rest) = chunks.split_first().filter(|(header, _)| header.kind() == *b"IHDR")?;
    let &[w3, w2, w1, w0, h3, h2, h1, h0, depth, colour, 0, 0, 0] = &header.contents()[..] else {
        return None;
    };
    let begin = rest.iter().position(|chunk| chunk.kind() == *b"IDAT")?;
    let (before, rest) = rest.split_at(begin);
    let data = rest.iter().take_while(|chunk| chunk.kind() == *b"IDAT");
    let data: Vec<u8> = data.flat_map(PngChunk::contents).copied().collect();
    // Where there is neither a palette nor a clear colour to be told, these would say something else.
    let (channels, colours, clear) = match colour {
        0 => (1, 0, 2),
        2 => (3, 0, 6),
        3 => (1, 3_usize << depth, 1 << depth),
        4 => (2, 0, 0),
        _ => (4, 0, 0),
    };
    let mut kept = vec![header.clone()];
    for (kind, longest) in [(*b"PLTE", colours), (*b"tRNS", clear)] {
        if longest > 0
            && let Some(found) = before.iter().find(|chunk| chunk.kind() == kind)
        {
            let contents = found.contents();
            kept.push(PngChunk::new(kind, contents.slice(..contents.len().min(longest))));
        }
    }
    let (width, height) = (u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]));
    let bits = (width as usize).checked_mul(channels * usize::from(depth))?;
    Some((kept, data.into(), (height as usize).checked_mul(1 + bits.div_ceil(8))?))
}

/// How long a zlib stream is, if it is whole and holds this many bytes and no more, in which something could be hidden.
fn end_of_rows(data: &[u8], rows: usize, cancel: &CancelToken) -> Result<Option<usize>, Error> {
    let Some(taken) = inflated(data, rows, cancel)? else { return Ok(None) };
    // The inflater takes in a few bytes more than it needs.
    for end in taken.saturating_sub(AHEAD)..taken {
        if inflated(&data[..end], rows, cancel)?.is_some() {
            return Ok(Some(end));
        }
    }
    Ok(Some(taken))
}

/// How many bytes of a zlib stream are read to its end, if that is where these rows end.
fn inflated(data: &[u8], rows: usize, cancel: &CancelToken) -> Result<Option<usize>, Error> {
    let mut inflater = fdeflate::Decompressor::new();
    let mut out = vec![0; WINDOW + STRETCH];
    let (mut at, mut taken, mut given) = (0, 0, 0);
    while !inflater.is_done() {
        cancel.check()?;
        let Ok((read, written)) = inflater.read(&data[taken..], &mut out, at, true) else { return Ok(None) };
        (taken, given, at) = (taken + read, given + written, at + written);
        let stuck = read == 0 && written == 0 && !inflater.is_done();
        if stuck || given > rows {
            return Ok(None);
        }
        if at == out.len() {
            out.copy_within(STRETCH.., 0);
            at = WINDOW;
        }
    }
    Ok((given == rows).then_some(taken))
}
