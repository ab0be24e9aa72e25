//! The thin safe layer over libwebp's demuxer and decoder.

#![allow(unsafe_code, reason = "libwebp is a C library")]

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

use libwebp_sys as webp;

use crate::pixels::{Layout, Pixels};

/// The structure of a whole file.
pub(super) struct Demuxer<'a> {
    raw: *mut webp::WebPDemuxer,
    source: PhantomData<&'a [u8]>,
}

impl Drop for Demuxer<'_> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from WebPDemuxInternal and is deleted once.
        unsafe { webp::WebPDemuxDelete(self.raw) };
    }
}

/// One frame and its still compressed data.
pub(super) struct Frame<'a> {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) duration_ms: u32,
    /// Whether it is laid over what is there, and not put in its place.
    pub(super) blend: bool,
    /// Whether its rectangle is cleared after it was shown.
    pub(super) clear: bool,
    data: &'a [u8],
}

impl<'a> Demuxer<'a> {
    /// `None` for a file that is broken or not complete.
    pub(super) fn open(source: &'a [u8]) -> Option<Self> {
        let data = webp::WebPData { bytes: source.as_ptr(), size: source.len() };
        let version = webp::WebPGetDemuxABIVersion();
        // SAFETY: `data` points to `source`, which outlives the demuxer by its lifetime; partial files are not
        // asked for, so no state is needed.
        let raw = unsafe { webp::WebPDemuxInternal(&raw const data, 0, ptr::null_mut(), version) };
        (!raw.is_null()).then_some(Self { raw, source: PhantomData })
    }

    /// Width and height of the whole picture.
    pub(super) fn canvas(&self) -> (u32, u32) {
        // SAFETY: the demuxer is live.
        unsafe {
            (
                webp::WebPDemuxGetI(self.raw, webp::WebPFormatFeature::WEBP_FF_CANVAS_WIDTH),
                webp::WebPDemuxGetI(self.raw, webp::WebPFormatFeature::WEBP_FF_CANVAS_HEIGHT),
            )
        }
    }

    /// How often an animation is shown; 0 is for ever.
    pub(super) fn loop_count(&self) -> u32 {
        // SAFETY: the demuxer is live.
        unsafe { webp::WebPDemuxGetI(self.raw, webp::WebPFormatFeature::WEBP_FF_LOOP_COUNT) }
    }

    /// Frame `number`, of which the first is 1.
    pub(super) fn frame(&self, number: u32) -> Option<Frame<'a>> {
        // The library takes 0 for the last.
        let number = i32::try_from(number).ok().filter(|&number| number > 0)?;
        let mut found = MaybeUninit::<webp::WebPIterator>::zeroed();
        // SAFETY: the demuxer is live and the iterator may be all zeros before the call.
        if unsafe { webp::WebPDemuxGetFrame(self.raw, number, found.as_mut_ptr()) } == 0 {
            return None;
        }
        // SAFETY: on success the library filled the iterator.
        let mut found = unsafe { found.assume_init() };
        let fragment = found.fragment;
        let frame = (found.complete != 0 && !fragment.bytes.is_null()).then(|| Frame {
            x: found.x_offset.unsigned_abs(),
            y: found.y_offset.unsigned_abs(),
            width: found.width.unsigned_abs(),
            height: found.height.unsigned_abs(),
            duration_ms: found.duration.unsigned_abs(),
            blend: found.blend_method == webp::WebPMuxAnimBlend::WEBP_MUX_BLEND,
            clear: found.dispose_method == webp::WebPMuxAnimDispose::WEBP_MUX_DISPOSE_BACKGROUND,
            // SAFETY: the fragment is a part of `source`, which lives for 'a.
            data: unsafe { std::slice::from_raw_parts(fragment.bytes, fragment.size) },
        });
        // SAFETY: the iterator was filled by the library and is released once.
        unsafe { webp::WebPDemuxReleaseIterator(&raw mut found) };
        frame
    }
}

/// RGB, or RGBA where the data has `alpha` that counts. `None` for corrupt data or a size that differs from the frame's.
pub(super) fn decode_frame(frame: &Frame<'_>, alpha: bool) -> Option<Pixels> {
    let mut features = MaybeUninit::<webp::WebPBitstreamFeatures>::zeroed();
    // SAFETY: the data is valid for its length and the struct is written by the library.
    let status =
        unsafe { webp::WebPGetFeatures(frame.data.as_ptr(), frame.data.len(), features.as_mut_ptr()) };
    if status != webp::VP8StatusCode::VP8_STATUS_OK {
        return None;
    }
    // SAFETY: all zeros is valid for this struct of integers, and the library filled it.
    let features = unsafe { features.assume_init() };
    if (u32::try_from(features.width), u32::try_from(features.height)) != (Ok(frame.width), Ok(frame.height))
    {
        return None;
    }
    let layout = if alpha && features.has_alpha != 0 { Layout::Rgba } else { Layout::Rgb };
    let mut pixels = Pixels::zeroed(frame.width, frame.height, layout);
    let stride = i32::try_from(pixels.stride()).ok()?;
    let decode = match layout {
        Layout::Rgba => webp::WebPDecodeRGBAInto,
        _ => webp::WebPDecodeRGBInto,
    };
    let (out, len) = (pixels.data.as_mut_ptr(), pixels.data.len());
    // SAFETY: the data is valid for its length, and the library refuses to write more than `len` bytes.
    let filled = unsafe { decode(frame.data.as_ptr(), frame.data.len(), out, len, stride) };
    (!filled.is_null()).then_some(pixels)
}
