//! What can be told of a transformation without an image: ranges and combinations. What depends on the image
//! (whether a crop lies inside it, whether the result is too large) is the plan's.

mod canonical;

use crate::color::css;
use crate::error::FieldError;
use crate::format::Format;
use crate::transformation::{Crop, Fit, Position, Transformation, Watermark};

/// Longest side that can be asked for, in pixels; a WebP can have one less.
const MAX_SIDE: u32 = 16_384;
/// Longest text of a watermark, in characters.
const MAX_TEXT: usize = 500;

impl Transformation {
    /// Checks every value against its range and every combination that can't work.
    ///
    /// All errors are collected. An error that belongs to no single field (nothing was asked for) has an
    /// empty field name.
    ///
    /// Combinations that merely have no effect are accepted: `fit` or an edge as `position` beside one size,
    /// `withoutEnlargement` without a size, `quality` beside a format that has none.
    ///
    /// # Errors
    /// One entry for each field that is wrong.
    pub fn validate(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = Errors::default();
        self.check_size(&mut errors);
        if let Some(crop) = self.crop {
            check_crop(crop, &mut errors);
        }
        errors.finite("rotation", self.rotation);
        errors.within("blur", self.blur, 0.3, 1000.0);
        errors.colour("background", self.background.as_deref());
        self.check_encoding(&mut errors);
        self.check_watermark(&mut errors);
        if errors.0.is_empty() && !self.asks_for_something() {
            errors.add(
                "",
                "nothing to do: set at least one of width, height, crop, rotation, flip, flop, grayscale, blur, \
                 sharpen, format, quality, lossless, palette, watermarkText, watermark and a background that can be \
                 seen",
            );
        }
        if errors.0.is_empty() { Ok(()) } else { Err(errors.0) }
    }

    fn check_size(&self, errors: &mut Errors) {
        for (field, value) in [("width", self.width), ("height", self.height)] {
            if let Some(value) = value
                && !(1..=MAX_SIDE).contains(&value)
            {
                errors.add(field, format!("must be 1..={MAX_SIDE}, not {value}"));
            }
        }
        let sizes = u8::from(self.width.is_some()) + u8::from(self.height.is_some());
        if sizes == 0 && self.fit.is_some() {
            errors.add("fit", "says how to fill width and height: set them, or leave fit out");
        }
        match self.position {
            Some(Position::Entropy | Position::Attention)
                if sizes < 2 || self.fit.unwrap_or_default() != Fit::Cover =>
            {
                errors.add("position", "entropy and attention need fit cover with both width and height");
            }
            Some(_) if sizes == 0 => {
                errors.add("position", "needs width and height: set them, or leave position out");
            }
            _ => {}
        }
    }

    fn check_encoding(&self, errors: &mut Errors) {
        if let Some(quality) = self.quality
            && !(1..=100).contains(&quality)
        {
            errors.add("quality", format!("must be 1..=100, not {quality}"));
        }
        if let Some(format) = self.format
            && self.lossless
            && let Some(error) = lossless_error(format)
        {
            errors.0.push(error);
        }
        if let Some(format) = self.format
            && self.palette
            && let Some(error) = palette_error(format)
        {
            errors.0.push(error);
        }
    }

    fn check_watermark(&self, errors: &mut Errors) {
        if let Some(text) = &self.watermark_text {
            errors.text("watermarkText", text);
            if self.watermark.is_some() {
                errors.add(
                    "watermarkText",
                    "can't be combined with watermark: put the text into watermark.text, or leave watermark out",
                );
            }
        } else if self.watermark_opacity.is_some() {
            errors.add("watermarkOpacity", "needs watermarkText; for watermark set watermark.opacity");
        }
        errors.within("watermarkOpacity", self.watermark_opacity, 0.0, 1.0);
        if let Some(watermark) = &self.watermark {
            check_watermark(watermark, errors);
        }
    }

    /// Whether anything is set that can change the picture or its encoding.
    fn asks_for_something(&self) -> bool {
        let canonical = self.canonical();
        let nothing = Self {
            keep_metadata: canonical.keep_metadata,
            keep_copyright: canonical.keep_copyright,
            keep_profile: canonical.keep_profile,
            ..Self::default()
        };
        canonical != nothing
    }
}

