//! Cutting out and resampling. The resampling itself is `fast_image_resize`'s: Lanczos with three lobes, stretched
//! over the source when shrinking, SIMD chosen at run time, colour weighted by alpha.

use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

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

fn resample(
    pixels: &Pixels,
    within: Rect,
    (width, height): (u32, u32),
    options: &ResizeOptions,
) -> Result<Pixels, Error> {
    let mut resized = Pixels::zeroed(width, height, pixels.layout);
    let kind = pixel_type(pixels.layout);
    let bug = |error: &dyn std::fmt::Display| Error::Bug(format!("resize: {error}"));
    let source = ImageRef::new(pixels.width, pixels.height, &pixels.data, kind).map_err(|e| bug(&e))?;
    let source = CroppedImage::new(&source, within.left, within.top, within.width, within.height)
        .map_err(|e| bug(&e))?;
    let mut target = Image::from_slice_u8(width, height, &mut resized.data, kind).map_err(|e| bug(&e))?;
    Resizer::new().resize(&source, &mut target, options).map_err(|e| bug(&e))?;
    Ok(resized)
}

/// Sets the box, in coordinates of `within`, and keeps rounding errors from pushing it over the edge.
fn inside(options: ResizeOptions, within: Rect, region: Region) -> ResizeOptions {
    let (across, down) = (f64::from(within.width), f64::from(within.height));
    let left = (region.left - f64::from(within.left)).clamp(0.0, across);
    let top = (region.top - f64::from(within.top)).clamp(0.0, down);
    options.crop(left, top, region.width.min(across - left), region.height.min(down - top))
}

fn pixel_type(layout: Layout) -> PixelType {
    match layout {
        Layout::Grey => PixelType::U8,
        Layout::GreyAlpha => PixelType::U8x2,
        Layout::Rgb => PixelType::U8x3,
        Layout::Rgba | Layout::Cmyk => PixelType::U8x4,
    }
}

/// Multiplies colour by alpha, in place. Layouts without alpha are left alone.
pub(crate) fn multiply_alpha(pixels: &mut Pixels) -> Result<(), Error> {
    alpha(pixels, |image| fast_image_resize::MulDiv::new().multiply_alpha_inplace(image))
}

/// Divides colour by alpha, in place. Layouts without alpha are left alone.
pub(crate) fn divide_alpha(pixels: &mut Pixels) -> Result<(), Error> {
    alpha(pixels, |image| fast_image_resize::MulDiv::new().divide_alpha_inplace(image))
}

fn alpha<E: std::fmt::Display>(
    pixels: &mut Pixels,
    change: impl Fn(&mut Image) -> Result<(), E>,
) -> Result<(), Error> {
    if !pixels.layout.has_alpha() {
        return Ok(());
    }
    let kind = pixel_type(pixels.layout);
    let mut image = Image::from_slice_u8(pixels.width, pixels.height, &mut pixels.data, kind)
        .map_err(|error| Error::Bug(format!("alpha: {error}")))?;
    change(&mut image).map_err(|error| Error::Bug(format!("alpha: {error}")))
}
