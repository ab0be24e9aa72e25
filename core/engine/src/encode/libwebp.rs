//! The thin safe layer over libwebp's encoder.

#![allow(unsafe_code, reason = "libwebp is a C library")]

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;

use libwebp_sys as webp;

use crate::error::Error;
use crate::limits::{CancelToken, at_most};
use crate::pixels::{Layout, Pixels};

/// 0 is fastest, 6 slowest.
const METHOD: c_int = 2;

/// 0 is fastest, 9 slowest.
const LOSSLESS_LEVEL: c_int = 3;
const THOROUGH_LEVEL: c_int = 8;

#[derive(Clone, Copy)]
pub(super) enum Settings {
    Lossy { quality: u8 },
    Lossless { thorough: bool },
}

impl Settings {
    fn config(self) -> Result<webp::WebPConfig, Error> {
        let refused = || Error::Bug("libwebp refused its settings".into());
        let mut config = webp::WebPConfig::new().map_err(|()| refused())?;
        match self {
            Self::Lossy { quality } => {
                config.quality = f32::from(quality);
                config.method = METHOD;
                // Alpha is stored without loss, and trying filters on it means compressing it twice: a quarter of the
                // time, for 0 to 2 % of the bytes.
                config.alpha_filtering = 0;
            }
            Self::Lossless { thorough } => {
                let level = if thorough { THOROUGH_LEVEL } else { LOSSLESS_LEVEL };
                // SAFETY: the configuration is initialised.
                if unsafe { webp::WebPConfigLosslessPreset(&raw mut config, level) } == 0 {
                    return Err(refused());
                }
                config.exact = 1;
            }
        }
        config.thread_level = 0;
        // SAFETY: the configuration is initialised.
        if unsafe { webp::WebPValidateConfig(&raw const config) } == 0 { Err(refused()) } else { Ok(config) }
    }
}

/// A picture and the memory that its encoded form goes to. What the library allocated for either goes with it.
struct Job {
    picture: webp::WebPPicture,
    writer: webp::WebPMemoryWriter,
}

impl Drop for Job {
    fn drop(&mut self) {
        // SAFETY: both were initialised by the library and are released once.
        unsafe {
            webp::WebPPictureFree(&raw mut self.picture);
            webp::WebPMemoryWriterClear(&raw mut self.writer);
        }
    }
}

/// Encodes RGB or RGBA. Stops within one pass over the rows when `cancel` says so.
pub(super) fn encode(pixels: &Pixels, settings: Settings, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
    let config = settings.config()?;
    run(&config, cancel, |picture| import(picture, pixels, config.lossless != 0))
}

/// Encodes planes of luma, blue and red over the limited range, the latter two at half the resolution, without gaps between
/// their rows.
pub(super) fn encode_planes(
    (width, height): (usize, usize),
    planes: &[Vec<u8>; 3],
    quality: u8,
    cancel: &CancelToken,
) -> Result<Vec<u8>, Error> {
    let half = (width.div_ceil(2), height.div_ceil(2));
    let sides = [(width, height), half, half];
    let whole = planes.iter().zip(sides).all(|(plane, (width, height))| plane.len() == width * height);
    if !whole || width.max(height) > webp::WEBP_MAX_DIMENSION as usize {
        return Err(Error::Bug(format!("libwebp can't take these planes for {width}x{height}")));
    }
    run(&Settings::Lossy { quality }.config()?, cancel, |picture| {
        picture.use_argb = 0;
        picture.colorspace = webp::WebPEncCSP::WEBP_YUV420;
        (picture.width, picture.height) = (width as c_int, height as c_int);
        (picture.y_stride, picture.uv_stride) = (width as c_int, half.0 as c_int);
        // The library only reads these: it writes to planes where transparent pixels are cleared or the compressed picture is
        // to be shown, and there is no alpha, nor is that asked for.
        [picture.y, picture.u, picture.v] = planes.each_ref().map(|plane| plane.as_ptr().cast_mut());
        Ok(())
    })
}

/// Encodes the picture that `fill` gives, which must stay where it is until that is done.
fn run(
    config: &webp::WebPConfig,
    cancel: &CancelToken,
    fill: impl FnOnce(&mut webp::WebPPicture) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let picture = webp::WebPPicture::new().map_err(|()| Error::Bug("libwebp gave no picture".into()))?;
    let mut writer = MaybeUninit::<webp::WebPMemoryWriter>::zeroed();
    // SAFETY: the function only writes to the struct, for which zeros are valid anyway.
    let writer = unsafe {
        webp::WebPMemoryWriterInit(writer.as_mut_ptr());
        writer.assume_init()
    };
    let mut job = Job { picture, writer };
    fill(&mut job.picture)?;
    job.picture.writer = Some(webp::WebPMemoryWrite);
    job.picture.custom_ptr = (&raw mut job.writer).cast();
    job.picture.progress_hook = Some(go_on);
    job.picture.user_data = std::ptr::from_ref(cancel).cast_mut().cast::<c_void>();
    // SAFETY: configuration and picture are valid; writer and token live, unmoved, until the call returns.
    let done = unsafe { webp::WebPEncode(config, &raw mut job.picture) };
    if done == 0 {
        cancel.check()?;
        return Err(Error::Bug(format!("libwebp: {:?}", job.picture.error_code)));
    }
    if job.writer.size == 0 {
        return Err(Error::Bug("libwebp wrote nothing".into()));
    }
    // SAFETY: the writer's memory holds `size` bytes, and is null only when that is 0.
    Ok(unsafe { std::slice::from_raw_parts(job.writer.mem, job.writer.size) }.to_vec())
}

fn import(picture: &mut webp::WebPPicture, pixels: &Pixels, argb: bool) -> Result<(), Error> {
    let stride = pixels.stride() as u64;
    at_most("row of a WebP result in bytes", stride, i32::MAX as u64)?;
    picture.use_argb = c_int::from(argb);
    picture.width = pixels.width as c_int;
    picture.height = pixels.height as c_int;
    let import = match pixels.layout {
        Layout::Rgba => webp::WebPPictureImportRGBA,
        Layout::Rgb => webp::WebPPictureImportRGB,
        other => return Err(Error::Bug(format!("libwebp takes no {other:?}"))),
    };
    // SAFETY: the samples are `height` rows of `stride` bytes in this layout, and are copied.
    match unsafe { import(picture, pixels.data.as_ptr(), stride as c_int) } {
        0 => Err(Error::Bug("libwebp has no memory for the picture".into())),
        _ => Ok(()),
    }
}

unsafe extern "C" fn go_on(_percent: c_int, picture: *const webp::WebPPicture) -> c_int {
    // SAFETY: `user_data` is the token that `run` put there and keeps until the library returns.
    let cancel = unsafe { &*(*picture).user_data.cast::<CancelToken>() };
    c_int::from(cancel.check().is_ok())
}