/// Why `format` can't be written without loss, if it can't. PNG always is without loss.
pub(crate) fn lossless_error(format: Format) -> Option<FieldError> {
    let detail = match format {
        Format::Png | Format::Webp | Format::Avif => return None,
        Format::Jpeg => "JPEG always loses detail: choose webp, avif or png as format, or leave lossless out",
        Format::Gif => {
            "GIF has at most 256 colours: choose webp, avif or png as format, or leave lossless out"
        }
    };
    Some(FieldError::new("lossless", detail))
}

/// Why `format` can't be written with a palette, if it can't.
pub(crate) fn palette_error(format: Format) -> Option<FieldError> {
    let detail = match format {
        Format::Png | Format::Gif => return None,
        other => format!("{other} has no palette: choose png as format, or leave palette out"),
    };
    Some(FieldError::new("palette", detail))
}

fn check_crop(crop: Crop, errors: &mut Errors) {
    for (field, value) in [("crop.width", crop.width), ("crop.height", crop.height)] {
        if value == 0 {
            errors.add(field, "must be at least 1, not 0");
        }
    }
}

fn check_watermark(watermark: &Watermark, errors: &mut Errors) {
    match (&watermark.text, &watermark.image_id) {
        (Some(_), Some(_)) => errors.add("watermark", "has both text and imageId: give exactly one of them"),
        (None, None) => errors.add("watermark", "has neither text nor imageId: give exactly one of them"),
        (Some(text), None) => errors.text("watermark.text", text),
        (None, Some(id)) => {
            if id.len() != 24 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                errors.add("watermark.imageId", "must be the id of an image: 24 hexadecimal characters");
            }
            if watermark.colour.is_some() {
                errors.add("watermark.colour", "only text has a colour: leave it out beside imageId");
            }
        }
    }
    if matches!(watermark.position, Some(Position::Entropy | Position::Attention)) {
        errors.add("watermark.position", "must be centre, an edge or a corner, not entropy or attention");
    }
    if let Some(size) = watermark.size
        && !(size > 0.0 && size <= 1.0)
    {
        errors.add("watermark.size", format!("must be over 0 and at most 1, not {size}"));
    }
    errors.colour("watermark.colour", watermark.colour.as_deref());
    errors.within("watermark.opacity", watermark.opacity, 0.0, 1.0);
    errors.finite("watermark.rotation", watermark.rotation);
    if let Some(margin) = watermark.margin
        && margin > MAX_SIDE
    {
        errors.add("watermark.margin", format!("must be 0..={MAX_SIDE}, not {margin}"));
    }
}

