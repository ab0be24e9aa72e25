//! The thin safe layer over libavif's encoder.

#![allow(unsafe_code, reason = "libavif is a C library")]

use std::ffi::{CStr, c_int};

use libavif_sys as avif;

use crate::error::Error;
use crate::pixels::{Layout, Pixels};

/// 0 is slowest, 10 fastest.
const SPEED: c_int = 7;

#[derive(Clone, Copy)]
pub(super) struct Settings {
    /// 1..=100; 100 is lossless.
    pub(super) quality: u8,
    /// Store RGB as such.
    pub(super) identity: bool,
}

struct Image(*mut avif::avifImage);

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: the pointer came from avifImageCreate and is destroyed once.
        unsafe { avif::avifImageDestroy(self.0) };
    }
}

impl Image {
    /// Says what the colours are by a profile, and by nothing else.
    fn set_profile(&self, profile: &[u8]) -> Result<(), Error> {
        // SAFETY: the image is live, and the library copies the bytes.
        let result = unsafe {
            (*self.0).colorPrimaries = avif::AVIF_COLOR_PRIMARIES_UNSPECIFIED as _;
            (*self.0).transferCharacteristics = avif::AVIF_TRANSFER_CHARACTERISTICS_UNSPECIFIED as _;
            avif::avifImageSetProfileICC(self.0, profile.as_ptr(), profile.len())
        };
        checked(result)
    }
}

struct Encoder(*mut avif::avifEncoder);

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the pointer came from avifEncoderCreate and is destroyed once.
        unsafe { avif::avifEncoderDestroy(self.0) };
    }
}

struct Output(avif::avifRWData);

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: the buffer is empty or the library's, and is freed once.
        unsafe { avif::avifRWDataFree(&raw mut self.0) };
    }
}

/// Encodes any layout but CMYK over the full range: grey as sRGB, and RGB too unless a profile says what it is.
pub(super) fn encode(pixels: &Pixels, settings: Settings, profile: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    let image = match pixels.layout {
        Layout::Grey | Layout::GreyAlpha => grey(pixels)?,
        Layout::Rgb | Layout::Rgba => {
            let image = colour(pixels, settings)?;
            profile.map_or(Ok(()), |profile| image.set_profile(profile))?;
            image
        }
        Layout::Cmyk => return Err(Error::Bug("AVIF can't store CMYK".into())),
    };
    // SAFETY: takes nothing; the result is checked.
    let encoder = Encoder(unsafe { avif::avifEncoderCreate() });
    if encoder.0.is_null() {
        return Err(Error::Bug("libavif gave no encoder".into()));
    }
    let mut output = Output(avif::avifRWData { data: std::ptr::null_mut(), size: 0 });
    // SAFETY: encoder and image are live and filled; the output is grown by the library.
    let result = unsafe {
        (*encoder.0).codecChoice = avif::AVIF_CODEC_CHOICE_AOM;
        (*encoder.0).maxThreads = 1;
        (*encoder.0).speed = SPEED;
        (*encoder.0).quality = c_int::from(settings.quality);
        (*encoder.0).qualityAlpha = c_int::from(settings.quality);
        avif::avifEncoderWrite(encoder.0, image.0, &raw mut output.0)
    };
    checked(result)?;
    if output.0.size == 0 {
        return Err(Error::Bug("libavif wrote nothing".into()));
    }
    // SAFETY: on success the library filled `size` bytes at `data`.
    Ok(unsafe { std::slice::from_raw_parts(output.0.data, output.0.size) }.to_vec())
}

