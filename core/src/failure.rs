//! Why jobs fail, and whether it is worth another try.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word for programs.
    pub code: FailureCode,
    /// A sentence for people.
    pub detail: String,
}

impl Failure {
    /// A failure with its reason.
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// A failed job that an operator has opened anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    /// When.
    pub at: Timestamp,
    /// Why the job had failed.
    pub failure: Failure,
    /// How often it had been claimed since it was opened before.
    pub attempts: u32,
}

/// The reasons a job can fail for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The source, or the watermark's image, is damaged in a way that only decoding shows.
    Undecodable,
    /// The source or the result is over a limit.
    LimitExceeded,
    /// The transformation can't be applied to this image.
    InvalidTransformation,
    /// The stored source is gone.
    SourceMissing,
    /// Every attempt took longer than the time limit.
    TimedOut,
    /// Every attempt ended the process that worked on it.
    Crashed,
    /// A system that Pixmill depends on was away for too long.
    Unavailable,
    /// A fault of Pixmill itself.
    Internal,
}

impl FailureCode {
    /// Whether another attempt, under better circumstances, may succeed: such a failed job is a dead letter, which an
    /// operator can open anew. The others would fail in the same way for ever.
    pub fn may_pass(self) -> bool {
        match self {
            Self::Undecodable | Self::LimitExceeded | Self::InvalidTransformation | Self::SourceMissing => {
                false
            }
            Self::TimedOut | Self::Crashed | Self::Unavailable | Self::Internal => true,
        }
    }

    /// The word used in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::LimitExceeded => "limit_exceeded",
            Self::InvalidTransformation => "invalid_transformation",
            Self::SourceMissing => "source_missing",
            Self::TimedOut => "timed_out",
            Self::Crashed => "crashed",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}
