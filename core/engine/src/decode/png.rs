//! PNG (ISO/IEC 15948), any colour type, depth and interlacing; of an animation, the default image.
//!
//! 16 bits are rounded to 8. An `eXIf` chunk counts only before the pixels.

mod scanlines;
mod unfilter;
#[cfg(target_arch = "x86_64")]
mod unfilter_avx2;

use std::borrow::Cow;
use std::io::Cursor;

use self::scanlines::Scanlines;
use super::head::{Head, Stop};
use super::{Announced, Decoded, exif, undecodable};
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Orientation};
use crate::limits::{CancelToken, Limits, at_most};
use crate::pixels::{Layout, Pixels};
use crate::simd::Simd;

const SIGNATURE: usize = 8;
const LARGEST: u32 = i32::MAX as u32;
const ROWS_BETWEEN_CHECKS: usize = 64;

/// One chunk and where its data lies.
struct Chunk {
    kind: [u8; 4],
    at: usize,
    len: usize,
}

impl Chunk {
    fn read(head: &Head<'_>, at: usize) -> Result<Self, Stop> {
        let len = head.u32_be(at)?;
        let kind = head.get(at + 4, 4)?;
        if len > LARGEST {
            return Err(head.bad("a chunk is longer than the format allows"));
        }
        Ok(Self { kind: [kind[0], kind[1], kind[2], kind[3]], at: at + 8, len: len as usize })
    }

    fn data<'a>(&self, head: &Head<'a>) -> Result<&'a [u8], Stop> {
        head.get(self.at, self.len)
    }

    /// Past the data and its checksum.
    fn end(&self) -> usize {
        self.at + self.len + 4
    }
}

pub(super) fn inspect(head: &Head<'_>, limits: &Limits) -> Result<Announced, Stop> {
    let first = Chunk::read(head, SIGNATURE)?;
    let (mut announced, palette) = image_header(head, &first)?;
    // The size alone decides whether more of the file is worth waiting for.
    announced.check(Format::Png, limits)?;
    let mut has_palette = false;
    let mut at = first.end();
    loop {
        let chunk = Chunk::read(head, at)?;
        at = chunk.end();
        match &chunk.kind {
            b"eXIf" => announced.orientation = exif::orientation(exif::without_prefix(chunk.data(head)?)),
            b"tRNS" => announced.alpha = true,
            b"PLTE" if palette && !is_palette(chunk.len) => {
                return Err(head.bad("its palette does not have 1 to 256 colours of three bytes each"));
            }
            b"PLTE" => has_palette = true,
            b"acTL" => announced.frames = head.u32_be(chunk.at)?.max(1),
            b"iCCP" => {
                // Deflated, so this refuses only what is too long in any case; the rest is seen when it is inflated.
                at_most(
                    "ICC profile in bytes",
                    inflated_at_least(chunk.len) as u64,
                    limits.max_icc_bytes as u64,
                )?;
            }
            b"IDAT" if palette && !has_palette => return Err(head.bad("its palette is missing")),
            b"IDAT" => return Ok(announced),
            b"IEND" => return Err(head.bad("it has no pixels")),
            _ => {}
        }
    }
}

/// Whether a palette can be this long. The decoder takes it for granted.
fn is_palette(bytes: usize) -> bool {
    bytes.is_multiple_of(3) && (3..=3 * 256).contains(&bytes)
}

/// The shortest profile that an `iCCP` chunk of this length can hold: its name takes up to 81 bytes and deflate
/// adds less than 1 in 1000 to data that it can't shorten.
fn inflated_at_least(chunk_len: usize) -> usize {
    let deflated = chunk_len.saturating_sub(100);
    deflated - deflated.div_ceil(1000)
}

/// Reads IHDR; also tells whether a palette must follow.
fn image_header(head: &Head<'_>, chunk: &Chunk) -> Result<(Announced, bool), Stop> {
    if &chunk.kind != b"IHDR" || chunk.len != 13 {
        return Err(head.bad("it does not begin with an IHDR chunk of 13 bytes"));
    }
    let with_kind = head.get(chunk.at - 4, 17)?;
    if crc32(with_kind) != head.u32_be(chunk.at + 13)? {
        return Err(head.bad("the checksum of its IHDR chunk is wrong"));
    }
    let (width, height) = (head.u32_be(chunk.at)?, head.u32_be(chunk.at + 4)?);
    if width > LARGEST || height > LARGEST {
        return Err(head.bad("its sides are longer than the format allows"));
    }
    let &[depth, colour, compression, filter, interlace] = &with_kind[12..17] else {
        return Err(head.bad("its IHDR chunk is too short"));
    };
    let valid = match colour {
        0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
        2 | 4 | 6 => matches!(depth, 8 | 16),
        3 => matches!(depth, 1 | 2 | 4 | 8),
        _ => false,
    };
    if !valid || compression != 0 || filter != 0 || interlace > 1 {
        return Err(head.bad(format!(
            "colour type {colour} at {depth} bits, compression {compression}, filter {filter} and interlacing \
             {interlace} are no valid combination"
        )));
    }
    let alpha = matches!(colour, 4 | 6);
    Ok((Announced { width, height, frames: 1, orientation: Orientation::UPRIGHT, alpha }, colour == 3))
}

