//! The thin safe layer over libavif's decoder.
//!
//! The library reads through a callback, which is how it tells what it needs of a file that has not arrived in
//! full, and where data is looked at before libaom sees it.

#![allow(unsafe_code, reason = "libavif is a C library")]

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr;

use libavif_sys as avif;

use super::{av1, exif, isobmff, undecodable};
use crate::error::Error;
use crate::format::Format;
use crate::limits::Limits;
use crate::pixels::{Layout, Pixels};

/// What the container says of the picture.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames: u32,
    pub(super) alpha: bool,
    /// Whether its samples have more than 8 bits.
    pub(super) deep: bool,
    pub(super) grey: bool,
    pub(super) icc_bytes: usize,
    /// What the colours are where there is no profile, in the numbers of ITU-T H.273.
    pub(super) primaries: u16,
    pub(super) transfer: u16,
    /// Counter-clockwise.
    pub(super) quarter_turns: u8,
    /// After the rotation: 0 exchanges top and bottom, 1 left and right.
    pub(super) mirror_axis: Option<u8>,
}

pub(super) enum Parsed {
    Ready(Found),
    /// This many bytes from the beginning are needed.
    More(usize),
    /// The header needs this many bytes, more than allowed.
    TooLong(u64),
    Broken(String),
}

/// A file, or its beginning.
pub(super) struct Container<'a> {
    decoder: *mut avif::avifDecoder,
    reader: *mut Reader,
    source: PhantomData<&'a [u8]>,
}

/// What the read callback works on. `io` points back to it.
struct Reader {
    io: avif::avifIO,
    source: *const u8,
    len: usize,
    complete: bool,
    max: usize,
    /// The end of a read that could not be served.
    wanted: Option<u64>,
    /// The limits that what looks like coded data must announce to keep.
    limits: Limits,
    refused: Option<Error>,
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // SAFETY: both pointers were made in `new` and are released once, the decoder before what it reads from.
        unsafe {
            avif::avifDecoderDestroy(self.decoder);
            drop(Box::from_raw(self.reader));
        }
    }
}

impl<'a> Container<'a> {
    /// `max` is the last position that may be read.
    pub(super) fn new(
        source: &'a [u8],
        complete: bool,
        max: usize,
        with_exif: bool,
        limits: &Limits,
    ) -> Result<Self, Error> {
        // SAFETY: takes nothing; the result is checked.
        let decoder = unsafe { avif::avifDecoderCreate() };
        if decoder.is_null() {
            return Err(Error::Bug("libavif gave no decoder".into()));
        }
        let io = avif::avifIO {
            destroy: None,
            read: Some(read),
            write: None,
            // 0 means that the size is not known yet.
            sizeHint: if complete { source.len() as u64 } else { 0 },
            persistent: 1,
            data: ptr::null_mut(),
        };
        let reader = Box::into_raw(Box::new(Reader {
            io,
            source: source.as_ptr(),
            len: source.len(),
            complete,
            max,
            wanted: None,
            limits: limits.clone(),
            refused: None,
        }));
        // SAFETY: both pointers are live; the decoder keeps `io` until it is destroyed, which is before the
        // reader is dropped.
        unsafe {
            (*reader).io.data = reader.cast();
            (*decoder).codecChoice = avif::AVIF_CODEC_CHOICE_AOM;
            (*decoder).maxThreads = 1;
            (*decoder).ignoreExif = avif::avifBool::from(!with_exif);
            (*decoder).ignoreXMP = 1;
            // Files without `pixi` and with odd apertures are common, and nothing here depends on either.
            (*decoder).strictFlags = avif::AVIF_STRICT_DISABLED;
            avif::avifDecoderSetIO(decoder, &raw mut (*reader).io);
        }
        Ok(Self { decoder, reader, source: PhantomData })
    }

    pub(super) fn parse(&mut self) -> Parsed {
        // SAFETY: the decoder is live and has its reader.
        let result = unsafe { avif::avifDecoderParse(self.decoder) };
        // SAFETY: the library does not touch the reader outside of its calls.
        let (wanted, max) = unsafe { ((*self.reader).wanted, (*self.reader).max) };
        match (result, wanted) {
            (avif::AVIF_RESULT_OK, _) => self.found(),
            (_, Some(end)) if end > max as u64 => Parsed::TooLong(end),
            (_, Some(end)) => Parsed::More(end as usize),
            (other, None) => Parsed::Broken(self.message(other)),
        }
    }

