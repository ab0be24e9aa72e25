//! Cutting out and resampling. The resampling itself is `fast_image_resize`'s: Lanczos with three lobes, stretched
//! over the source when shrinking, SIMD chosen at run time, colour weighted by alpha.

use std::fmt::Display;

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, MulDiv, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::error::Error;
use crate::ops::{Rect, Region};
use crate::pixels::{Layout, Pixels};

/// Copies the pixels of `rect`.
pub(crate) fn crop(pixels: &Pixels, rect: Rect) -> Pixels {
    let channels = pixels.layout.channels();
    let mut data = Vec::with_capacity(rect.width as usize * rect.height as usize * channels);
    for y in rect.top..rect.top + rect.height {
        let row = pixels.row(y);
        data.extend_from_slice(&row[rect.left as usize * channels..][..rect.width as usize * channels]);
    }
    Pixels::from_data(rect.width, rect.height, pixels.layout, data)
}

/// Resamples `region` to `size` (gamma-encoded samples, Lanczos3), seeing no pixel outside `within`.
///
/// `region` lies inside `within`, which lies inside the picture.
pub(crate) fn resize(
    pixels: &Pixels,
    within: Rect,
    region: Region,
    size: (u32, u32),
) -> Result<Pixels, Error> {
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(pixels.layout.has_alpha());
    resample(pixels, within, size, &inside(options, within, region))
}

/// Resamples the whole of a picture whose colour is already multiplied by alpha.
pub(crate) fn resize_multiplied(
    pixels: &Pixels,
    size: (u32, u32),
    filter: FilterType,
) -> Result<Pixels, Error> {
    let whole = Rect { left: 0, top: 0, width: pixels.width, height: pixels.height };
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    resample(pixels, whole, size, &options)
}

// The kind of pixel is chosen here, not by fast_image_resize, which would be compiled for nine more.
fn resample(
    pixels: &Pixels,
    within: Rect,
    size: (u32, u32),
    options: &ResizeOptions,
) -> Result<Pixels, Error> {
    match pixels.layout {
        Layout::Grey => resample_typed::<U8>(pixels, within, size, options),
        Layout::GreyAlpha => resample_typed::<U8x2>(pixels, within, size, options),
        Layout::Rgb => resample_typed::<U8x3>(pixels, within, size, options),
        Layout::Rgba | Layout::Cmyk => resample_typed::<U8x4>(pixels, within, size, options),
    }
}

fn resample_typed<P: PixelTrait>(
    pixels: &Pixels,
    within: Rect,
    (width, height): (u32, u32),
    options: &ResizeOptions,
) -> Result<Pixels, Error> {
    let mut resized = Pixels::zeroed(width, height, pixels.layout);
    let Pixels { width: across, height: down, data, .. } = pixels;
    let source = TypedImageRef::<P>::from_buffer(*across, *down, data).map_err(bug)?;
    let source = TypedCroppedImage::from_ref(&source, within.left, within.top, within.width, within.height)
        .map_err(bug)?;
    let mut target = TypedImage::<P>::from_buffer(width, height, &mut resized.data).map_err(bug)?;
    Resizer::new().resize_typed(&source, &mut target, options).map_err(bug)?;
    Ok(resized)
}

/// Sets the box, in coordinates of `within`, and keeps rounding errors from pushing it over the edge.
fn inside(options: ResizeOptions, within: Rect, region: Region) -> ResizeOptions {
    let (across, down) = (f64::from(within.width), f64::from(within.height));
    let left = (region.left - f64::from(within.left)).clamp(0.0, across);
    let top = (region.top - f64::from(within.top)).clamp(0.0, down);
    options.crop(left, top, region.width.min(across - left), region.height.min(down - top))
}

/// Multiplies colour by alpha, in place. Layouts without alpha are left alone.
pub(crate) fn multiply_alpha(pixels: &mut Pixels) -> Result<(), Error> {
    match pixels.layout {
        Layout::GreyAlpha => MulDiv::new().multiply_alpha_inplace_typed(&mut typed::<U8x2>(pixels)?),
        Layout::Rgba => MulDiv::new().multiply_alpha_inplace_typed(&mut typed::<U8x4>(pixels)?),
        Layout::Grey | Layout::Rgb | Layout::Cmyk => return Ok(()),
    }
    .map_err(bug)
}

/// Divides colour by alpha, in place. Layouts without alpha are left alone.
pub(crate) fn divide_alpha(pixels: &mut Pixels) -> Result<(), Error> {
    match pixels.layout {
        Layout::GreyAlpha => MulDiv::new().divide_alpha_inplace_typed(&mut typed::<U8x2>(pixels)?),
        Layout::Rgba => MulDiv::new().divide_alpha_inplace_typed(&mut typed::<U8x4>(pixels)?),
        Layout::Grey | Layout::Rgb | Layout::Cmyk => return Ok(()),
    }
    .map_err(bug)
}

fn typed<P: PixelTrait>(pixels: &mut Pixels) -> Result<TypedImage<'_, P>, Error> {
    TypedImage::from_buffer(pixels.width, pixels.height, &mut pixels.data).map_err(bug)
}

/// The sizes that are given fit each other, so that these errors can't occur.
fn bug(error: impl Display) -> Error {
    Error::Bug(format!("resampling: {error}"))
}
