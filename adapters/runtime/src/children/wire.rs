//! The engine's errors in the form in which a child sends them to its parent.

use std::sync::{Mutex, PoisonError};

use pixmill::{EngineError, FieldError, Format};
use serde::{Deserialize, Serialize};

/// [`EngineError`], with its fields owned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WireError {
    Unsupported { detail: String },
    Undecodable { format: Format, detail: String },
    LimitExceeded { what: String, actual: u64, limit: u64 },
    Invalid(Vec<WireFieldError>),
    Cancelled,
    TimedOut,
    Bug(String),
}

/// [`FieldError`], likewise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WireFieldError {
    field: String,
    detail: String,
}

impl From<EngineError> for WireError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unsupported { detail } => Self::Unsupported { detail },
            EngineError::Undecodable { format, detail } => Self::Undecodable { format, detail },
            EngineError::LimitExceeded { what, actual, limit } => {
                Self::LimitExceeded { what: what.to_owned(), actual, limit }
            }
            EngineError::Invalid(fields) => Self::Invalid(fields.into_iter().map(Into::into).collect()),
            EngineError::Cancelled => Self::Cancelled,
            EngineError::TimedOut => Self::TimedOut,
            EngineError::Bug(message) => Self::Bug(message),
            // The engine may gain errors; one that is not known here still says what it has to say.
            other => Self::Bug(other.to_string()),
        }
    }
}

impl From<WireError> for EngineError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Unsupported { detail } => Self::Unsupported { detail },
            WireError::Undecodable { format, detail } => Self::Undecodable { format, detail },
            WireError::LimitExceeded { what, actual, limit } => {
                Self::LimitExceeded { what: intern(what), actual, limit }
            }
            WireError::Invalid(fields) => Self::Invalid(fields.into_iter().map(Into::into).collect()),
            WireError::Cancelled => Self::Cancelled,
            WireError::TimedOut => Self::TimedOut,
            WireError::Bug(message) => Self::Bug(message),
        }
    }
}

impl From<FieldError> for WireFieldError {
    fn from(FieldError { field, detail }: FieldError) -> Self {
        Self { field, detail }
    }
}

impl From<WireFieldError> for FieldError {
    fn from(WireFieldError { field, detail }: WireFieldError) -> Self {
        Self { field, detail }
    }
}

/// How many names of limits are kept. The engine has fewer; a child gone mad could send any number.
const MAX_NAMES: usize = 64;
/// The longest name that is kept, in bytes.
const MAX_NAME_LEN: usize = 128;

/// The name as a constant: the engine's names of limits are constants, and these few are kept for ever.
fn intern(name: String) -> &'static str {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    if names.len() == MAX_NAMES || name.len() > MAX_NAME_LEN {
        return "a measure of the image";
    }
    let name = name.leak();
    names.push(name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_arrives_as_it_was() {
        let errors = [
            EngineError::Unsupported { detail: "it looks like a PDF".into() },
            EngineError::Undecodable { format: Format::Webp, detail: "chunk cut short".into() },
            EngineError::LimitExceeded { what: "image side in pixels", actual: u64::MAX, limit: 16_384 },
            EngineError::Invalid(vec![
                FieldError::new("crop.left", "too far"),
                FieldError::new("blur", "too low"),
            ]),
            EngineError::Cancelled,
            EngineError::TimedOut,
            EngineError::Bug("a \"quoted\" message\nof two lines".into()),
        ];
        for error in errors {
            let json = serde_json::to_vec(&WireError::from(error.clone())).unwrap();
            let back: WireError = serde_json::from_slice(&json).unwrap();
            assert_eq!(EngineError::from(back), error);
        }
    }

    #[test]
    fn names_of_limits_are_kept_once_and_not_without_bound() {
        let first = intern("rows of the test".to_owned());
        let second = intern("rows of the test".to_owned());
        assert!(std::ptr::eq(first, second));
        assert_eq!(intern("x".repeat(MAX_NAME_LEN + 1)), "a measure of the image");
    }
}