    fn found(&self) -> Parsed {
        // SAFETY: after a successful parse the image is there; nothing else uses it now.
        let (decoder, image) = unsafe { (&*self.decoder, &*(*self.decoder).image) };
        let Ok(frames) = u32::try_from(decoder.imageCount) else {
            return Parsed::Broken("its number of frames is negative".into());
        };
        let has = |flag: avif::avifTransformFlag| image.transformFlags & flag != 0;
        Parsed::Ready(Found {
            width: image.width,
            height: image.height,
            frames,
            alpha: decoder.alphaPresent != 0,
            deep: image.depth > 8,
            grey: image.yuvFormat == avif::AVIF_PIXEL_FORMAT_YUV400,
            icc_bytes: image.icc.size,
            primaries: image.colorPrimaries,
            transfer: image.transferCharacteristics,
            quarter_turns: if has(avif::AVIF_TRANSFORM_IROT) { image.irot.angle } else { 0 },
            mirror_axis: has(avif::AVIF_TRANSFORM_IMIR).then_some(image.imir.axis),
        })
    }

    /// Decodes the first frame into the library's own planes.
    pub(super) fn decode(&mut self, found: &Found) -> Result<(), Error> {
        // SAFETY: the library does not touch the reader outside of its calls, and `source` is valid for `len` bytes as
        // long as the container lives.
        let (source, limits) = unsafe {
            (std::slice::from_raw_parts((*self.reader).source, (*self.reader).len), &(*self.reader).limits)
        };
        check_items(source, (found.width, found.height), limits)?;
        // SAFETY: the decoder is live and parsed.
        let result = unsafe { avif::avifDecoderNextImage(self.decoder) };
        // SAFETY: as above.
        let refused = unsafe { (*self.reader).refused.take() };
        match (result, refused) {
            (avif::AVIF_RESULT_OK, _) => Ok(()),
            (_, Some(error)) => Err(error),
            (other, None) => Err(undecodable(Format::Avif, self.message(other))),
        }
    }

    /// The decoded frame: grey, RGB or RGBA, 8 bits, straight alpha.
    pub(super) fn pixels(&mut self, found: &Found) -> Result<Pixels, Error> {
        // SAFETY: after a successful decode the image is there; nothing else uses it now.
        let image = unsafe { &*(*self.decoder).image };
        if (image.width, image.height) != (found.width, found.height) || image.yuvPlanes[0].is_null() {
            return Err(undecodable(Format::Avif, "its data has another size than its header says"));
        }
        let alpha = !image.alphaPlane.is_null();
        let layout = if alpha { Layout::Rgba } else { Layout::Rgb };
        let mut pixels = Pixels::zeroed(image.width, image.height, layout);
        let row_bytes =
            u32::try_from(pixels.stride()).map_err(|_| Error::Bug("a row is over 4 GiB".into()))?;
        // SAFETY: a struct of integers and pointers, for which zeros are valid.
        let mut rgb: avif::avifRGBImage = unsafe { std::mem::zeroed() };
        // SAFETY: both structs are live; the buffer holds `height` rows of `row_bytes`, which is what an image of
        // this size, format and depth takes.
        let result = unsafe {
            avif::avifRGBImageSetDefaults(&raw mut rgb, image);
            rgb.format = if alpha { avif::AVIF_RGB_FORMAT_RGBA } else { avif::AVIF_RGB_FORMAT_RGB };
            rgb.depth = 8;
            rgb.maxThreads = 1;
            rgb.pixels = pixels.data.as_mut_ptr();
            rgb.rowBytes = row_bytes;
            avif::avifImageYUVToRGB(image, &raw mut rgb)
        };
        if result != avif::AVIF_RESULT_OK {
            return Err(undecodable(Format::Avif, self.message(result)));
        }
        Ok(if found.grey { grey(&pixels) } else { pixels })
    }

    pub(super) fn icc(&self) -> Option<Vec<u8>> {
        // SAFETY: after a successful parse the image is there.
        let icc = unsafe { &(*(*self.decoder).image).icc };
        // SAFETY: the library's buffer holds `size` bytes.
        (icc.size > 0).then(|| unsafe { std::slice::from_raw_parts(icc.data, icc.size) }.to_vec())
    }

