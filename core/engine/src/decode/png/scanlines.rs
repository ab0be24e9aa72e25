//! The rows of ordinary files, from the top on: samples of 8 bits, no palette, not interlaced. Reading the chunks and
//! inflating them is the `png` crate's part; undoing the filters is ours, for it takes longer there than it must.
//!
//! What the crate keeps of chunks before the pixels is bounded by what was inspected, which refuses longer ones; chunks behind
//! the pixels are not read.

use png::{StreamingDecoder, UnfilterRegion, chunk};

use super::unfilter::{self, Filter};
use super::{agree, refused};
use crate::decode::undecodable;
use crate::error::Error;
use crate::format::Format;
use crate::header::Header;
use crate::pixels::Layout;
use crate::simd::Simd;

/// How many rows are undone at once.
const ROWS: usize = 4;
/// What inflated bytes may refer back to.
const WINDOW: usize = 32 << 10;
/// What is inflated before what was read is moved out of the way.
const STRETCH: usize = 96 << 10;
/// The least room to inflate into.
const ROOM: usize = 8 << 10;

/// What is left to be read of a file.
pub(super) struct Scanlines<'a> {
    decoder: StreamingDecoder,
    source: &'a [u8],
    /// Whether all that is deflated has been read.
    flushed: bool,
    /// What was inflated: rows, each behind the byte that names its filter.
    inflated: Vec<u8>,
    region: UnfilterRegion,
    /// Where in it the next row begins.
    at: usize,
    /// How many bytes of rows were not inflated yet.
    to_come: usize,
    /// The row above the next, and rows that are ready; at first zeros.
    rows: Vec<u8>,
    /// Which of them have been read, with the one above, and how many there are.
    read: usize,
    ready: usize,
    row_bytes: usize,
    /// Bytes of a pixel.
    bpp: usize,
    simd: Simd,
}

impl<'a> Scanlines<'a> {
    /// Nothing for files of other kinds.
    pub(super) fn open(source: &'a [u8], header: &Header, simd: Simd) -> Result<Option<Self>, Error> {
        // Depth, colour type, compression, filter method and interlacing of IHDR, which is the first chunk.
        let bpp = match source.get(24..29) {
            Some([8, 0, .., 0]) => 1,
            Some([8, 4, .., 0]) => 2,
            Some([8, 2, .., 0]) => 3,
            Some([8, 6, .., 0]) => 4,
            _ => return Ok(None),
        };
        let mut decoder = StreamingDecoder::new();
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        let mut rest = source;
        while !matches!(advance(&mut decoder, &mut rest, None)?, png::Decoded::ChunkBegin(_, chunk::IDAT)) {}
        let Some(info) = decoder.info() else { return Ok(None) };
        agree(info, header)?;
        if info.trns.is_some() || info.animation_control.is_some() {
            return Ok(None);
        }
        let row_bytes = header.width as usize * bpp;
        let to_come = (1 + row_bytes) * header.height as usize;
        Ok(Some(Self {
            decoder,
            source: rest,
            flushed: false,
            inflated: vec![0; (WINDOW.max(ROWS * (1 + row_bytes)) + STRETCH).min(to_come)],
            region: UnfilterRegion::default(),
            at: 0,
            to_come,
            rows: vec![0; (1 + ROWS) * row_bytes],
            read: 0,
            ready: 0,
            row_bytes,
            bpp,
            simd,
        }))
    }

    /// How samples are laid out.
    pub(super) fn layout(&self) -> Layout {
        match self.bpp {
            1 => Layout::Grey,
            2 => Layout::GreyAlpha,
            3 => Layout::Rgb,
            _ => Layout::Rgba,
        }
    }

    /// Reads the next row.
    pub(super) fn read(&mut self, row: &mut [u8]) -> Result<(), Error> {
        if self.read == self.ready {
            self.undo()?;
        }
        self.read += 1;
        row.copy_from_slice(&self.rows[self.read * self.row_bytes..][..self.row_bytes]);
        Ok(())
    }

    /// Reads what follows the last row.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        while !self.flushed {
            let found = advance(&mut self.decoder, &mut self.source, None)?;
            self.flushed = matches!(found, png::Decoded::ImageDataFlushed);
        }
        Ok(())
    }

    /// Undoes the filters of the next rows: of four at once where a single one would take as long.
    fn undo(&mut self) -> Result<(), Error> {
        let (row_bytes, whole) = (self.row_bytes, 1 + self.row_bytes);
        self.rows.copy_within(self.ready * row_bytes..(self.ready + 1) * row_bytes, 0);
        (self.read, self.ready) = (0, 0);
        self.inflate(whole)?;
        let first = self.filter(0)?;
        if first.needs_left() && self.region.filled - self.at + self.to_come >= ROWS * whole {
            self.inflate(ROWS * whole)?;
            let filters = [first, self.filter(1)?, self.filter(2)?, self.filter(3)?];
            let filtered = &self.inflated[self.at..][..ROWS * whole];
            unfilter::four(self.simd, self.bpp, filters, filtered, &mut self.rows);
            self.ready = ROWS;
        } else {
            let (above, row) = self.rows.split_at_mut(row_bytes);
            let row = &mut row[..row_bytes];
            row.copy_from_slice(&self.inflated[self.at + 1..][..row_bytes]);
            unfilter::one(first, self.bpp, above, row);
            self.ready = 1;
        }
        self.at += self.ready * whole;
        Ok(())
    }

    /// The filter of one of the rows that were inflated and not undone.
    fn filter(&self, row: usize) -> Result<Filter, Error> {
        let byte = self.inflated[self.at + row * (1 + self.row_bytes)];
        Filter::of(byte)
            .ok_or_else(|| undecodable(Format::Png, format!("a row has a filter {byte}, not one of 0 to 4")))
    }

    /// Inflates until so many bytes are there from the next row on.
    fn inflate(&mut self, wanted: usize) -> Result<(), Error> {
        while self.region.filled - self.at < wanted {
            if self.flushed {
                return Err(undecodable(Format::Png, "it has fewer rows than its header says"));
            }
            let gone = self.at.min(self.region.available);
            if gone > 0 && self.inflated.len() - self.region.filled < ROOM {
                self.inflated.copy_within(gone..self.region.filled, 0);
                self.at -= gone;
                self.region.available -= gone;
                self.region.filled -= gone;
            }
            // What is deflated beyond the last row is no part of the picture.
            let filled = self.region.filled;
            self.inflated.truncate(filled.saturating_add(self.to_come));
            let into = &mut self.region.as_buf(&mut self.inflated);
            let found = advance(&mut self.decoder, &mut self.source, Some(into))?;
            self.flushed = matches!(found, png::Decoded::ImageDataFlushed);
            self.to_come -= self.region.filled - filled;
        }
        Ok(())
    }
}

/// Reads on to the next event.
fn advance(
    decoder: &mut StreamingDecoder,
    source: &mut &[u8],
    into: Option<&mut png::UnfilterBuf<'_>>,
) -> Result<png::Decoded, Error> {
    if source.is_empty() {
        return Err(undecodable(Format::Png, "the file ends before its pixels do"));
    }
    let (taken, found) = decoder.update(source, into).map_err(|error| refused(&error))?;
    *source = &source[taken..];
    Ok(found)
}