/// An image without planes.
fn create(pixels: &Pixels, format: avif::avifPixelFormat, identity: bool) -> Result<Image, Error> {
    // SAFETY: takes plain values; the result is checked.
    let image = Image(unsafe { avif::avifImageCreate(pixels.width, pixels.height, 8, format) });
    if image.0.is_null() {
        return Err(Error::Bug("libavif gave no image".into()));
    }
    let matrix =
        if identity { avif::AVIF_MATRIX_COEFFICIENTS_IDENTITY } else { avif::AVIF_MATRIX_COEFFICIENTS_BT601 };
    // SAFETY: the image is live.
    unsafe {
        (*image.0).yuvRange = avif::AVIF_RANGE_FULL;
        (*image.0).colorPrimaries = avif::AVIF_COLOR_PRIMARIES_BT709 as _;
        (*image.0).transferCharacteristics = avif::AVIF_TRANSFER_CHARACTERISTICS_SRGB as _;
        (*image.0).matrixCoefficients = matrix as _;
    }
    Ok(image)
}

fn colour(pixels: &Pixels, settings: Settings) -> Result<Image, Error> {
    let image = create(pixels, avif::AVIF_PIXEL_FORMAT_YUV444, settings.identity)?;
    let row_bytes = u32::try_from(pixels.stride()).map_err(|_| Error::Bug("a row is over 4 GiB".into()))?;
    // SAFETY: a struct of integers and pointers, for which zeros are valid.
    let mut rgb: avif::avifRGBImage = unsafe { std::mem::zeroed() };
    // SAFETY: the samples are `height` rows of `row_bytes` in this format; the library reads them only.
    let result = unsafe {
        avif::avifRGBImageSetDefaults(&raw mut rgb, image.0);
        rgb.format = if pixels.layout == Layout::Rgba {
            avif::AVIF_RGB_FORMAT_RGBA
        } else {
            avif::AVIF_RGB_FORMAT_RGB
        };
        rgb.depth = 8;
        rgb.maxThreads = 1;
        rgb.pixels = pixels.data.as_ptr().cast_mut();
        rgb.rowBytes = row_bytes;
        avif::avifImageRGBToYUV(image.0, &raw const rgb)
    };
    checked(result)?;
    Ok(image)
}

/// Grey needs no conversion: its samples are the luma plane.
fn grey(pixels: &Pixels) -> Result<Image, Error> {
    let image = create(pixels, avif::AVIF_PIXEL_FORMAT_YUV400, false)?;
    let alpha = pixels.layout.has_alpha();
    let planes = avif::AVIF_PLANES_YUV | if alpha { avif::AVIF_PLANES_A } else { 0 };
    // SAFETY: the image is live.
    checked(unsafe { avif::avifImageAllocatePlanes(image.0, planes) })?;
    // SAFETY: after the allocation the planes hold `height` rows of the stated bytes, at least `width` each.
    let (luma, opacity) = unsafe {
        let image = &*image.0;
        ((image.yuvPlanes[0], image.yuvRowBytes[0]), (image.alphaPlane, image.alphaRowBytes))
    };
    copy_channel(pixels, 0, luma);
    if alpha {
        copy_channel(pixels, 1, opacity);
    }
    Ok(image)
}

fn copy_channel(pixels: &Pixels, channel: usize, (plane, row_bytes): (*mut u8, u32)) {
    for y in 0..pixels.height {
        // SAFETY: the plane was allocated for `height` rows of `row_bytes`, each at least `width` bytes long.
        let row = unsafe {
            let start = plane.add(y as usize * row_bytes as usize);
            std::slice::from_raw_parts_mut(start, pixels.width as usize)
        };
        for (sample, pixel) in row.iter_mut().zip(pixels.row(y).chunks_exact(pixels.layout.channels())) {
            *sample = pixel[channel];
        }
    }
}

fn checked(result: avif::avifResult) -> Result<(), Error> {
    if result == avif::AVIF_RESULT_OK {
        return Ok(());
    }
    // SAFETY: the library returns a constant text for every value.
    let text = unsafe { CStr::from_ptr(avif::avifResultToString(result)) };
    Err(Error::Bug(format!("libavif: {}", text.to_string_lossy())))
}