/// CRC-32 as PNG and zlib use it, bit by bit: outside of tests it only ever runs over 17 bytes.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

/// The data of the first chunk of this kind before the pixels.
fn find(source: &[u8], kind: [u8; 4], limit: usize) -> Option<&[u8]> {
    let head = Head::new(source, true, Format::Png, limit);
    let mut at = SIGNATURE;
    loop {
        let chunk = Chunk::read(&head, at).ok()?;
        if chunk.kind == kind {
            return chunk.data(&head).ok();
        }
        if &chunk.kind == b"IDAT" {
            return None;
        }
        at = chunk.end();
    }
}

/// The EXIF of a whole file: a TIFF structure.
pub(super) fn exif(source: &[u8], limit: usize) -> Option<&[u8]> {
    find(source, *b"eXIf", limit).map(exif::without_prefix)
}

/// Whether the picture is one of RGB, with samples or a palette: the second bit of its colour type says so.
pub(super) fn has_colour(source: &[u8]) -> bool {
    source.get(25).is_some_and(|colour| colour & 2 != 0)
}

/// Inflates the profile, within the limit. One that is broken is no profile.
pub(super) fn icc(source: &[u8], limits: &Limits) -> Result<Option<Vec<u8>>, Error> {
    let Some(data) = find(source, *b"iCCP", limits.max_header_bytes) else { return Ok(None) };
    let name = data.iter().take(80).position(|&b| b == 0);
    let Some(deflated) = name.and_then(|end| data.get(end + 2..)) else { return Ok(None) };
    match fdeflate::decompress_to_vec_bounded(deflated, limits.max_icc_bytes) {
        Ok(profile) => Ok(Some(profile)),
        Err(fdeflate::BoundedDecompressionError::OutputTooLarge { .. }) => {
            let limit = limits.max_icc_bytes as u64;
            Err(Error::LimitExceeded { what: "ICC profile in bytes", actual: limit + 1, limit })
        }
        Err(fdeflate::BoundedDecompressionError::DecompressionError { .. }) => Ok(None),
    }
}

type Reader<'a> = png::Reader<Cursor<&'a [u8]>>;

/// The rows of a file, from the top on, as they are read. Interlaced files have none that could be told one by one.
pub(crate) struct Rows<'a>(Kind<'a>);

enum Kind<'a> {
    Ordinary(Scanlines<'a>),
    Other(Others<'a>),
}

impl<'a> Rows<'a> {
    /// Nothing where the file is interlaced.
    pub(crate) fn open(source: &'a [u8], header: &Header, limits: &Limits) -> Result<Option<Self>, Error> {
        // Without vectors the crate is faster.
        let simd = Simd::best();
        if simd.avx2()
            && let Some(scanlines) = Scanlines::open(source, header, simd)?
        {
            return Ok(Some(Self(Kind::Ordinary(scanlines))));
        }
        let (reader, layout, deep) = open(source, header, limits)?;
        if reader.info().interlaced {
            return Ok(None);
        }
        let wide = if deep { vec![0; header.width as usize * layout.channels() * 2] } else { Vec::new() };
        Ok(Some(Self(Kind::Other(Others { reader, layout, wide }))))
    }

    /// How samples are laid out.
    pub(crate) fn layout(&self) -> Layout {
        match &self.0 {
            Kind::Ordinary(scanlines) => scanlines.layout(),
            Kind::Other(others) => others.layout,
        }
    }

    /// Reads the next row.
    pub(crate) fn read(&mut self, row: &mut [u8]) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Ordinary(scanlines) => scanlines.read(row),
            Kind::Other(others) => others.read(row),
        }
    }

    /// Reads what follows the last row, where a file may be cut short too.
    pub(crate) fn finish(self) -> Result<(), Error> {
        match self.0 {
            Kind::Ordinary(scanlines) => scanlines.finish(),
            Kind::Other(others) => others.finish(),
        }
    }
}

