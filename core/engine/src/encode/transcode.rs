//! A JPEG from the coefficients of another: coded anew, turned if asked, and without anything else that was in the file.
//! Nothing is lost, so it serves where coding the pixels again would only make the file larger.

#![allow(unsafe_code, reason = "libjpeg-turbo is a C library")]

use std::ffi::c_int;
use std::ptr;

use turbojpeg_sys as tj;

use super::turbojpeg::Buffer;
use crate::error::Error;
use crate::limits::Limits;
use crate::ops::Turn;

struct Transformer(tj::tjhandle);

impl Drop for Transformer {
    fn drop(&mut self) {
        // SAFETY: the handle came from tj3Init and is destroyed once.
        unsafe { tj::tj3Destroy(self.0) };
    }
}

impl Transformer {
    /// `memory` is in bytes.
    fn new(limits: &Limits, memory: u64) -> Result<Self, Error> {
        // SAFETY: takes a constant; the result is checked.
        let handle = unsafe { tj::tj3Init(tj::TJINIT_TJINIT_TRANSFORM as c_int) };
        if handle.is_null() {
            return Err(Error::Bug("libjpeg-turbo gave no transformer".into()));
        }
        let transformer = Self(handle);
        // 0 would mean no limit.
        let clamp = |value: u64| value.clamp(1, i32::MAX as u64) as c_int;
        for (parameter, value) in [
            (tj::TJPARAM_TJPARAM_SCANLIMIT, clamp(limits.max_scans.into())),
            (tj::TJPARAM_TJPARAM_MAXPIXELS, clamp(limits.max_pixels)),
            (tj::TJPARAM_TJPARAM_MAXMEMORY, clamp(memory >> 20)),
            (tj::TJPARAM_TJPARAM_STOPONWARNING, 1),
        ] {
            // SAFETY: the handle is live; parameter and value are checked by the library.
            if unsafe { tj::tj3Set(transformer.0, parameter as c_int, value) } != 0 {
                return Err(Error::Bug(format!("libjpeg-turbo refused parameter {parameter}")));
            }
        }
        Ok(transformer)
    }

    fn get(&self, parameter: tj::TJPARAM) -> c_int {
        // SAFETY: the handle is live.
        unsafe { tj::tj3Get(self.0, parameter as c_int) }
    }
}

/// Writes the coefficients of `source` as a JPEG of at most `memory` bytes of coefficients, with Huffman tables of its
/// own, in several scans if the source has several or `progressive` is set.
///
/// Nothing for files in CMYK, for those of more than 8 bits, which few programs show, for those that are damaged in any way,
/// and where a turn would tear the blocks at an edge apart.
pub(crate) fn transcode(
    source: &[u8],
    turn: Turn,
    progressive: bool,
    limits: &Limits,
    memory: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let transformer = Transformer::new(limits, memory)?;
    let length = source.len() as tj::size_t;
    // SAFETY: the handle is live and `source` is valid for the length given.
    if unsafe { tj::tj3DecompressHeader(transformer.0, source.as_ptr(), length) } != 0 {
        return Ok(None);
    }
    let colour = transformer.get(tj::TJPARAM_TJPARAM_COLORSPACE) as tj::TJCS;
    if !matches!(colour, tj::TJCS_TJCS_GRAY | tj::TJCS_TJCS_YCbCr)
        || transformer.get(tj::TJPARAM_TJPARAM_PRECISION) != 8
    {
        return Ok(None);
    }
    let scans = progressive || transformer.get(tj::TJPARAM_TJPARAM_PROGRESSIVE) == 1;
    let coding = if scans { tj::TJXOPT_PROGRESSIVE } else { tj::TJXOPT_OPTIMIZE };
    let wanted = tj::tjtransform {
        r: tj::tjregion { x: 0, y: 0, w: 0, h: 0 },
        op: operation(turn) as c_int,
        options: (tj::TJXOPT_PERFECT | tj::TJXOPT_COPYNONE | coding) as c_int,
        data: ptr::null_mut(),
        customFilter: None,
    };
    let mut out = Buffer { data: ptr::null_mut(), len: 0 };
    // SAFETY: the handle is live, `source` is valid for the length given, and there is one transform and one output
    // buffer, which is allocated and grown by the library.
    let code = unsafe {
        tj::tj3Transform(
            transformer.0,
            source.as_ptr(),
            length,
            1,
            &raw mut out.data,
            &raw mut out.len,
            &raw const wanted,
        )
    };
    if code != 0 || out.data.is_null() {
        return Ok(None);
    }
    // SAFETY: on success the library filled `len` bytes at `data`.
    Ok(Some(unsafe { std::slice::from_raw_parts(out.data, out.len as usize) }.to_vec()))
}

