//! The normal form of a transformation: two requests that ask for the same thing in other words become equal.

use crate::color::css;
use crate::encode::default_quality;
use crate::format::Format;
use crate::transformation::{Fit, Position, Transformation, Watermark};

impl Transformation {
    /// The same transformation in its one normal form: equal results have equal forms, so its JSON can be hashed.
    ///
    /// Defaults and values without effect are left out, `watermarkText` becomes `watermark`, angles lie in
    /// 0..360, quarter turns and mirrorings are written in one way, colours as `#rrggbbaa`. Text stays as it
    /// is. Values that [`Transformation::validate`] refuses are kept.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mut form = self.clone();
        canonical_resize(&mut form);
        canonical_turn(&mut form);
        form.background = canonical_colour(form.background.take()).filter(|colour| !is_transparent(colour));
        canonical_encoding(&mut form);
        form.keep_copyright &= !form.keep_metadata;
        form.keep_profile = form.keeps_profile();
        if form.watermark.is_none()
            && let Some(text) = form.watermark_text.take()
        {
            let opacity = form.watermark_opacity.take();
            form.watermark = Some(Watermark { text: Some(text), opacity, ..Watermark::default() });
        }
        form.watermark = form.watermark.map(canonical_watermark);
        form
    }
}

fn canonical_resize(form: &mut Transformation) {
    let both = form.width.is_some() && form.height.is_some();
    if form.width.is_none() && form.height.is_none() {
        form.without_enlargement = false;
    }
    // With one side only `fill` differs from the others; with both, `cover` is the default.
    form.fit = form.fit.filter(|&fit| if both { fit != Fit::Cover } else { fit == Fit::Fill });
    let has_place = both && matches!(form.fit, None | Some(Fit::Contain));
    form.position = form.position.filter(|&position| has_place && position != Position::Centre);
}

/// Quarter turns and mirrorings make the eight symmetries of a rectangle; each gets one form. At other angles
/// resampling comes between, so that they are left as they are.
fn canonical_turn(form: &mut Transformation) {
    form.rotation = canonical_angle(form.rotation);
    let mut angle = form.rotation.unwrap_or(0.0);
    if angle % 90.0 != 0.0 {
        return;
    }
    if form.flip {
        // Mirroring top to bottom is half a turn and mirroring left to right.
        angle = (angle + 180.0) % 360.0;
        form.flip = false;
        form.flop = !form.flop;
    }
    if form.flop && same(angle, 180.0) {
        (angle, form.flip, form.flop) = (0.0, true, false);
    }
    form.rotation = Some(angle).filter(|&angle| angle != 0.0);
}

/// The angle in 0..360, absent for 0.
fn canonical_angle(angle: Option<f64>) -> Option<f64> {
    let angle = angle?;
    let turned = angle.rem_euclid(360.0);
    // A tiny negative angle is rounded up to 360 itself.
    Some(turned).filter(|&turned| turned != 0.0 && !same(turned, 360.0))
}

fn canonical_encoding(form: &mut Transformation) {
    form.palette &= form.format != Some(Format::Gif);
    match form.format {
        Some(format @ (Format::Png | Format::Gif)) => {
            form.quality = None;
            form.lossless &= format != Format::Png;
        }
        _ if form.lossless => form.quality = None,
        Some(format) => form.quality = form.quality.filter(|&quality| quality != default_quality(format)),
        None => {}
    }
}

fn canonical_watermark(mut watermark: Watermark) -> Watermark {
    watermark.position =
        watermark.position.filter(|&position| position != Position::Centre && !watermark.tile);
    watermark.size = watermark.size.filter(|&size| !same(size, 0.5));
    watermark.opacity = watermark.opacity.filter(|&opacity| !same(opacity, 0.5));
    watermark.rotation = canonical_angle(watermark.rotation);
    watermark.colour = canonical_colour(watermark.colour.take());
    watermark.image_id = watermark.image_id.map(|id| id.to_ascii_lowercase());
    watermark
}

fn canonical_colour(colour: Option<String>) -> Option<String> {
    let colour = colour?;
    Some(css::parse(&colour).map_or(colour, css::print))
}

/// Whether two numbers are the same to the last bit.
fn same(a: f64, b: f64) -> bool {
    a.total_cmp(&b).is_eq()
}

fn is_transparent(colour: &str) -> bool {
    css::parse(colour).is_some_and(|[.., alpha]| alpha == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let form = serde_json::from_str::<Transformation>(json).unwrap().canonical();
        assert_eq!(serde_json::to_string(&form).unwrap(), expected, "{json}");
        assert_eq!(form.canonical(), form, "a normal form is its own normal form: {json}");
    }

    #[test]
    fn normal_forms() {
        check(r#"{"width":5,"fit":"cover","position":"top"}"#, r#"{"width":5}"#);
        check(r#"{"width":5,"height":5,"fit":"cover","position":"center"}"#, r#"{"width":5,"height":5}"#);
        check(r#"{"width":5,"fit":"fill"}"#, r#"{"width":5,"fit":"fill"}"#);
        check(r#"{"rotation":-90}"#, r#"{"rotation":270.0}"#);
        check(r#"{"rotation":720,"format":"jpg"}"#, r#"{"format":"jpeg"}"#);
        check(r#"{"rotation":-1e-30,"flip":true}"#, r#"{"flip":true}"#);
        check(r#"{"flip":true,"flop":true}"#, r#"{"rotation":180.0}"#);
        check(r#"{"rotation":90,"flip":true}"#, r#"{"rotation":270.0,"flop":true}"#);
        check(r#"{"rotation":180,"flop":true}"#, r#"{"flip":true}"#);
        check(r#"{"rotation":33,"flip":true,"flop":true}"#, r#"{"rotation":33.0,"flip":true,"flop":true}"#);
        check(r#"{"background":"Red"}"#, r##"{"background":"#ff0000ff"}"##);
        check(r#"{"background":"transparent","flip":true}"#, r#"{"flip":true}"#);
        check(r#"{"format":"png","quality":3,"lossless":true}"#, r#"{"format":"png"}"#);
        check(r#"{"format":"gif","palette":true}"#, r#"{"format":"gif"}"#);
        check(r#"{"format":"png","palette":true}"#, r#"{"format":"png","palette":true}"#);
        check(
            r#"{"width":5,"keepMetadata":true,"keepCopyright":true}"#,
            r#"{"width":5,"keepMetadata":true}"#,
        );
        check(r#"{"grayscale":true,"keepProfile":true}"#, r#"{"grayscale":true}"#);
        check(r#"{"format":"gif","keepProfile":true}"#, r#"{"format":"gif"}"#);
        check(r#"{"format":"png","keepProfile":true}"#, r#"{"format":"png","keepProfile":true}"#);
        check(r#"{"watermarkText":" a ","watermarkOpacity":0.5}"#, r#"{"watermark":{"text":" a "}}"#);
        check(
            r#"{"watermark":{"text":"a","size":0.5,"position":"top","tile":true,"colour":"WHITE"}}"#,
            r##"{"watermark":{"text":"a","colour":"#ffffffff","tile":true}}"##,
        );
    }

    #[test]
    fn values_that_are_refused_are_kept() {
        let odd = Transformation {
            rotation: Some(f64::NAN),
            background: Some("reddish".into()),
            ..Transformation::default()
        };
        let form = odd.canonical();
        assert!(form.rotation.is_some_and(f64::is_nan));
        assert_eq!(form.background.as_deref(), Some("reddish"));
    }
}
