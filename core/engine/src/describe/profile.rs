//! The name of a colour profile.

use moxcms::{ColorProfile, ProfileText};

/// Names are for people; what is longer is cut.
const LONGEST: usize = 80;

/// What the profile calls itself, in English where it speaks several languages.
pub(super) fn name(icc: &[u8]) -> Option<String> {
    let text = match ColorProfile::new_from_slice(icc).ok()?.description? {
        ProfileText::PlainString(text) => text,
        ProfileText::Description(text) => text.ascii_string,
        ProfileText::Localizable(texts) => {
            let english = texts.iter().position(|text| text.language == "en").unwrap_or(0);
            texts.into_iter().nth(english)?.value
        }
    };
    let name: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use moxcms::LocalizableString;

    use super::*;

    fn named(description: impl Into<Option<ProfileText>>) -> Vec<u8> {
        let mut profile = ColorProfile::new_srgb();
        profile.description = description.into();
        profile.encode().unwrap()
    }

    fn localizable(texts: &[(&str, &str)]) -> ProfileText {
        let text = |&(language, value): &(&str, &str)| {
            LocalizableString::new(language.to_owned(), "XX".to_owned(), value.to_owned())
        };
        ProfileText::Localizable(texts.iter().map(text).collect())
    }

    #[test]
    fn english_is_preferred() {
        assert_eq!(
            name(&named(localizable(&[("de", "Farbe"), ("en", "Colour")]))).as_deref(),
            Some("Colour")
        );
        assert_eq!(name(&named(localizable(&[("de", "Farbe")]))).as_deref(), Some("Farbe"));
    }

    #[test]
    fn a_name_is_one_short_line_or_none() {
        assert_eq!(name(&named(localizable(&[("en", " a\n\0b ")]))).as_deref(), Some("ab"));
        assert_eq!(name(&named(localizable(&[("en", &"x".repeat(500))]))).unwrap().len(), LONGEST);
        assert_eq!(name(&named(localizable(&[("en", "\n")]))), None);
        assert_eq!(name(&named(None)), None);
        assert_eq!(name(b"no profile"), None);
    }
}
