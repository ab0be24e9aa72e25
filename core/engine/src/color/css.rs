//! CSS colours as people write them, to 8-bit sRGB with straight alpha.

/// Longest colour that is looked at; the longest sensible CSS colour is far shorter.
const MAX_LENGTH: usize = 100;

/// Red, green, blue and alpha, 0..=255; alpha is straight.
pub(crate) type Colour = [u8; 4];

/// The colour that `text` names, or nothing where it is no CSS colour.
pub(crate) fn parse(text: &str) -> Option<Colour> {
    if text.len() > MAX_LENGTH || !text.is_ascii() {
        return None;
    }
    let colour = csscolorparser::parse(text).ok()?;
    let channels = [colour.r, colour.g, colour.b, colour.a];
    channels.iter().all(|channel| channel.is_finite()).then(|| colour.to_rgba8())
}

/// The one way in which a colour is written in a normal form: `#rrggbbaa`.
pub(crate) fn print([red, green, blue, alpha]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}{alpha:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours() {
        assert_eq!(parse("white"), Some([255; 4]));
        assert_eq!(parse("rgb(255 0 0 / 50%)"), Some([255, 0, 0, 128]));
        assert_eq!(parse("#12345678").map(print).as_deref(), Some("#12345678"));
        assert_eq!(parse("transparent").map(|[.., alpha]| alpha), Some(0));
        for text in ["", "#12", "rgb()", "blåhvid", "rgb(from red r g b", &"(".repeat(5000)] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
