//! AVIF: the first frame, through libavif and libaom.
//!
//! Rotation and mirroring (`irot`, `imir`) are reported as an orientation and not applied to the pixels; EXIF
//! orientation has no say in this format. A clean aperture is ignored. 10 and 12 bits are rounded to 8. Colours that are
//! told by number and not by a profile get one.

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, LocalizableString, MatrixCoefficients, ProfileText,
    TransferCharacteristics,
};

use super::head::{Head, Stop};
use super::libavif::{Container, Found, Parsed};
use super::{Announced, Decoded, undecodable};
use crate::error::Error;
use crate::format::Format;
use crate::header::{Header, Orientation};
use crate::limits::{CancelToken, Limits, at_most};

pub(super) fn inspect(head: &Head<'_>, limits: &Limits) -> Result<Announced, Stop> {
    let mut container = Container::new(head.bytes(), head.is_complete(), head.max(), false, limits)?;
    let found = match container.parse() {
        Parsed::Ready(found) => found,
        Parsed::More(bytes) => return Err(Stop::More(bytes)),
        Parsed::TooLong(bytes) => {
            at_most("header size in bytes", bytes, head.max() as u64)?;
            return Err(head.bad("its header is too long"));
        }
        Parsed::Broken(detail) => return Err(head.bad(detail)),
    };
    at_most("ICC profile in bytes", found.icc_bytes as u64, limits.max_icc_bytes as u64)?;
    Ok(Announced {
        width: found.width,
        height: found.height,
        frames: found.frames,
        orientation: orientation(&found),
        alpha: found.alpha,
    })
}

/// Bytes a pixel that libaom holds for an ordinary picture, for one of more than 8 bits, and for alpha, which is a picture of
/// its own.
pub(super) const PICTURE: u64 = 18;
const DEEP: u64 = 24;
pub(super) const ALPHA: u64 = 15;

/// Bytes a pixel that libaom holds while it decodes this file.
pub(super) fn held_bytes(source: &[u8]) -> u64 {
    let limits = Limits::default();
    let Ok(mut container) = Container::new(source, true, source.len(), false, &limits) else {
        return PICTURE;
    };
    match container.parse() {
        Parsed::Ready(found) => {
            let picture = if found.deep { DEEP } else { PICTURE };
            picture + if found.alpha { ALPHA } else { 0 }
        }
        _ => PICTURE,
    }
}

/// The EXIF value for: rotate counter-clockwise by quarter turns, then mirror.
fn orientation(found: &Found) -> Orientation {
    let value = match (found.quarter_turns & 3, found.mirror_axis) {
        (0, None) => 1,
        (1, None) => 8,
        (2, None) => 3,
        (_, None) => 6,
        // Axis 0 exchanges top and bottom, any other left and right.
        (0, Some(0)) | (2, Some(1..)) => 4,
        (0 | 2, Some(_)) => 2,
        (1, Some(0)) | (3, Some(1..)) => 5,
        (_, Some(_)) => 7,
    };
    Orientation::from_exif(value).unwrap_or(Orientation::UPRIGHT)
}

/// The EXIF of a whole file: a TIFF structure.
pub(super) fn exif(source: &[u8]) -> Option<Vec<u8>> {
    let mut container = Container::new(source, true, source.len(), true, &Limits::default()).ok()?;
    match container.parse() {
        Parsed::Ready(_) => container.exif(),
        _ => None,
    }
}

/// Whether the picture of a whole file has more than brightness.
pub(super) fn has_colour(source: &[u8]) -> bool {
    let container = Container::new(source, true, source.len(), false, &Limits::default());
    container.is_ok_and(|mut container| matches!(container.parse(), Parsed::Ready(found) if !found.grey))
}

/// The profile of a whole file.
pub(super) fn icc(source: &[u8], limits: &Limits) -> Result<Option<Vec<u8>>, Error> {
    let mut container = Container::new(source, true, source.len(), false, limits)?;
    let Parsed::Ready(found) = container.parse() else { return Ok(None) };
    at_most("ICC profile in bytes", found.icc_bytes as u64, limits.max_icc_bytes as u64)?;
    Ok(profile(&container, &found))
}

/// The profile that is embedded, or that of the colours that are told by number.
fn profile(container: &Container<'_>, found: &Found) -> Option<Vec<u8>> {
    container.icc().or_else(|| numbered_profile(found.primaries, found.transfer))
}

