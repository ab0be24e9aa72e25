//! Jobs as clients see them: briefly, for polling, and in full.

use pixmill::{Failure, FailureCode, Job, JobState, JobStatus, Output};
use poem_openapi::{Enum, Object, Union};
use serde::Serialize;

use crate::wire::image::ImageFormat;
use crate::wire::time::DateTime;

/// The job is accepted.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct Submitted {
    /// `Job submitted successfully`.
    pub(crate) message: String,
    /// The id of the job: 24 hexadecimal characters.
    pub(crate) job_id: String,
}

/// The jobs are accepted.
#[derive(Object, Serialize)]
pub(crate) struct SubmittedBatch {
    /// `Jobs submitted successfully`.
    pub(crate) message: String,
    /// A job for each output, in the order of the request.
    pub(crate) jobs: Vec<SubmittedJob>,
}

/// One of several jobs that are accepted.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubmittedJob {
    /// The id of the job: 24 hexadecimal characters.
    pub(crate) job_id: String,
}

/// Where a job stands, for polling.
#[derive(Union, Serialize)]
#[oai(rename = "JobStatus", discriminator_name = "status", one_of)]
#[serde(rename_all = "lowercase", tag = "status")]
pub(crate) enum StatusView {
    #[oai(mapping = "pending")]
    Pending(Pending),
    #[oai(mapping = "completed")]
    Completed(Completed),
    #[oai(mapping = "failed")]
    Failed(Failed),
    #[oai(mapping = "cancelled")]
    Cancelled(Cancelled),
}

/// It waits or runs.
#[derive(Object, Serialize)]
#[oai(rename = "PendingJob")]
pub(crate) struct Pending {}

/// It is done.
#[derive(Object, Serialize)]
#[oai(rename = "CompletedJob", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct Completed {
    /// The id of the source image.
    pub(crate) image_id: String,
    /// A signed link to the result, if it was saved as a version of the image; null if it was not, and is to be
    /// fetched from `/images/transformedImage/{jobId}`.
    #[oai(nullable)]
    pub(crate) image_url: Option<String>,
}

/// It will not be tried again.
#[derive(Object, Serialize)]
#[oai(rename = "FailedJob")]
pub(crate) struct Failed {
    /// Why.
    pub(crate) error: JobError,
}

/// It was ended before it was done.
#[derive(Object, Serialize)]
#[oai(rename = "CancelledJob")]
pub(crate) struct Cancelled {}

impl StatusView {
    /// The status of `job`; `url` leads to what it saved.
    pub(crate) fn new(job: Job, url: Option<String>) -> Self {
        match job.state {
            JobState::Queued { .. } | JobState::Running { .. } => Self::Pending(Pending {}),
            JobState::Completed { .. } => {
                Self::Completed(Completed { image_id: job.image.to_string(), image_url: url })
            }
            JobState::Failed { failure } => Self::Failed(Failed { error: failure.into() }),
            JobState::Cancelled => Self::Cancelled(Cancelled {}),
        }
    }
}

/// Why a job failed.
#[derive(Object, Serialize)]
pub(crate) struct JobError {
    /// A stable word for programs.
    pub(crate) code: JobErrorCode,
    /// A sentence for people.
    pub(crate) detail: String,
}

impl From<Failure> for JobError {
    fn from(failure: Failure) -> Self {
        let Failure { code, detail } = failure;
        Self { code: code.into(), detail }
    }
}

/// The reasons a job can fail for.
#[derive(Enum, Serialize, Clone, Copy)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobErrorCode {
    Undecodable,
    LimitExceeded,
    InvalidTransformation,
    SourceMissing,
    TimedOut,
    Crashed,
    Unavailable,
    Internal,
}

impl From<FailureCode> for JobErrorCode {
    fn from(code: FailureCode) -> Self {
        match code {
            FailureCode::Undecodable => Self::Undecodable,
            FailureCode::LimitExceeded => Self::LimitExceeded,
            FailureCode::InvalidTransformation => Self::InvalidTransformation,
            FailureCode::SourceMissing => Self::SourceMissing,
            FailureCode::TimedOut => Self::TimedOut,
            FailureCode::Crashed => Self::Crashed,
            FailureCode::Unavailable => Self::Unavailable,
            FailureCode::Internal => Self::Internal,
        }
    }
}

/// The states of a job.
#[derive(Enum, Serialize, Clone, Copy)]
#[oai(rename = "JobState", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub(crate) enum StateName {
    Queued,
    Running,
    Completed,
    Failed,
    Cancelled,
}

impl From<JobStatus> for StateName {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Queued => Self::Queued,
            JobStatus::Running => Self::Running,
            JobStatus::Completed => Self::Completed,
            JobStatus::Failed => Self::Failed,
            JobStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// A job, in full.
#[derive(Object, Serialize)]
#[oai(rename = "Job", rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobView {
    /// The id: 24 hexadecimal characters.
    pub(crate) id: String,
    /// Where it stands.
    pub(crate) state: StateName,
    /// The id of the source image.
    pub(crate) image_id: String,
    /// How often it was begun.
    #[oai(validator(minimum(value = "0")))]
    pub(crate) attempts: u32,
    /// When it was submitted.
    pub(crate) created_at: DateTime,
    /// When its state last changed.
    pub(crate) updated_at: DateTime,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<JobError>,
    /// What it made, if it is completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<JobResult>,
}

impl JobView {
    /// A job; `url` leads to what it saved.
    pub(crate) fn new(job: Job, url: Option<String>) -> Self {
        let state = job.status().into();
        let (error, result) = match job.state {
            JobState::Failed { failure } => (Some(failure.into()), None),
            JobState::Completed { output } => (None, Some(JobResult::new(output, url))),
            JobState::Queued { .. } | JobState::Running { .. } | JobState::Cancelled => (None, None),
        };
        Self {
            id: job.id.to_string(),
            state,
            image_id: job.image.to_string(),
            attempts: job.attempts,
            created_at: DateTime(job.created_at),
            updated_at: DateTime(job.updated_at),
            error,
            result,
        }
    }
}

/// What a job made.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct JobResult {
    /// The format.
    pub(crate) format: ImageFormat,
    /// Width in pixels.
    #[oai(validator(minimum(value = "1")))]
    pub(crate) width: u32,
    /// Height in pixels.
    #[oai(validator(minimum(value = "1")))]
    pub(crate) height: u32,
    /// Size of the file in bytes.
    #[oai(validator(minimum(value = "0")))]
    pub(crate) bytes: u64,
    /// The version of the image that it was saved as; absent if it was not saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(validator(minimum(value = "1")))]
    pub(crate) version: Option<u32>,
    /// A signed link to that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

impl JobResult {
    fn new(output: Output, url: Option<String>) -> Self {
        let Output { content, version } = output;
        Self {
            format: content.format.into(),
            width: content.width,
            height: content.height,
            bytes: content.bytes,
            version,
            url,
        }
    }
}

/// Part of the list of jobs, newest first.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub(crate) struct JobList {
    /// The jobs.
    pub(crate) items: Vec<JobView>,
    /// If there are more: what to pass as `after` to get them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
