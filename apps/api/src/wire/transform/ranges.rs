//! The ranges of whole numbers in a request for a transformation.

use pixmill::FieldError;

/// Longest side that can be asked for, in pixels.
pub(crate) const MAX_SIDE: u32 = 16_384;

/// Collects whole numbers outside their ranges. The core's types could not even hold some of them.
#[derive(Default)]
pub(crate) struct Ranges(pub(crate) Vec<FieldError>);

impl Ranges {
    /// `value` if it lies in the range; otherwise a number that offends nobody, since the request is refused.
    pub(crate) fn check(&mut self, field: &str, value: i64, least: u32, most: u32) -> u32 {
        match u32::try_from(value) {
            Ok(value) if (least..=most).contains(&value) => value,
            _ => {
                self.0.push(FieldError::new(field, format!("must be {least}..={most}, not {value}")));
                1
            }
        }
    }
}