    /// The EXIF as a TIFF structure, if it was asked for and is there.
    pub(super) fn exif(&self) -> Option<Vec<u8>> {
        // SAFETY: after a successful parse the image is there.
        let data = unsafe { &(*(*self.decoder).image).exif };
        if data.size == 0 {
            return None;
        }
        // SAFETY: the library's buffer holds `size` bytes.
        let bytes = unsafe { std::slice::from_raw_parts(data.data, data.size) };
        Some(exif::without_prefix(bytes).to_vec())
    }

    fn message(&self, result: avif::avifResult) -> String {
        // SAFETY: the decoder is live and its message is NUL-terminated; the other text is a constant.
        let texts = unsafe {
            [
                CStr::from_ptr((*self.decoder).diag.error.as_ptr()),
                CStr::from_ptr(avif::avifResultToString(result)),
            ]
        };
        let text = texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        text.to_string_lossy().to_lowercase()
    }
}

/// Keeps one of three equal channels.
fn grey(pixels: &Pixels) -> Pixels {
    let (layout, channels) =
        if pixels.layout == Layout::Rgba { (Layout::GreyAlpha, 4) } else { (Layout::Grey, 3) };
    let keep = |pixel: &[u8]| [pixel[0], pixel[channels - 1]];
    let data = pixels.data.chunks_exact(channels).flat_map(|p| keep(p).into_iter().take(channels - 2));
    Pixels::from_data(pixels.width, pixels.height, layout, data.collect())
}

/// Serves the library's reads.
unsafe extern "C" fn read(
    io: *mut avif::avifIO,
    _flags: u32,
    offset: u64,
    size: usize,
    out: *mut avif::avifROData,
) -> avif::avifResult {
    // SAFETY: the library hands back the `io` that it was given, whose `data` is the live reader, and a valid
    // `out`; it does not call from several threads.
    let (reader, out) = unsafe { (&mut *(*io).data.cast::<Reader>(), &mut *out) };
    let end = offset.saturating_add(size as u64);
    let available = if reader.complete { reader.len as u64 } else { u64::MAX };
    let end = end.min(available.max(offset));
    if end > reader.max as u64 {
        reader.wanted = Some(end);
        return avif::AVIF_RESULT_IO_ERROR;
    }
    if end > reader.len as u64 && !reader.complete {
        reader.wanted = Some(end);
        return avif::AVIF_RESULT_WAITING_ON_IO;
    }
    if offset > reader.len as u64 {
        return avif::AVIF_RESULT_IO_ERROR;
    }
    // SAFETY: `source` is valid for `len` bytes as long as the container lives.
    let source = unsafe { std::slice::from_raw_parts(reader.source, reader.len) };
    let found = &source[offset as usize..end as usize];
    // Sequences have no items, and what is read of them while they are parsed may be kept and decoded. A part of an item,
    // or of the container, looks like no data that announces anything.
    if let Err(error) = check_sizes(av1::frame_sizes(found).0, &reader.limits) {
        reader.refused = Some(error);
        return avif::AVIF_RESULT_IO_ERROR;
    }
    *out = avif::avifROData { data: found.as_ptr(), size: found.len() };
    avif::AVIF_RESULT_OK
}

/// Refuses data that would make libaom allocate more than the limits allow.
fn check_sizes(sizes: Vec<(u32, u32)>, limits: &Limits) -> Result<(), Error> {
    sizes.into_iter().try_for_each(|(width, height)| limits.check_source(width, height, 1))
}

/// The same for every item, each of which must be whole and not larger than the picture of `size`, by which memory was
/// planned. The cells of a grid may reach a little beyond it.
fn check_items(source: &[u8], size: (u32, u32), limits: &Limits) -> Result<(), Error> {
    const CELL: u32 = 1024;
    let refused = |detail: &str| undecodable(Format::Avif, detail);
    let items = isobmff::coded_items(source).ok_or_else(|| refused("its items can't be followed"))?;
    for item in items {
        let (sizes, whole) = av1::frame_sizes(&item);
        if !whole {
            return Err(refused("its AV1 data is corrupt or cut short"));
        }
        if sizes.iter().any(|&(width, height)| width > size.0.max(CELL) || height > size.1.max(CELL)) {
            return Err(refused("its data has another size than its header says"));
        }
        check_sizes(sizes, limits)?;
    }
    Ok(())
}
