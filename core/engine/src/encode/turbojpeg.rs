//! The thin safe layer over libjpeg-turbo's compressor.

#![allow(unsafe_code, reason = "libjpeg-turbo is a C library")]

use std::ffi::{CStr, c_int};
use std::ptr;

use turbojpeg_sys as tj;

use crate::error::Error;
use crate::pixels::{Layout, Pixels};

pub(super) struct Compressor {
    handle: tj::tjhandle,
}

impl Drop for Compressor {
    fn drop(&mut self) {
        // SAFETY: the handle came from tj3Init and is destroyed once.
        unsafe { tj::tj3Destroy(self.handle) };
    }
}

/// A buffer that the library allocates and grows.
pub(super) struct Buffer {
    pub(super) data: *mut u8,
    pub(super) len: tj::size_t,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the pointer is null or was allocated by the library, and is freed once.
        unsafe { tj::tj3Free(self.data.cast()) };
    }
}

impl Compressor {
    pub(super) fn new() -> Result<Self, Error> {
        // SAFETY: takes a constant; the result is checked.
        let handle = unsafe { tj::tj3Init(tj::TJINIT_TJINIT_COMPRESS as c_int) };
        if handle.is_null() {
            return Err(Error::Bug("libjpeg-turbo gave no compressor".into()));
        }
        Ok(Self { handle })
    }

    /// Encodes grey, RGB or CMYK samples. CMYK is written as the samples are, so the caller inverts.
    pub(super) fn compress(
        &mut self,
        pixels: &Pixels,
        quality: u8,
        full_chroma: bool,
    ) -> Result<Vec<u8>, Error> {
        let (format, subsampling) = stored_as(pixels.layout, full_chroma)?;
        self.write(pixels, quality, format, subsampling)
    }

    fn write(
        &mut self,
        pixels: &Pixels,
        quality: u8,
        format: tj::TJPF,
        subsampling: tj::TJSAMP,
    ) -> Result<Vec<u8>, Error> {
        self.set(tj::TJPARAM_TJPARAM_QUALITY, c_int::from(quality.clamp(1, 100)))?;
        self.set(tj::TJPARAM_TJPARAM_SUBSAMP, subsampling)?;
        let side =
            |n: usize| c_int::try_from(n).map_err(|_| Error::Bug("a picture is too large for C".into()));
        let (width, height) = (side(pixels.width as usize)?, side(pixels.height as usize)?);
        let pitch = side(pixels.stride())?;
        let mut out = Buffer { data: ptr::null_mut(), len: 0 };
        // SAFETY: the handle is live. `pixels.data` holds `height` rows of `pitch` bytes in this format, and the
        // output buffer is allocated and grown by the library.
        let code = unsafe {
            tj::tj3Compress8(
                self.handle,
                pixels.data.as_ptr(),
                width,
                pitch,
                height,
                format,
                &raw mut out.data,
                &raw mut out.len,
            )
        };
        if code != 0 || out.data.is_null() {
            return Err(Error::Bug(format!("libjpeg-turbo: {}", self.message())));
        }
        // SAFETY: on success the library filled `len` bytes at `data`.
        Ok(unsafe { std::slice::from_raw_parts(out.data, out.len as usize) }.to_vec())
    }

    /// RGB with the chroma sampling of this number in the library's own list, and a restart marker after so many MCUs;
    /// with `tight`, Huffman tables are made for the picture. Only tests ask for it.
    #[cfg(test)]
    pub(super) fn sampled(
        &mut self,
        pixels: &Pixels,
        quality: u8,
        subsampling: tj::TJSAMP,
        restart: u16,
        tight: bool,
    ) -> Result<Vec<u8>, Error> {
        self.set(tj::TJPARAM_TJPARAM_RESTARTBLOCKS, restart.into())?;
        self.set(tj::TJPARAM_TJPARAM_OPTIMIZE, tight.into())?;
        self.write(pixels, quality, tj::TJPF_TJPF_RGB, subsampling)
    }

