//! Colour: from whatever a decoder gave to sRGB. The result carries no profile, for what has none is sRGB by the
//! conventions of every format that the engine writes; or colours stay as they are, and their profile with them.

mod cmyk;
pub(crate) mod css;
pub(crate) mod icc;

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Transform8BitExecutor, TransformOptions};

use crate::decode::Decoded;
use crate::error::Error;
use crate::pixels::{Layout, Pixels};

/// Pixels converted at once: small enough to stay in the cache.
const BAND: usize = 4096;
/// Profiles that move no colour by more than this many steps of 255 are sRGB for all that anyone can see.
const SAME: u8 = 2;

/// Converts through the embedded profile (CMYK too); grey stays grey. Alpha is left alone.
///
/// A profile that is broken, or made for another kind of pixels, is taken for sRGB: a picture in slightly wrong
/// colours serves better than none. CMYK without a usable profile goes by a simple ink formula.
pub(crate) fn to_srgb(decoded: Decoded) -> Result<Pixels, Error> {
    let Decoded { pixels, icc } = decoded;
    match icc.as_deref().and_then(|icc| Conversion::new(icc, pixels.layout)) {
        Some(conversion) => conversion.apply(pixels),
        None if pixels.layout == Layout::Cmyk => Ok(cmyk::to_rgb(pixels)),
        None => Ok(pixels),
    }
}

/// Whether [`to_srgb`] would change samples of this layout.
pub(crate) fn changes(icc: &[u8], layout: Layout) -> bool {
    Conversion::new(icc, layout).is_some()
}

struct Conversion {
    executor: Arc<Transform8BitExecutor>,
    to: Layout,
}

impl Conversion {
    /// Nothing where no conversion is needed or none is possible.
    fn new(icc: &[u8], from: Layout) -> Option<Self> {
        let source = icc::colours(icc)?;
        let (space, source_layout, target_layout, to) = match from {
            Layout::Grey => (DataColorSpace::Gray, moxcms::Layout::Gray, moxcms::Layout::Gray, from),
            Layout::GreyAlpha => {
                (DataColorSpace::Gray, moxcms::Layout::GrayAlpha, moxcms::Layout::GrayAlpha, from)
            }
            Layout::Rgb => (DataColorSpace::Rgb, moxcms::Layout::Rgb, moxcms::Layout::Rgb, from),
            Layout::Rgba => (DataColorSpace::Rgb, moxcms::Layout::Rgba, moxcms::Layout::Rgba, from),
            Layout::Cmyk => (DataColorSpace::Cmyk, moxcms::Layout::Rgba, moxcms::Layout::Rgb, Layout::Rgb),
        };
        if source.color_space != space {
            return None;
        }
        let target = if space == DataColorSpace::Gray { grey_srgb() } else { ColorProfile::new_srgb() };
        let executor = source
            .create_transform_8bit(source_layout, &target, target_layout, TransformOptions::default())
            .ok()?;
        let conversion = Self { executor, to };
        (from != to || !conversion.is_identity(from)).then_some(conversion)
    }

    /// Tries the conversion on a grid of colours.
    fn is_identity(&self, layout: Layout) -> bool {
        let channels = layout.channels();
        let steps: Vec<u8> = (0..=255).step_by(51).collect();
        let mut samples = Vec::new();
        if channels < 3 {
            for value in 0..=255 {
                samples.extend_from_slice(&[value, 255][..channels]);
            }
        } else {
            for &red in &steps {
                for &green in &steps {
                    for &blue in &steps {
                        samples.extend_from_slice(&[red, green, blue, 255][..channels]);
                    }
                }
            }
        }
        let mut converted = vec![0; samples.len()];
        self.executor.transform(&samples, &mut converted).is_ok()
            && samples.iter().zip(&converted).all(|(a, b)| a.abs_diff(*b) <= SAME)
    }

    /// Converts in bands inside the picture's own buffer: a result never has more samples than its source.
    fn apply(&self, pixels: Pixels) -> Result<Pixels, Error> {
        let Pixels { width, height, layout, mut data } = pixels;
        let (read, write) = (layout.channels(), self.to.channels());
        let count = data.len() / read;
        let mut band = vec![0; BAND * read];
        let mut converted = vec![0; BAND * write];
        for start in (0..count).step_by(BAND) {
            let length = BAND.min(count - start);
            let (band, converted) = (&mut band[..length * read], &mut converted[..length * write]);
            band.copy_from_slice(&data[start * read..][..length * read]);
            self.executor
                .transform(band, converted)
                .map_err(|error| Error::Bug(format!("colour conversion: {error}")))?;
            data[start * write..][..length * write].copy_from_slice(converted);
        }
        data.truncate(count * write);
        Ok(Pixels::from_data(width, height, self.to, data))
    }
}

