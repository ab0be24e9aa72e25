//! What can go wrong with pixels, told apart by who must act: the person who sent the image, the person
//! who asked for the transformation, or us.

use crate::format::Format;

/// One value in a transformation that can't be used, with the path of the field as it is written in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path in camelCase, such as `crop.left` or `watermark.opacity`; empty where no single field is wrong.
    pub field: String,
    /// What was wrong and what would be right.
    pub detail: String,
}

impl FieldError {
    /// An error for `field`, with what was wrong and what would be right.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// Why the engine gave no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes begin like no format that the engine reads.
    #[error("not an image that can be read: {detail}; send JPEG, PNG, WebP, GIF or AVIF")]
    Unsupported {
        /// What the bytes look like instead, where that is known.
        detail: String,
    },
    /// The format is known, but the data is damaged or cut short.
    #[error("the {format} data can't be decoded: {detail}")]
    Undecodable {
        /// The format that the first bytes announce.
        format: Format,
        /// What the decoder found.
        detail: String,
    },
    /// The image, or the result asked for, is larger than the configured limits.
    #[error("{what} is {actual}, over the limit of {limit}")]
    LimitExceeded {
        /// What was measured, for example `image area in pixels`.
        what: &'static str,
        /// The value found.
        actual: u64,
        /// The largest value allowed.
        limit: u64,
    },
    /// The transformation can't be applied to this image.
    #[error("the transformation can't be applied: {}", describe(.0))]
    Invalid(Vec<FieldError>),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The time limit passed.
    #[error("took longer than the time limit")]
    TimedOut,
    /// The engine or a codec failed on input that it should have handled.
    #[error("internal engine failure: {0}")]
    Bug(String),
}

fn describe(errors: &[FieldError]) -> String {
    let describe = |error: &FieldError| match error.field.as_str() {
        "" => error.detail.clone(),
        field => format!("{field}: {}", error.detail),
    };
    errors.iter().map(describe).collect::<Vec<_>>().join("; ")
}

impl Error {
    /// A stable word for programs, in `snake_case`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => "unsupported_format",
            Self::Undecodable { .. } => "undecodable",
            Self::LimitExceeded { .. } => "limit_exceeded",
            Self::Invalid(_) => "invalid_transformation",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Bug(_) => "engine_failure",
        }
    }
}
