//! The request for a transformation, flat as it is documented, and its way into the core's terms.

pub(crate) mod batch;
mod names;
mod ranges;

use pixmill::{
    Crop, FieldError, Fit, Format, ImageId, Position, Submission, Transformation, Wanted, Watermark,
};
use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Deserialize;

use crate::wire::given;
use crate::wire::transform::names::{FitName, OutputFormat, PositionName};
use crate::wire::transform::ranges::{MAX_SIDE, Ranges};

/// Defines a body that asks for one result, with fields of its own behind those that all have.
macro_rules! body {
    ($(#[$about:meta])* $name:ident { $($(#[$meta:meta])* $own:ident: $type:ty,)* }) => {
        #[derive(Object, Deserialize)]
        $(#[$about])*
        #[oai(rename_all = "camelCase", deny_unknown_fields, skip_serializing_if_is_none)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(crate) struct $name {
            /// Width of the result before rotation, in pixels. Alone, the height follows the aspect ratio,
            /// but for the fit `fill`, which leaves it as it is.
            #[oai(validator(minimum(value = "1"), maximum(value = "16384")))]
            #[serde(default, deserialize_with = "given::some_whole")]
            width: Option<i64>,
            /// Height of the result before rotation, in pixels. Alone, the width follows the aspect ratio,
            /// but for the fit `fill`, which leaves it as it is.
            #[oai(validator(minimum(value = "1"), maximum(value = "16384")))]
            #[serde(default, deserialize_with = "given::some_whole")]
            height: Option<i64>,
            /// How the picture fills `width` × `height` when both are given; `cover` when absent.
            #[serde(default, deserialize_with = "given::some")]
            fit: Option<FitName>,
            /// Which part stays with `cover`, or where the picture lies with `contain`; `centre` when absent.
            /// `entropy` and `attention` need `cover` with both `width` and `height`.
            #[serde(default, deserialize_with = "given::some")]
            position: Option<PositionName>,
            /// Never make the picture larger than it is; false when absent.
            #[serde(default, deserialize_with = "given::some")]
            without_enlargement: Option<bool>,
            /// The part of the upright source to keep.
            #[serde(default, deserialize_with = "given::some_object")]
            crop: Option<CropBody>,
            /// Clockwise rotation in degrees, any angle.
            #[serde(default, deserialize_with = "given::some")]
            rotation: Option<f64>,
            /// Mirror top to bottom; false when absent.
            #[serde(default, deserialize_with = "given::some")]
            flip: Option<bool>,
            /// Mirror left to right; false when absent.
            #[serde(default, deserialize_with = "given::some")]
            flop: Option<bool>,
            /// Drop colour; false when absent.
            #[serde(default, deserialize_with = "given::some")]
            grayscale: Option<bool>,
            /// Gaussian blur: sigma in pixels of the result.
            #[oai(validator(minimum(value = "0.3"), maximum(value = "1000")))]
            #[serde(default, deserialize_with = "given::some")]
            blur: Option<f64>,
            /// Sharpen mildly; false when absent.
            #[serde(default, deserialize_with = "given::some")]
            sharpen: Option<bool>,
            /// CSS colour behind transparent pixels and beside the picture. Absent: white where the result has no alpha
            /// channel, transparent where it has one.
            #[serde(default, deserialize_with = "given::some")]
            background: Option<String>,
            /// Format of the result; the source's when absent. `jpg` is another name for `jpeg`.
            #[serde(default, deserialize_with = "given::some")]
            format: Option<OutputFormat>,
            /// Quality of a lossy format; a default for each format when absent. Where neither a `format` nor a change of the
            /// picture is asked for, it is the most: the result is not to be larger than the source.
            #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
            #[serde(default, deserialize_with = "given::some_whole")]
            quality: Option<i64>,
            /// Encode WebP or AVIF without loss; false when absent.
            #[serde(default, deserialize_with = "given::some")]
            lossless: Option<bool>,
            /// Write PNG with a palette of at most 256 colours where that makes the file smaller and the difference can't be
            /// seen; false when absent. For PNG, and without effect for GIF, which always has one.
            #[serde(default, deserialize_with = "given::some")]
            palette: Option<bool>,
            /// Text to write across the picture: the short form of `watermark`. Not together with `watermark`.
            #[oai(validator(min_length = 1, max_length = 500))]
            #[serde(default, deserialize_with = "given::some")]
            watermark_text: Option<String>,
            /// Opacity of `watermarkText`; 0.5 when absent.
            #[oai(validator(minimum(value = "0"), maximum(value = "1")))]
            #[serde(default, deserialize_with = "given::some")]
            watermark_opacity: Option<f64>,
            /// A watermark with all its settings.
            #[serde(default, deserialize_with = "given::some_object")]
            watermark: Option<WatermarkBody>,
            /// Keep EXIF, with GPS and all else that is in it; false when absent, and then all of it is dropped. JPEG, PNG and
            /// WebP have a place for it.
            #[serde(default, deserialize_with = "given::some")]
            keep_metadata: Option<bool>,
            /// Keep the copyright notice and the artist that EXIF names, and nothing else of it; false when absent. JPEG, PNG
            /// and WebP have a place for it.
            #[serde(default, deserialize_with = "given::some")]
            keep_copyright: Option<bool>,
            /// Keep the colours of the source and the ICC profile that tells of them; false when absent, and then colours are
            /// converted to sRGB, which clips those that it does not have. JPEG, PNG, WebP and AVIF have a place for it. GIF
            /// results, `grayscale` ones, and those of sources in grey or CMYK are always converted. `background` and a
            /// watermark are not adapted to it.
            #[serde(default, deserialize_with = "given::some")]
            keep_profile: Option<bool>,
            /// Whether the result becomes a version of the image. If not, it can be fetched for a while from
            /// `/images/transformedImage/{jobId}`.
            save_image: bool,
            $($(#[$meta])* $own: $type,)*
        }

        impl $name {
            /// One that asks for nothing.
            fn empty(save_image: bool, $($own: $type),*) -> Self {
                Self {
                    width: None,
                    height: None,
                    fit: None,
                    position: None,
                    without_enlargement: None,
                    crop: None,
                    rotation: None,
                    flip: None,
                    flop: None,
                    grayscale: None,
                    blur: None,
                    sharpen: None,
                    background: None,
                    format: None,
                    quality: None,
                    lossless: None,
                    palette: None,
                    watermark_text: None,
                    watermark_opacity: None,
                    watermark: None,
                    keep_metadata: None,
                    keep_copyright: None,
                    keep_profile: None,
                    save_image,
                    $($own,)*
                }
            }

            /// The result as the core takes it, and the fields of this body's own. `ranges` hears of what lies outside its
            /// range.
            fn into_wanted(self, ranges: &mut Ranges) -> (Wanted, ($($type,)*)) {
                let Self {
                    width,
                    height,
                    fit,
                    position,
                    without_enlargement,
                    crop,
                    rotation,
                    flip,
                    flop,
                    grayscale,
                    blur,
                    sharpen,
                    background,
                    format,
                    quality,
                    lossless,
                    palette,
                    watermark_text,
                    watermark_opacity,
                    watermark,
                    keep_metadata,
                    keep_copyright,
                    keep_profile,
                    save_image,
                    $($own,)*
                } = self;
                let transformation = Transformation {
                    width: width.map(|width| ranges.check("width", width, 1, MAX_SIDE)),
                    height: height.map(|height| ranges.check("height", height, 1, MAX_SIDE)),
                    fit: fit.map(Fit::from),
                    position: position.map(Position::from),
                    without_enlargement: without_enlargement.unwrap_or_default(),
                    crop: crop.map(|crop| crop.into_crop(ranges)),
                    rotation,
                    flip: flip.unwrap_or_default(),
                    flop: flop.unwrap_or_default(),
                    grayscale: grayscale.unwrap_or_default(),
                    blur,
                    sharpen: sharpen.unwrap_or_default(),
                    background,
                    format: format.map(Format::from),
                    quality: quality.map(|quality| ranges.check("quality", quality, 1, 100) as u8),
                    lossless: lossless.unwrap_or_default(),
                    palette: palette.unwrap_or_default(),
                    watermark_text,
                    watermark_opacity,
                    watermark: watermark.map(|watermark| watermark.into_watermark(ranges)),
                    keep_metadata: keep_metadata.unwrap_or_default(),
                    keep_copyright: keep_copyright.unwrap_or_default(),
                    keep_profile: keep_profile.unwrap_or_default(),
                };
                (Wanted { transformation, save: save_image }, ($($own,)*))
            }
        }
    };
}

body! {
    /// What to do with an image. At least one change is required; a `format` counts as one. The order is fixed:
    /// EXIF orientation, crop, resize, rotate, flip and flop, colour and filters, watermark, encode.
    #[oai(rename = "TransformRequest", example)]
    TransformBody {
        /// The version to start from; the current one when absent.
        #[oai(validator(minimum(value = "1")))]
        #[serde(default, deserialize_with = "given::some_whole")]
        version: Option<i64>,
    }
}

body! {
    /// One of several results: what to do with the image, as in a request for one result. At least one change is required; a
    /// `format` counts as one.
    #[oai(rename = "TransformOutput")]
    OutputBody {}
}

/// A rectangle in the upright source, in pixels.
#[derive(Object, Deserialize)]
#[oai(rename = "Crop", deny_unknown_fields)]
#[serde(deny_unknown_fields)]
struct CropBody {
    /// Pixels cut off on the left.
    #[oai(validator(minimum(value = "0")))]
    #[serde(deserialize_with = "given::whole")]
    left: i64,
    /// Pixels cut off at the top.
    #[oai(validator(minimum(value = "0")))]
    #[serde(deserialize_with = "given::whole")]
    top: i64,
    /// Width to keep.
    #[oai(validator(minimum(value = "1")))]
    #[serde(deserialize_with = "given::whole")]
    width: i64,
    /// Height to keep.
    #[oai(validator(minimum(value = "1")))]
    #[serde(deserialize_with = "given::whole")]
    height: i64,
}

/// Text or an image laid over the result: exactly one of `text` and `imageId`.
#[derive(Object, Deserialize)]
#[oai(rename = "Watermark", rename_all = "camelCase", deny_unknown_fields, skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WatermarkBody {
    /// Literal text; scaled and wrapped so that it always fits.
    #[oai(validator(min_length = 1, max_length = 500))]
    #[serde(default, deserialize_with = "given::some")]
    text: Option<String>,
    /// Id of an image of yours.
    #[serde(default, deserialize_with = "given::some")]
    image_id: Option<String>,
    /// Where it lies; `centre` when absent. `entropy` and `attention` do not apply.
    #[serde(default, deserialize_with = "given::some")]
    position: Option<PositionName>,
    /// Its width as a share of the picture's width; 0.5 when absent.
    #[oai(validator(minimum(value = "0", exclusive = true), maximum(value = "1")))]
    #[serde(default, deserialize_with = "given::some")]
    size: Option<f64>,
    /// CSS colour of the text; white with a dark outline when absent.
    #[serde(default, deserialize_with = "given::some")]
    colour: Option<String>,
    /// 0 (invisible) to 1 (solid); 0.5 when absent.
    #[oai(validator(minimum(value = "0"), maximum(value = "1")))]
    #[serde(default, deserialize_with = "given::some")]
    opacity: Option<f64>,
    /// Distance from the edges in pixels; 2 % of the shorter side when absent. With `tile` it is the gap between the
    /// copies, half their height when absent; they begin at least 16 pixels from each other.
    #[oai(validator(minimum(value = "0"), maximum(value = "16384")))]
    #[serde(default, deserialize_with = "given::some_whole")]
    margin: Option<i64>,
    /// Clockwise rotation in degrees.
    #[serde(default, deserialize_with = "given::some")]
    rotation: Option<f64>,
    /// Repeat it over the whole picture; false when absent.
    #[serde(default, deserialize_with = "given::some")]
    tile: Option<bool>,
}

impl TransformBody {
    /// The request as the core takes it, or every value that lies outside its range.
    pub(crate) fn into_submission(self, image: ImageId) -> Result<Submission, Vec<FieldError>> {
        let mut ranges = Ranges::default();
        let (Wanted { transformation, save }, (version,)) = self.into_wanted(&mut ranges);
        let version = version.map(|version| ranges.check("version", version, 1, u32::MAX));
        let Ranges(mut errors) = ranges;
        if errors.is_empty() {
            return Ok(Submission { image, version, transformation, save });
        }
        // Everything that is wrong at once, so that nobody has to try field by field.
        errors.extend(transformation.validate().err().unwrap_or_default());
        Err(errors)
    }
}

impl CropBody {
    fn into_crop(self, ranges: &mut Ranges) -> Crop {
        let Self { left, top, width, height } = self;
        Crop {
            left: ranges.check("crop.left", left, 0, u32::MAX),
            top: ranges.check("crop.top", top, 0, u32::MAX),
            width: ranges.check("crop.width", width, 1, u32::MAX),
            height: ranges.check("crop.height", height, 1, u32::MAX),
        }
    }
}

impl WatermarkBody {
    fn into_watermark(self, ranges: &mut Ranges) -> Watermark {
        let Self { text, image_id, position, size, colour, opacity, margin, rotation, tile } = self;
        Watermark {
            text,
            image_id,
            position: position.map(Position::from),
            size,
            colour,
            opacity,
            margin: margin.map(|margin| ranges.check("watermark.margin", margin, 0, MAX_SIDE)),
            rotation,
            tile: tile.unwrap_or_default(),
        }
    }
}

impl Example for TransformBody {
    fn example() -> Self {
        Self {
            width: Some(300),
            height: Some(200),
            rotation: Some(90.0),
            watermark_text: Some("XYZ creations".to_owned()),
            watermark_opacity: Some(0.9),
            ..Self::empty(false, None)
        }
    }
}