/// Rows of any file, as the `png` crate reads them.
struct Others<'a> {
    reader: Reader<'a>,
    layout: Layout,
    /// A row of 16-bit samples, in files that have such.
    wide: Vec<u8>,
}

impl Others<'_> {
    fn read(&mut self, row: &mut [u8]) -> Result<(), Error> {
        let into = if self.wide.is_empty() { &mut *row } else { &mut self.wide[..] };
        if self.reader.read_row(into).map_err(|error| refused(&error))?.is_none() {
            return Err(undecodable(Format::Png, "it has fewer rows than its header says"));
        }
        if !self.wide.is_empty() {
            row.copy_from_slice(&round_to_8(&self.wide));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Error> {
        let mut none = vec![0; self.reader.output_line_size(self.reader.info().width).unwrap_or_default()];
        self.reader.read_row(&mut none).map(|_| ()).map_err(|error| refused(&error))
    }
}

/// A reader behind the header, the layout of its samples, and whether they have 16 bits.
fn open<'a>(source: &'a [u8], header: &Header, limits: &Limits) -> Result<(Reader<'a>, Layout, bool), Error> {
    let mut decoder = png::Decoder::new_with_limits(
        Cursor::new(source),
        png::Limits { bytes: limits.max_header_bytes.saturating_add(limits.max_icc_bytes) },
    );
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let reader = decoder.read_info().map_err(|error| refused(&error))?;
    agree(reader.info(), header)?;
    let (colour, depth) = reader.output_color_type();
    let layout = match colour {
        png::ColorType::Grayscale => Layout::Grey,
        png::ColorType::GrayscaleAlpha => Layout::GreyAlpha,
        png::ColorType::Rgb => Layout::Rgb,
        png::ColorType::Rgba => Layout::Rgba,
        png::ColorType::Indexed => return Err(Error::Bug("a palette was not expanded".into())),
    };
    Ok((reader, layout, depth == png::BitDepth::Sixteen))
}

/// What the decoder has read must be what was inspected.
fn agree(info: &png::Info<'_>, header: &Header) -> Result<(), Error> {
    if info.size() != (header.width, header.height) {
        return Err(undecodable(Format::Png, "it has two headers that disagree"));
    }
    Ok(())
}

pub(super) fn decode(
    source: &[u8],
    header: &Header,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Decoded, Error> {
    let icc = icc(source, limits)?;
    let Some(mut rows) = Rows::open(source, header, limits)? else {
        return Ok(Decoded { pixels: interlaced(source, header, limits, cancel)?, icc });
    };
    let mut pixels = Pixels::zeroed(header.width, header.height, rows.layout());
    let stride = pixels.stride();
    for (y, row) in pixels.data.chunks_exact_mut(stride).enumerate() {
        if y % ROWS_BETWEEN_CHECKS == 0 {
            cancel.check()?;
        }
        rows.read(row)?;
    }
    rows.finish()?;
    cancel.check()?;
    Ok(Decoded { pixels, icc })
}

/// The pixels of an interlaced file.
fn interlaced(
    source: &[u8],
    header: &Header,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Pixels, Error> {
    let (mut reader, layout, deep) = open(source, header, limits)?;
    let mut pixels = Pixels::zeroed(header.width, header.height, layout);
    let stride = pixels.stride();
    let mut rows = 0;
    while let Some(row) = reader.next_interlaced_row().map_err(|error| refused(&error))? {
        if rows % ROWS_BETWEEN_CHECKS == 0 {
            cancel.check()?;
        }
        rows += 1;
        let samples = if deep { round_to_8(row.data()) } else { row.data().into() };
        if let png::InterlaceInfo::Adam7(pass) = row.interlace() {
            let bits = 8 * layout.channels() as u8;
            png::expand_interlaced_row(&mut pixels.data, stride, &samples, pass, bits);
        }
    }
    cancel.check()?;
    Ok(pixels)
}

/// Big-endian samples to the nearest of 256 levels: 65535 is 257 × 255.
fn round_to_8(samples: &[u8]) -> Cow<'static, [u8]> {
    let nearest = |pair: &[u8]| ((u32::from(u16::from_be_bytes([pair[0], pair[1]])) + 128) / 257) as u8;
    samples.chunks_exact(2).map(nearest).collect()
}

fn refused(error: &png::DecodingError) -> Error {
    match error {
        png::DecodingError::IoError(_) => undecodable(Format::Png, "the file ends before its pixels do"),
        png::DecodingError::LimitsExceeded => {
            undecodable(Format::Png, "a chunk needs more memory than allowed")
        }
        other => undecodable(Format::Png, other.to_string()),
    }
}

#[cfg(test)]
mod tests;
