//! Cutting out and resampling: Lanczos with three lobes, stretched over the source when shrinking, colour weighted by
//! alpha. Other filters, and pictures whose colour is multiplied already, are `fast_image_resize`'s matter.

use std::fmt::Display;
use std::sync::Arc;

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, MulDiv, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::error::Error;
use crate::ops::planes::{Axis, Resampler};
use crate::ops::{Rect, Region, divide_row, multiply_row};
use crate::pixels::{Layout, Pixels};
use crate::simd::Simd;

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
    let mut resizing = Resizing::new(pixels.layout, within, region, size);
    let mut to = Pixels::zeroed(size.0, size.1, pixels.layout);
    for y in within.top..within.top + within.height {
        resizing.push(y as usize, pixels.row(y));
        resizing.fill(&mut to);
    }
    resizing.finish()?;
    Ok(to)
}

/// Resampling while the rows arrive, of which no more are held than the kernel spans. After each that goes in, those of
/// the result that are ready are to be taken.
pub(crate) struct Resizing {
    resampler: Resampler,
    layout: Layout,
    /// A row with its colour multiplied, and whether all of them hide nothing.
    multiplied: Vec<u8>,
    opaque: bool,
    /// Rows of the result, and how many of them have been taken.
    height: usize,
    taken: usize,
}

impl Resizing {
    /// As [`resize`], for rows of this layout.
    pub(crate) fn new(layout: Layout, within: Rect, region: Region, (width, height): (u32, u32)) -> Self {
        let range = |start: u32, length: u32| start as usize..(start + length) as usize;
        let columns = range(within.left, within.width);
        let columns = Axis::new(columns, region.left, region.width, width as usize);
        let rows = Axis::new(range(within.top, within.height), region.top, region.height, height as usize);
        let (columns, rows) = (Arc::new(columns), Arc::new(rows));
        Self {
            resampler: Resampler::interleaved(layout.channels(), columns, rows, Simd::best()),
            layout,
            multiplied: Vec::new(),
            opaque: true,
            height: height as usize,
            taken: 0,
        }
    }

    /// Takes row `y` of the picture. Rows come in order; those outside of what may be seen are ignored.
    pub(crate) fn push(&mut self, y: usize, row: &[u8]) {
        let row = if self.layout.has_alpha() {
            self.multiplied.clear();
            self.multiplied.extend_from_slice(row);
            self.opaque &= multiply_row(&mut self.multiplied, self.layout);
            &self.multiplied
        } else {
            row
        };
        self.resampler.push(y, row);
    }

    /// Whether there is a row of the result to take.
    pub(crate) fn has_row(&self) -> bool {
        self.taken < self.height && self.resampler.has(1)
    }

    /// Writes the next row of the result to `out`, which is as long as the row.
    pub(crate) fn take(&mut self, out: &mut [u8]) {
        self.resampler.pull(out);
        divide_row(out, self.layout);
        self.taken += 1;
    }

    /// Takes all rows that are ready to their places in the picture that is to come of them.
    pub(crate) fn fill(&mut self, to: &mut Pixels) {
        let stride = to.stride();
        while self.has_row() {
            let at = self.taken * stride;
            self.take(&mut to.data[at..][..stride]);
        }
    }

    /// Ends once all rows have been taken; tells whether no row that went in had anything transparent.
    pub(crate) fn finish(self) -> Result<bool, Error> {
        if self.taken < self.height {
            return Err(Error::Bug("the rows end before the picture".into()));
        }
        Ok(self.opaque)
    }
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