/// Grey with the tone curve of sRGB.
fn grey_srgb() -> ColorProfile {
    let mut profile = ColorProfile::new_gray_with_gamma(2.2);
    profile.gray_trc = ColorProfile::new_srgb().red_trc;
    profile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{CancelToken, Limits};

    fn convert(layout: Layout, data: Vec<u8>, icc: Option<Vec<u8>>) -> Pixels {
        let width = (data.len() / layout.channels()) as u32;
        to_srgb(Decoded { pixels: Pixels::from_data(width, 1, layout, data), icc }).unwrap()
    }

    #[test]
    fn srgb_and_broken_profiles_change_nothing() {
        let data: Vec<u8> = (0..=254).collect();
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        for icc in [None, Some(srgb.clone()), Some(srgb[..100].to_vec()), Some(vec![7; 300])] {
            assert_eq!(convert(Layout::Rgb, data.clone(), icc).data, data);
        }
    }

    #[test]
    fn a_wide_profile_is_applied_and_alpha_kept() {
        let icc = ColorProfile::new_display_p3().encode().unwrap();
        let green = convert(Layout::Rgba, vec![100, 200, 100, 77, 0, 0, 0, 0], Some(icc)).data;
        // Display P3 (100,200,100) lies at about (50,203,88) in sRGB.
        assert!(green[0] < 80 && green[1] >= 200 && green[2] < 98, "{green:?}");
        assert_eq!((green[3], green[7]), (77, 0));
    }

    #[test]
    fn a_grey_profile_is_applied_and_grey_stays_grey() {
        let icc = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        let grey = convert(Layout::GreyAlpha, vec![55, 9, 255, 255], Some(icc));
        assert_eq!(grey.layout, Layout::GreyAlpha);
        // Linear 55/255 is 128 in sRGB.
        assert!(grey.data[0].abs_diff(128) <= 2, "{:?}", grey.data);
        assert_eq!((grey.data[1], grey.data[2]), (9, 255));
    }

    #[test]
    fn a_profile_for_other_pixels_is_ignored() {
        let icc = ColorProfile::new_display_p3().encode().unwrap();
        assert_eq!(convert(Layout::Grey, vec![1, 2, 3], Some(icc)).data, [1, 2, 3]);
    }

    /// A profile of a press: what is seen (L*, a*, b*) of no ink, of each of cyan, magenta, yellow and black, and nothing but
    /// means between (ICC.1:2022, 10.10).
    fn press() -> Vec<u8> {
        let mut tag = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
        for place in 0..9 {
            tag.extend(if place % 4 == 0 { 0x1_0000_u32 } else { 0 }.to_be_bytes());
        }
        for _ in 0..4 {
            tag.extend(0..=255);
        }
        let inks = [(100.0, 0.0, 0.0), (-45.0, -37.0, -50.0), (-52.0, 74.0, -3.0), (-11.0, -5.0, 93.0)];
        for corner in 0..16 {
            let [cyan, magenta, yellow, black] = [8, 4, 2, 1].map(|bit| corner & bit != 0);
            let on = |ink: (f64, f64, f64), there| if there { ink } else { (0.0, 0.0, 0.0) };
            let parts = [inks[0], on(inks[1], cyan), on(inks[2], magenta), on(inks[3], yellow)];
            let sum = parts
                .iter()
                .fold((0.0, 0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1, sum.2 + part.2));
            let (l, a, b) = if black { (5.0, 0.0, 0.0) } else { sum };
            tag.extend([
                (l * 2.55_f64).clamp(0.0, 255.0) as u8,
                (a + 128.0) as u8,
                (b + 128.0).clamp(0.0, 255.0) as u8,
            ]);
        }
        for _ in 0..3 {
            tag.extend(0..=255);
        }
        let mut profile = vec![0; 128];
        profile[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
        for (at, word) in [(12, b"prtr"), (16, b"CMYK"), (20, b"Lab "), (36, b"acsp")] {
            profile[at..at + 4].copy_from_slice(word);
        }
        // D50.
        profile[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
        profile.extend(1_u32.to_be_bytes());
        profile.extend(b"A2B0");
        profile.extend(144_u32.to_be_bytes());
        profile.extend((tag.len() as u32).to_be_bytes());
        profile.extend(tag);
        let len = (profile.len() as u32).to_be_bytes();
        profile[..4].copy_from_slice(&len);
        profile
    }

    #[test]
    fn ink_goes_by_its_profile() {
        let inks = [[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255]];
        let found = convert(Layout::Cmyk, inks.concat(), Some(press()));
        assert_eq!(found.layout, Layout::Rgb);
        let [paper, cyan, magenta, yellow, black] = found.data.as_chunks::<3>().0 else {
            panic!("{found:?}")
        };
        assert!(paper.iter().all(|&sample| sample >= 250), "{paper:?}");
        assert!(black.iter().all(|&sample| sample <= 30), "{black:?}");
        // What the press shows of each, which the plain formula takes for 0,255,255 and so on.
        assert!(cyan[0] < 60 && (110..170).contains(&cyan[1]) && cyan[2] > 190, "{cyan:?}");
        assert!(magenta[0] > 190 && magenta[1] < 60 && (90..150).contains(&magenta[2]), "{magenta:?}");
        assert!(yellow[0] > 220 && yellow[1] > 200 && yellow[2] < 60, "{yellow:?}");
    }

    #[test]
    fn ink_in_a_file_goes_by_the_profile_beside_it() {
        let ink = Pixels::from_data(16, 16, Layout::Cmyk, [[255, 0, 0, 0]; 256].concat());
        let jpeg = crate::encode::samples::cmyk_jpeg(&ink);
        let segment = [&b"ICC_PROFILE\0\x01\x01"[..], &press()].concat();
        let len = (segment.len() as u16 + 2).to_be_bytes();
        let source = [&jpeg[..2], &[0xFF, 0xE2], &len, &segment, &jpeg[2..]].concat();
        for json in [r#"{"format":"png"}"#, r#"{"format":"png","width":8}"#] {
            let request: crate::Transformation = serde_json::from_str(json).unwrap();
            let output =
                crate::transform(&source, None, &request, &Limits::default(), &CancelToken::new()).unwrap();
            let [r, g, b] = image::load_from_memory(&output.bytes).unwrap().into_rgb8().get_pixel(4, 4).0;
            assert!(r < 60 && (110..170).contains(&g) && b > 190, "{json}: {r},{g},{b}");
        }
    }

    #[test]
    fn ink_without_a_profile() {
        let rgb = convert(Layout::Cmyk, vec![0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0], None);
        assert_eq!(rgb.layout, Layout::Rgb);
        assert_eq!(rgb.data, [255, 255, 255, 0, 0, 0, 0, 255, 255]);
    }
}