    /// Samples of 12 bits, at quality 95 with full chroma. Only tests ask for it.
    #[cfg(test)]
    pub(super) fn deep(
        &mut self,
        (width, height): (u32, u32),
        layout: Layout,
        samples: &[i16],
    ) -> Result<Vec<u8>, Error> {
        let (format, subsampling) = stored_as(layout, true)?;
        assert_eq!(samples.len(), (width * height) as usize * layout.channels());
        self.set(tj::TJPARAM_TJPARAM_QUALITY, 95)?;
        self.set(tj::TJPARAM_TJPARAM_SUBSAMP, subsampling)?;
        let mut out = Buffer { data: ptr::null_mut(), len: 0 };
        // SAFETY: the handle is live. There are `height` rows of `width` pixels in this format, and the output buffer is
        // allocated and grown by the library.
        let code = unsafe {
            tj::tj3Compress12(
                self.handle,
                samples.as_ptr(),
                width as c_int,
                0,
                height as c_int,
                format,
                &raw mut out.data,
                &raw mut out.len,
            )
        };
        assert_eq!(code, 0, "{}", self.message());
        // SAFETY: on success the library filled `len` bytes at `data`.
        Ok(unsafe { std::slice::from_raw_parts(out.data, out.len as usize) }.to_vec())
    }

    /// Several scans, each refining the picture. Only tests ask for it.
    #[cfg(test)]
    pub(super) fn progressive(self) -> Result<Self, Error> {
        self.set(tj::TJPARAM_TJPARAM_PROGRESSIVE, 1)?;
        Ok(self)
    }

    /// Samples stored without conversion: RGB as such, and CMYK, which is YCCK otherwise. Only tests ask for it.
    #[cfg(test)]
    pub(super) fn unconverted(self, layout: Layout) -> Result<Self, Error> {
        let space = if layout == Layout::Cmyk { tj::TJCS_TJCS_CMYK } else { tj::TJCS_TJCS_RGB };
        self.set(tj::TJPARAM_TJPARAM_COLORSPACE, space as c_int)?;
        Ok(self)
    }

    /// Arithmetic coding instead of Huffman's. Only tests ask for it.
    #[cfg(test)]
    pub(super) fn arithmetic(self) -> Result<Self, Error> {
        self.set(tj::TJPARAM_TJPARAM_ARITHMETIC, 1)?;
        Ok(self)
    }

    fn set(&self, parameter: tj::TJPARAM, value: c_int) -> Result<(), Error> {
        // SAFETY: the handle is live; parameter and value are checked by the library.
        match unsafe { tj::tj3Set(self.handle, parameter as c_int, value) } {
            0 => Ok(()),
            _ => Err(Error::Bug(format!("libjpeg-turbo refused parameter {parameter}: {}", self.message()))),
        }
    }

    fn message(&self) -> String {
        // SAFETY: the handle is live; the library returns a NUL-terminated string that stays until its next call.
        let text = unsafe { CStr::from_ptr(tj::tj3GetErrorStr(self.handle)) };
        text.to_string_lossy().into_owned()
    }
}

/// What the library calls these samples, and the chroma sampling with which they are stored.
fn stored_as(layout: Layout, full_chroma: bool) -> Result<(tj::TJPF, tj::TJSAMP), Error> {
    match layout {
        Layout::Grey => Ok((tj::TJPF_TJPF_GRAY, tj::TJSAMP_TJSAMP_GRAY)),
        Layout::Cmyk => Ok((tj::TJPF_TJPF_CMYK, tj::TJSAMP_TJSAMP_444)),
        Layout::Rgb if full_chroma => Ok((tj::TJPF_TJPF_RGB, tj::TJSAMP_TJSAMP_444)),
        Layout::Rgb => Ok((tj::TJPF_TJPF_RGB, tj::TJSAMP_TJSAMP_420)),
        Layout::GreyAlpha | Layout::Rgba => Err(Error::Bug("JPEG has no alpha channel".into())),
    }
}