#[derive(Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    fn add(&mut self, field: &str, detail: impl Into<String>) {
        self.0.push(FieldError::new(field, detail));
    }

    fn finite(&mut self, field: &str, value: Option<f64>) {
        if let Some(value) = value
            && !value.is_finite()
        {
            self.add(field, format!("must be a finite number of degrees, not {value}"));
        }
    }

    fn within(&mut self, field: &str, value: Option<f64>, least: f64, most: f64) {
        // `contains` is false for NaN, which is what is wanted.
        if let Some(value) = value
            && !(least..=most).contains(&value)
        {
            self.add(field, format!("must be {least}..={most}, not {value}"));
        }
    }

    fn colour(&mut self, field: &str, value: Option<&str>) {
        if let Some(value) = value
            && css::parse(value).is_none()
        {
            self.add(field, "must be a CSS colour such as white, #ff8800 or rgb(255 136 0 / 50%)");
        }
    }

    fn text(&mut self, field: &str, text: &str) {
        let characters = text.chars().count();
        if text.trim().is_empty() {
            self.add(field, format!("must hold 1..={MAX_TEXT} characters that are not all blank"));
        } else if characters > MAX_TEXT {
            self.add(field, format!("must hold 1..={MAX_TEXT} characters, not {characters}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads JSON, validates it and compares the names of the fields that are wrong.
    fn check(json: &str, expected: &[&str]) {
        let transformation: Transformation = serde_json::from_str(json).unwrap();
        let errors = transformation.validate().err().unwrap_or_default();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, expected, "{json}: {errors:?}");
    }

    #[test]
    fn ranges() {
        check(r#"{"width":1,"height":16384}"#, &[]);
        check(r#"{"width":0,"height":16385}"#, &["width", "height"]);
        check(r#"{"blur":0.3}"#, &[]);
        check(r#"{"blur":0.29}"#, &["blur"]);
        check(r#"{"blur":1000.5,"quality":0}"#, &["blur", "quality"]);
        check(r#"{"quality":101}"#, &["quality"]);
        check(r#"{"crop":{"left":0,"top":0,"width":0,"height":0}}"#, &["crop.width", "crop.height"]);
        check(r#"{"background":"reddish"}"#, &["background"]);
        check(r##"{"background":"#fff"}"##, &[]);
        check(r#"{"background":"rgb(1 2 3/0)"}"#, &[""]);
        check(r#"{"background":"transparent","width":9}"#, &[]);
    }

    #[test]
    fn numbers_that_only_the_library_can_pass() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let transformation = Transformation {
                rotation: Some(value),
                blur: Some(value),
                watermark: Some(Watermark {
                    text: Some("x".into()),
                    size: Some(value),
                    opacity: Some(value),
                    rotation: Some(value),
                    ..Watermark::default()
                }),
                ..Transformation::default()
            };
            let fields: Vec<_> =
                transformation.validate().unwrap_err().into_iter().map(|error| error.field).collect();
            let expected = ["rotation", "blur", "watermark.size", "watermark.opacity", "watermark.rotation"];
            assert_eq!(fields, expected);
        }
    }

    #[test]
    fn fit_and_position() {
        check(r#"{"fit":"cover","grayscale":true}"#, &["fit"]);
        check(r#"{"position":"top","grayscale":true}"#, &["position"]);
        check(r#"{"fit":"inside","width":10}"#, &[]);
        check(r#"{"position":"attention","width":10}"#, &["position"]);
        check(r#"{"position":"entropy","width":10,"height":10,"fit":"contain"}"#, &["position"]);
        check(r#"{"position":"entropy","width":10,"height":10}"#, &[]);
        check(r#"{"withoutEnlargement":true,"grayscale":true}"#, &[]);
    }

    #[test]
    fn something_must_be_asked_for() {
        for json in [
            "{}",
            r#"{"keepMetadata":true}"#,
            r#"{"keepCopyright":true}"#,
            r#"{"keepProfile":true}"#,
            r#"{"rotation":0}"#,
            r#"{"rotation":-720}"#,
            r#"{"rotation":180,"flip":true,"flop":true}"#,
            r#"{"withoutEnlargement":true}"#,
        ] {
            check(json, &[""]);
        }
        for json in [r#"{"format":"jpg"}"#, r#"{"quality":80}"#, r#"{"lossless":true}"#, r#"{"rotation":1}"#]
        {
            check(json, &[]);
        }
    }

    #[test]
    fn lossless() {
        check(r#"{"lossless":true,"format":"jpeg"}"#, &["lossless"]);
        check(r#"{"lossless":true,"format":"gif"}"#, &["lossless"]);
        check(r#"{"lossless":true,"format":"png"}"#, &[]);
        check(r#"{"lossless":true,"format":"avif"}"#, &[]);
    }

    #[test]
    fn palettes() {
        check(r#"{"palette":true,"format":"png"}"#, &[]);
        check(r#"{"palette":true,"format":"gif"}"#, &[]);
        check(r#"{"palette":true}"#, &[]);
        check(r#"{"palette":true,"format":"webp"}"#, &["palette"]);
        check(r#"{"palette":true,"format":"jpeg","lossless":true}"#, &["lossless", "palette"]);
    }

    #[test]
    fn watermarks() {
        check(r#"{"watermarkText":" \n"}"#, &["watermarkText"]);
        check(r#"{"watermarkText":"a","watermark":{"text":"b"}}"#, &["watermarkText"]);
        check(r#"{"watermarkOpacity":0.5,"grayscale":true}"#, &["watermarkOpacity"]);
        check(r#"{"watermarkText":"a","watermarkOpacity":1.01}"#, &["watermarkOpacity"]);
        check(r#"{"watermark":{}}"#, &["watermark"]);
        check(r#"{"watermark":{"text":"a","imageId":"0123456789abcdef01234567"}}"#, &["watermark"]);
        check(r#"{"watermark":{"imageId":"0123456789abcdef01234567"}}"#, &[]);
        check(
            r#"{"watermark":{"imageId":"0123","colour":"red"}}"#,
            &["watermark.imageId", "watermark.colour"],
        );
        check(
            r#"{"watermark":{"text":"a","position":"attention","size":0}}"#,
            &["watermark.position", "watermark.size"],
        );
        let long = "ä".repeat(500);
        check(&format!(r#"{{"watermarkText":"{long}"}}"#), &[]);
        check(&format!(r#"{{"watermarkText":"{long}x"}}"#), &["watermarkText"]);
    }
}
