//! Requests for transformations, what tells one from another, and why one is not accepted.

use pixmill_engine::{Error as EngineError, FieldError, Transformation};

use crate::batch::Batch;
use crate::capacity::Full;
use crate::content::ContentHash;
use crate::idempotency::OnceError;
use crate::ids::{ImageId, JobId};
use crate::job::Job;
use crate::ports::PortError;
use crate::quotas::QuotaError;

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// The source.
    pub image: ImageId,
    /// Which version of it; the current one when absent.
    pub version: Option<u32>,
    /// What to do.
    pub transformation: Transformation,
    /// Whether the result becomes a version of the image.
    pub save: bool,
}

/// A request for several results of one source. Each is a job of its own; one worker makes them together where it can.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchSubmission {
    /// The source.
    pub image: ImageId,
    /// Which version of it; the current one when absent.
    pub version: Option<u32>,
    /// The results: one to [`Batch::MOST`].
    pub outputs: Vec<Wanted>,
}

/// One result that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// What to do.
    pub transformation: Transformation,
    /// Whether the result becomes a version of the image.
    pub save: bool,
}

/// Why a request was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The user has no such image.
    #[error("there is no image with this id")]
    UnknownImage,
    /// Values that can't be used, alone or with this image.
    #[error("the transformation can't be applied")]
    Invalid(Vec<FieldError>),
    /// The result would be over a limit.
    #[error(transparent)]
    Engine(EngineError),
    /// The user has as much as they may have.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// The service has as many jobs as it takes on.
    #[error(transparent)]
    Full(#[from] Full),
    /// Another request has the idempotency key.
    #[error(transparent)]
    Once(#[from] OnceError),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Submission {
    /// Tells requests apart: equal ones ask for the same.
    pub(crate) fn fingerprint(&self) -> ContentHash {
        let Self { image, version, transformation, save } = self;
        let asked = (image, version, transformation.clone().canonical(), save);
        ContentHash::of(&serde_json::to_vec(&asked).expect("a transformation is plain data"))
    }
}

impl From<Submission> for BatchSubmission {
    fn from(submission: Submission) -> Self {
        let Submission { image, version, transformation, save } = submission;
        Self { image, version, outputs: vec![Wanted { transformation, save }] }
    }
}

impl BatchSubmission {
    /// Tells requests apart: equal ones ask for the same, in the same order.
    pub(crate) fn fingerprint(&self) -> ContentHash {
        let Self { image, version, outputs } = self;
        let outputs: Vec<_> = outputs
            .iter()
            .map(|Wanted { transformation, save }| (transformation.clone().canonical(), save))
            .collect();
        let asked = (image, version, outputs);
        ContentHash::of(&serde_json::to_vec(&asked).expect("a transformation is plain data"))
    }

    /// The jobs of this request, if `first` is the id of the first.
    pub(crate) fn batch(&self, first: JobId) -> Batch {
        Batch { first, size: self.outputs.len() }
    }

    /// Whether this request could have been accepted with `job` for its output at `place`.
    pub(crate) fn is_for(&self, place: usize, job: &Job) -> bool {
        let Self { image, version, outputs } = self;
        *image == job.image
            && version.is_none_or(|version| version == job.source_version)
            && job.batch.map_or(1, |batch| batch.size) == outputs.len()
            && outputs[place].transformation.clone().canonical() == job.transformation
            && outputs[place].save == job.save
    }
}

impl From<EngineError> for SubmitError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Invalid(fields) => Self::Invalid(fields),
            other => Self::Engine(other),
        }
    }
}

/// How errors name the fields of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The request is its only output.
    Single,
    /// The outputs are a list in the request.
    List,
}

impl Form {
    /// What is wrong with the output at `place`, added to what is wrong with others; or else the error, if it can't be.
    pub(crate) fn note(
        self,
        place: usize,
        error: EngineError,
        wrong: &mut Vec<FieldError>,
    ) -> Result<(), SubmitError> {
        match (self, error) {
            (Self::Single, EngineError::Invalid(fields)) => wrong.extend(fields),
            (Self::Single, error) => return Err(error.into()),
            (Self::List, EngineError::Invalid(fields)) => {
                let named = |FieldError { field, detail }| {
                    let dot = if field.is_empty() { "" } else { "." };
                    FieldError::new(format!("outputs[{place}]{dot}{field}"), detail)
                };
                wrong.extend(fields.into_iter().map(named));
            }
            (Self::List, error) => {
                wrong.push(FieldError::new(format!("outputs[{place}]"), error.to_string()));
            }
        }
        Ok(())
    }
}
