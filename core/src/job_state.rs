//! Where a job stands, and the lease of whoever is at it.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::random_bytes;
use crate::job::Output;
use crate::time::Timestamp;

/// Where a job stands. It only ever moves towards one of the last three.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "name")]
pub enum JobState {
    /// Waits for a worker, at the earliest at `not_before`.
    #[serde(rename_all = "camelCase")]
    Queued {
        /// Set between attempts.
        not_before: Timestamp,
    },
    /// A worker holds the lease.
    Running {
        /// Whose turn it is, and until when.
        lease: Lease,
    },
    /// The result exists.
    Completed {
        /// The result.
        output: Output,
    },
    /// It will not be tried again.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// The user, or the deletion of the image, ended it.
    Cancelled,
}

/// The states by name, for filters and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobStatus {
    /// Waits for a worker.
    Queued,
    /// A worker is at it.
    Running,
    /// The result exists.
    Completed,
    /// It will not be tried again.
    Failed,
    /// Ended before it was done.
    Cancelled,
}

impl JobStatus {
    /// Whether no further change can come.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The name used in requests and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A worker's right to a job, until it expires or is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// Proves the right: whoever claims the job later gets another token, and this one stops working.
    pub token: LeaseToken,
    /// When somebody else may claim the job.
    pub expires_at: Timestamp,
}

/// A fencing token: random, so that no two claims ever share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseToken(u64);

impl LeaseToken {
    pub(crate) fn random() -> Self {
        // 63 bits, because stores without unsigned integers must be able to keep it.
        Self(u64::from_be_bytes(random_bytes()) >> 1)
    }
}