fn operation(turn: Turn) -> tj::TJXOP {
    match turn.parts() {
        (0, false) => tj::TJXOP_TJXOP_NONE,
        (0, true) => tj::TJXOP_TJXOP_HFLIP,
        (1, false) => tj::TJXOP_TJXOP_ROT90,
        (1, true) => tj::TJXOP_TJXOP_TRANSPOSE,
        (2, false) => tj::TJXOP_TJXOP_ROT180,
        (2, true) => tj::TJXOP_TJXOP_VFLIP,
        (_, false) => tj::TJXOP_TJXOP_ROT270,
        (_, true) => tj::TJXOP_TJXOP_TRANSVERSE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;
    use crate::decode::baseline::{Frame, Strips, Wanted};
    use crate::encode::samples::{
        SAMPLINGS, cmyk_jpeg, deep_jpeg, gradient, noise, oriented, photo, progressive_jpeg, sampled_jpeg,
    };
    use crate::header::Orientation;
    use crate::limits::CancelToken;
    use crate::ops;
    use crate::pixels::{Layout, Pixels};
    use crate::simd::Simd;
    use crate::transform::header;

    fn run(source: &[u8], turn: Turn) -> Option<Vec<u8>> {
        transcode(source, turn, false, &Limits::default(), 64 << 20).unwrap()
    }

    fn decoded(file: &[u8]) -> Pixels {
        let limits = Limits::default();
        let header = header(file, &limits).unwrap();
        decode::decode(file, &header, 8, &limits, &CancelToken::new()).unwrap().pixels
    }

    #[test]
    fn nothing_is_lost_but_what_is_not_the_picture() {
        let photo = photo(96, 64);
        for plain in [
            sampled_jpeg(&photo, 80, 2, 3, false),
            sampled_jpeg(&photo, 95, 0, 0, false),
            progressive_jpeg(&photo),
        ] {
            let source = oriented(&plain, 6);
            let found = run(&source, Turn::NONE).unwrap();
            assert_eq!(decoded(&found), decoded(&plain));
            assert!(found.len() <= plain.len(), "{} of {} bytes", found.len(), plain.len());
            assert!(!found.windows(4).any(|part| part == b"Exif"));
            assert_eq!(
                found.windows(2).any(|pair| pair == [0xFF, 0xC2]),
                plain.windows(2).any(|pair| pair == [0xFF, 0xC2])
            );
        }
    }

    #[test]
    fn blocks_are_turned_as_pixels_are() {
        let source = sampled_jpeg(&photo(96, 64), 90, 0, 0, false);
        for value in 1..=8 {
            let turn = Turn::upright(Orientation::from_exif(value).unwrap());
            let found = decoded(&run(&source, turn).unwrap());
            let expected = ops::orient(decoded(&source), turn);
            assert_eq!((found.width, found.height), (expected.width, expected.height));
            let furthest = found.data.iter().zip(&expected.data).map(|(a, b)| a.abs_diff(*b)).max();
            // The inverse transform rounds rows before columns.
            assert!(furthest <= Some(4), "orientation {value}: {furthest:?}");
        }
        // Half a block at the right would come to lie at the left.
        let odd = sampled_jpeg(&photo(93, 64), 90, 0, 0, false);
        assert_eq!(run(&odd, Turn::FLOP), None);
    }

    /// The planes of a file that ends with whole MCUs, each at its own resolution.
    fn planes(file: &[u8]) -> Vec<Pixels> {
        let frame = Frame::parse(file).unwrap();
        let plane = |(width, height)| Pixels::zeroed(width as u32, height as u32, Layout::Grey);
        let sizes = frame.components.iter().map(|component| (component.width, component.height));
        let wanted = |(width, height)| Wanted { eighths: 8, rows: 0..height, columns: 0..width };
        let mut planes: Vec<Pixels> = sizes.clone().map(plane).collect();
        let mut strips = Strips::new(file, &frame, sizes.map(wanted).collect(), Simd::SCALAR);
        while strips.advance().unwrap() {
            for (index, plane) in planes.iter_mut().enumerate() {
                let (strip, stride) = (strips.strip(index), plane.stride());
                for y in 0..strip.rows {
                    let row = &mut plane.data[(strip.top + y) * stride..][..stride];
                    row.copy_from_slice(&strip.row(y)[..stride]);
                }
            }
        }
        planes
    }

    #[test]
    fn every_plane_is_turned_at_its_own_resolution() {
        let furthest = |a: &Pixels, b: &Pixels| {
            assert_eq!((a.width, a.height, a.layout), (b.width, b.height, b.layout));
            a.data.iter().zip(&b.data).map(|(a, b)| a.abs_diff(*b)).max()
        };
        // Whole MCUs of every sampling, however they lie.
        let picture = noise(96, 64, Layout::Rgb);
        for sampling in SAMPLINGS {
            let source = sampled_jpeg(&picture, 90, sampling, 0, false);
            for value in 1..=8 {
                let turn = Turn::upright(Orientation::from_exif(value).unwrap());
                let turned = run(&source, turn).unwrap();
                let (found, stored) = (planes(&turned), planes(&source));
                assert_eq!(found.len(), stored.len());
                for (index, (found, stored)) in found.iter().zip(stored).enumerate() {
                    let worst = furthest(found, &ops::orient(stored, turn));
                    assert!(
                        worst <= Some(1),
                        "sampling {sampling}, orientation {value}, plane {index}: {worst:?}"
                    );
                }
                // Between two samples of chroma halves are rounded up and down by turns: another step, and 1.772 of both
                // in blue.
                let worst = furthest(&decoded(&turned), &ops::orient(decoded(&source), turn));
                assert!(worst <= Some(5), "sampling {sampling}, orientation {value}: {worst:?}");
            }
        }
    }

    #[test]
    fn what_is_not_plain_is_left_to_others() {
        assert_eq!(run(&cmyk_jpeg(&gradient(16, 16, Layout::Cmyk)), Turn::NONE), None);
        for progressive in [false, true] {
            assert_eq!(run(&deep_jpeg(&photo(32, 32), progressive), Turn::NONE), None);
        }
        let source = sampled_jpeg(&photo(160, 160), 80, 2, 0, false);
        assert_eq!(run(&source[..source.len() / 2], Turn::NONE), None);
        let tight = Limits { max_pixels: 100, ..Limits::default() };
        assert_eq!(transcode(&source, Turn::NONE, false, &tight, 64 << 20).unwrap(), None);
    }
}
