//! The thin safe layer over libjpeg-turbo's decompressor. Policy — what is refused, what the samples mean — is
//! in `jpeg`.

#![allow(unsafe_code, reason = "libjpeg-turbo is a C library")]

use std::ffi::{CStr, c_int};

use turbojpeg_sys as tj;

use super::undecodable;
use crate::error::Error;
use crate::format::Format;
use crate::limits::Limits;
use crate::pixels::{Layout, Pixels};

/// What the samples of a JPEG stand for once colour conversion of the codec is done.
pub(super) enum Samples {
    Grey,
    Rgb,
    Cmyk,
}

pub(super) struct Found {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) samples: Samples,
}

/// A decompressor with its limits set.
pub(super) struct Decompressor {
    handle: tj::tjhandle,
    max_scans: u32,
    max_memory: u64,
    /// Whether samples have 12 bits.
    deep: bool,
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        // SAFETY: the handle came from tj3Init and is destroyed once.
        unsafe { tj::tj3Destroy(self.handle) };
    }
}

impl Decompressor {
    pub(super) fn new(limits: &Limits) -> Result<Self, Error> {
        // SAFETY: takes a constant; the result is checked.
        let handle = unsafe { tj::tj3Init(tj::TJINIT_TJINIT_DECOMPRESS as c_int) };
        if handle.is_null() {
            return Err(Error::Bug("libjpeg-turbo gave no decompressor".into()));
        }
        let max_scans = limits.max_scans.clamp(1, i32::MAX as u32);
        let this = Self { handle, max_scans, max_memory: limits.max_memory_bytes, deep: false };
        this.set(tj::TJPARAM_TJPARAM_SCANLIMIT, max_scans as c_int)?;
        this.set(tj::TJPARAM_TJPARAM_MAXPIXELS, clamp(limits.max_pixels))?;
        this.set(tj::TJPARAM_TJPARAM_MAXMEMORY, clamp(limits.max_memory_bytes >> 20))?;
        Ok(this)
    }

    pub(super) fn read_header(&mut self, source: &[u8]) -> Result<Found, Error> {
        // SAFETY: the handle is live and `source` is valid for the length given.
        let code =
            unsafe { tj::tj3DecompressHeader(self.handle, source.as_ptr(), source.len() as tj::size_t) };
        if code != 0 && !self.only_warned() {
            return Err(undecodable(Format::Jpeg, self.message()));
        }
        let width = u32::try_from(self.get(tj::TJPARAM_TJPARAM_JPEGWIDTH));
        let height = u32::try_from(self.get(tj::TJPARAM_TJPARAM_JPEGHEIGHT));
        let samples = match u32::try_from(self.get(tj::TJPARAM_TJPARAM_COLORSPACE)) {
            Ok(tj::TJCS_TJCS_GRAY) => Samples::Grey,
            Ok(tj::TJCS_TJCS_RGB | tj::TJCS_TJCS_YCbCr) => Samples::Rgb,
            Ok(tj::TJCS_TJCS_CMYK | tj::TJCS_TJCS_YCCK) => Samples::Cmyk,
            _ => return Err(undecodable(Format::Jpeg, "its colour space is not known")),
        };
        let bits = self.get(tj::TJPARAM_TJPARAM_PRECISION);
        // The library ignores the scale for lossless data.
        if self.get(tj::TJPARAM_TJPARAM_LOSSLESS) != 0 || !matches!(bits, 8 | 12) {
            return Err(undecodable(Format::Jpeg, "it is neither baseline nor progressive at 8 or 12 bits"));
        }
        self.deep = bits == 12;
        match (width, height) {
            (Ok(width @ 1..), Ok(height @ 1..)) => Ok(Found { width, height, samples }),
            _ => Err(undecodable(Format::Jpeg, "its frame header is broken")),
        }
    }

    /// Fills `out`, whose size is the scaled one. `whole` says that the data is known to end properly.
    pub(super) fn decompress(
        &mut self,
        source: &[u8],
        eighths: u8,
        out: &mut Pixels,
        whole: bool,
    ) -> Result<(), Error> {
        let factor = scaling(eighths);
        // SAFETY: the handle is live; the factor is a plain value that the library checks.
        if unsafe { tj::tj3SetScalingFactor(self.handle, factor) } != 0 {
            return Err(Error::Bug(format!("libjpeg-turbo can't scale by {eighths}/8")));
        }
        self.set(tj::TJPARAM_TJPARAM_STOPONWARNING, 1)?;
        if self.run(source, out)? {
            return Ok(());
        }
        let warning = self.message();
        if !(whole && is_harmless(&warning)) {
            return Err(undecodable(Format::Jpeg, warning));
        }
        self.set(tj::TJPARAM_TJPARAM_STOPONWARNING, 0)?;
        self.run(source, out).map(|_| ())
    }