/// The profile of colours that are told by their numbers in ITU-T H.273, as files without a profile do. Nothing for what is
/// sRGB or is taken for it, as other decoders do with the curves of television, and for what is brighter than any profile can
/// say (PQ and HLG), which is shown as it is stored.
fn numbered_profile(primaries: u16, transfer: u16) -> Option<Vec<u8>> {
    let (color_primaries, name) = match primaries {
        9 => (CicpColorPrimaries::Bt2020, "BT.2020"),
        11 => (CicpColorPrimaries::Smpte431, "DCI-P3"),
        12 => (CicpColorPrimaries::Smpte432, "Display P3"),
        _ => (CicpColorPrimaries::Bt709, "sRGB"),
    };
    let (transfer_characteristics, curve) = match transfer {
        4 => (TransferCharacteristics::Bt470M, ", gamma 2.2"),
        5 => (TransferCharacteristics::Bt470Bg, ", gamma 2.8"),
        8 => (TransferCharacteristics::Linear, ", linear"),
        16 | 18 => return None,
        _ => (TransferCharacteristics::Srgb, ""),
    };
    if color_primaries == CicpColorPrimaries::Bt709 && curve.is_empty() {
        return None;
    }
    let mut profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries,
        transfer_characteristics,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    let name = LocalizableString::new("en".into(), "US".into(), format!("{name}{curve}"));
    profile.description = Some(ProfileText::Localizable(vec![name]));
    profile.encode().ok()
}

pub(super) fn decode(
    source: &[u8],
    header: &Header,
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Decoded, Error> {
    let mut container = Container::new(source, true, source.len(), false, limits)?;
    let broken = |detail: String| undecodable(Format::Avif, detail);
    let found = match container.parse() {
        Parsed::Ready(found) => found,
        Parsed::Broken(detail) => return Err(broken(detail)),
        Parsed::More(_) | Parsed::TooLong(_) => return Err(broken("it is cut short".into())),
    };
    if (found.width, found.height) != (header.width, header.height) {
        return Err(broken("it has two headers that disagree".into()));
    }
    at_most("ICC profile in bytes", found.icc_bytes as u64, limits.max_icc_bytes as u64)?;
    cancel.check()?;
    container.decode(&found)?;
    cancel.check()?;
    let pixels = container.pixels(&found)?;
    cancel.check()?;
    Ok(Decoded { pixels, icc: profile(&container, &found) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color;
    use crate::encode::samples::{file, gradient};
    use crate::pixels::{Layout, Pixels};

    /// A file whose colours have these numbers.
    fn numbered(pixels: &Pixels, primaries: u8, transfer: u8) -> Vec<u8> {
        let mut file = file(pixels, Format::Avif);
        let at = file.windows(8).position(|part| part == b"colrnclx").unwrap() + 8;
        file[at..at + 4].copy_from_slice(&[0, primaries, 0, transfer]);
        file
    }

    #[test]
    fn colours_by_number_are_colours_by_a_profile() {
        let limits = Limits::default();
        let pixels = gradient(24, 16, Layout::Rgb);
        for (primaries, transfer) in [(1, 13), (2, 2), (1, 1), (6, 6), (9, 16), (12, 18)] {
            assert_eq!(icc(&numbered(&pixels, primaries, transfer), &limits).unwrap(), None);
        }
        let converted =
            |icc: Vec<u8>| color::to_srgb(Decoded { pixels: pixels.clone(), icc: Some(icc) }).unwrap().data;
        for (primaries, like) in [
            (12, ColorProfile::new_display_p3()),
            (9, {
                let mut profile = ColorProfile::new_bt2020();
                let curve = ColorProfile::new_srgb().red_trc;
                (profile.red_trc, profile.green_trc, profile.blue_trc) =
                    (curve.clone(), curve.clone(), curve);
                profile.cicp = None;
                profile
            }),
        ] {
            let found = converted(icc(&numbered(&pixels, primaries, 13), &limits).unwrap().unwrap());
            let expected = converted(like.encode().unwrap());
            assert_ne!(found, pixels.data);
            let furthest = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(furthest <= Some(2), "primaries {primaries}: {furthest:?}");
        }
        let dark = converted(icc(&numbered(&pixels, 1, 8), &limits).unwrap().unwrap());
        assert!(dark.iter().zip(&pixels.data).all(|(linear, stored)| linear >= stored));
    }

    /// Applies the definition to a picture of 2 x 1, told apart by its corner positions.
    #[test]
    fn orientation_follows_the_definition() {
        for quarter_turns in 0..4u8 {
            for mirror_axis in [None, Some(0), Some(1)] {
                let found = Found {
                    width: 1,
                    height: 1,
                    frames: 1,
                    alpha: false,
                    deep: false,
                    grey: false,
                    icc_bytes: 0,
                    primaries: 1,
                    transfer: 13,
                    quarter_turns,
                    mirror_axis,
                };
                // Corners clockwise from the upper left.
                let mut corners = [0, 1, 2, 3];
                corners.rotate_left(usize::from(quarter_turns));
                match mirror_axis {
                    Some(0) => corners = [corners[3], corners[2], corners[1], corners[0]],
                    Some(_) => corners = [corners[1], corners[0], corners[3], corners[2]],
                    None => {}
                }
                // Which stored corners stand upper left and upper right for each EXIF value.
                let expected = match (corners[0], corners[1]) {
                    (0, 1) => 1,
                    (1, 0) => 2,
                    (2, 3) => 3,
                    (3, 2) => 4,
                    (0, 3) => 5,
                    (3, 0) => 6,
                    (2, 1) => 7,
                    (1, 2) => 8,
                    other => panic!("{other:?} is no orientation"),
                };
                assert_eq!(orientation(&found).exif(), expected, "{quarter_turns} {mirror_axis:?}");
            }
        }
    }
}