    /// `false` when the library warned.
    fn run(&mut self, source: &[u8], out: &mut Pixels) -> Result<bool, Error> {
        let format = match out.layout {
            Layout::Grey => tj::TJPF_TJPF_GRAY,
            Layout::Cmyk => tj::TJPF_TJPF_CMYK,
            _ => tj::TJPF_TJPF_RGB,
        };
        let pitch = c_int::try_from(out.stride()).map_err(|_| Error::Bug("a row is over 2 GiB".into()))?;
        let (file, len) = (source.as_ptr(), source.len() as tj::size_t);
        let mut samples = vec![0_i16; if self.deep { out.data.len() } else { 0 }];
        // SAFETY: the handle is live and `source` is valid for the length given. The library writes
        // ceil(height * n / 8) rows of `pitch` samples, which is the size of `out` and of the deep samples: the caller
        // compared the size in the header with the one that `out` was made from, and the header is read again from the
        // same bytes. Data of another depth than the function's is refused.
        let code = unsafe {
            if self.deep {
                tj::tj3Decompress12(self.handle, file, len, samples.as_mut_ptr(), pitch, format)
            } else {
                tj::tj3Decompress8(self.handle, file, len, out.data.as_mut_ptr(), pitch, format)
            }
        };
        for (sample, deep) in out.data.iter_mut().zip(samples) {
            *sample = to_eight(deep);
        }
        match code {
            0 => Ok(true),
            _ if self.only_warned() => Ok(false),
            _ => Err(self.fatal()),
        }
    }

    /// The planes at full size, before any colour conversion, each with the length of its rows. Only tests ask for it.
    #[cfg(test)]
    pub(super) fn planes(&mut self, source: &[u8]) -> Result<Vec<(usize, Vec<u8>)>, Error> {
        let found = self.read_header(source)?;
        let subsampling = self.get(tj::TJPARAM_TJPARAM_SUBSAMP);
        let count = if matches!(found.samples, Samples::Grey) { 1 } else { 3 };
        let side = |side: u32| c_int::try_from(side).unwrap_or(0);
        let mut planes: Vec<(usize, Vec<u8>)> = (0..count)
            .map(|index| {
                // SAFETY: takes plain values and gives one.
                unsafe {
                    let width = tj::tj3YUVPlaneWidth(index, side(found.width), subsampling);
                    let height = tj::tj3YUVPlaneHeight(index, side(found.height), subsampling);
                    (width as usize, vec![0; (width * height) as usize])
                }
            })
            .collect();
        let mut pointers: Vec<*mut u8> = planes.iter_mut().map(|plane| plane.1.as_mut_ptr()).collect();
        pointers.resize(3, std::ptr::null_mut());
        // SAFETY: the handle is live, `source` is valid for its length, and each plane is as large as the library says.
        let code = unsafe {
            tj::tj3DecompressToYUVPlanes8(
                self.handle,
                source.as_ptr(),
                source.len() as tj::size_t,
                pointers.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        };
        if code == 0 { Ok(planes) } else { Err(self.fatal()) }
    }

    fn fatal(&self) -> Error {
        let message = self.message();
        if message.contains("scans") {
            let limit = u64::from(self.max_scans);
            return Error::LimitExceeded { what: "number of JPEG scans", actual: limit + 1, limit };
        }
        if message.contains("memory limit") {
            let limit = self.max_memory;
            return Error::LimitExceeded { what: "memory to decode in bytes", actual: limit + 1, limit };
        }
        undecodable(Format::Jpeg, message)
    }

    fn set(&self, parameter: tj::TJPARAM, value: c_int) -> Result<(), Error> {
        // SAFETY: the handle is live; parameter and value are checked by the library.
        match unsafe { tj::tj3Set(self.handle, parameter as c_int, value) } {
            0 => Ok(()),
            _ => Err(Error::Bug(format!("libjpeg-turbo refused parameter {parameter}: {}", self.message()))),
        }
    }

    fn get(&self, parameter: tj::TJPARAM) -> c_int {
        // SAFETY: the handle is live.
        unsafe { tj::tj3Get(self.handle, parameter as c_int) }
    }

    fn only_warned(&self) -> bool {
        // SAFETY: the handle is live.
        unsafe { tj::tj3GetErrorCode(self.handle) == tj::TJERR_TJERR_WARNING as c_int }
    }

    /// What the library says of its last error.
    fn message(&self) -> String {
        // SAFETY: the handle is live; the library returns a NUL-terminated string that stays until its next call.
        let text = unsafe { CStr::from_ptr(tj::tj3GetErrorStr(self.handle)) };
        let text = text.to_string_lossy();
        let text = text.rsplit("(): ").next().unwrap_or_default().trim();
        let text = text.strip_prefix("Corrupt JPEG data: ").unwrap_or(text);
        let mut letters = text.chars();
        letters.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(letters).collect()
    }
}

/// A sample of 12 bits in 8: white stays white.
fn to_eight(sample: i16) -> u8 {
    ((i32::from(sample).clamp(0, 4095) * 255 + 2047) / 4095) as u8
}

/// The warnings after which the picture is whole all the same. The texts are those of the version that is built in.
fn is_harmless(warning: &str) -> bool {
    [
        "extraneous bytes before marker",
        "nknown Adobe color transform",
        "nknown JFIF revision",
        "nconsistent progression",
    ]
    .iter()
    .any(|part| warning.contains(part))
}

/// The library knows its factors in lowest terms only.
fn scaling(eighths: u8) -> tj::tjscalingfactor {
    let shift = eighths.trailing_zeros().min(3);
    tj::tjscalingfactor { num: c_int::from(eighths >> shift), denom: 8 >> shift }
}

fn clamp(value: u64) -> c_int {
    // 0 would mean no limit.
    value.clamp(1, i32::MAX as u64) as c_int
}
