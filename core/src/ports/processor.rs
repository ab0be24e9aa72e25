//! Where pixels are worked on: on threads of this process, or in child processes that may die alone.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pixmill_engine::{Description, Error as EngineError, Format, Limits, Transformation};

use crate::ports::PortError;

/// One transformation to run.
#[derive(Debug, Clone)]
pub struct Work {
    /// The source file.
    pub source: Bytes,
    /// The file of the image that the watermark names.
    pub overlay: Option<Bytes>,
    /// What to do.
    pub transformation: Transformation,
    /// What it may cost.
    pub limits: Limits,
    /// How long it may take, once it has begun.
    pub time_limit: Duration,
}

/// Several transformations of one source, to run with one call of the engine.
#[derive(Debug, Clone)]
pub struct BatchWork {
    /// The source file.
    pub source: Bytes,
    /// The file of the image that the watermarks name.
    pub overlay: Option<Bytes>,
    /// What to do. Each result depends on all of them.
    pub transformations: Vec<Transformation>,
    /// The places of those whose results are needed now, each once.
    pub wanted: Vec<usize>,
    /// What each may cost, and what they may cost together while they are worked on.
    pub limits: Limits,
    /// How long all may take, once it has begun.
    pub time_limit: Duration,
}

/// The finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processed {
    /// The file.
    pub bytes: Bytes,
    /// Its format.
    pub format: Format,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Whether pixels may be transparent.
    pub alpha: bool,
}

/// One file to describe.
#[derive(Debug, Clone)]
pub struct ToDescribe {
    /// The file.
    pub source: Bytes,
    /// What it may cost.
    pub limits: Limits,
    /// How long it may take, once it has begun.
    pub time_limit: Duration,
}

/// Why there is no picture, or no description.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The engine refused the input, or ran out of time.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The process that worked on it died.
    #[error("the process working on the image died: {0}")]
    Crashed(String),
    /// The work could not be begun.
    #[error("the processor can't take the work")]
    Port(#[from] PortError),
}

/// Runs the engine.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Processor: Send + Sync + 'static {
    /// Transforms one image. Waits for its turn if all slots, or the memory they share, are taken.
    ///
    /// # Behavior
    /// - The bytes are those that [`pixmill_engine::transform`] gives.
    /// - An error of the engine comes back as it is.
    /// - Work that passes its time limit ends with [`EngineError::TimedOut`], soon after.
    /// - Work is done for many callers at once, and each gets its own result.
    ///
    /// # Cancellation
    /// Dropping the future stops the work as soon as the form of the processor allows, and frees its slot.
    async fn process(&self, work: Work) -> Result<Processed, ProcessError>;

    /// Transforms one image in several ways. Waits for its turn like one transformation.
    ///
    /// # Behavior
    /// - The results are those that [`pixmill_engine::transform_some`] gives, in the order of what is wanted, and what is
    ///   wrong with one alone is in its place.
    /// - An error of the whole comes back as it is.
    /// - What passes its time limit ends with [`EngineError::TimedOut`], soon after.
    ///
    /// # Cancellation
    /// As in [`Self::process`].
    async fn process_batch(
        &self,
        work: BatchWork,
    ) -> Result<Vec<Result<Processed, EngineError>>, ProcessError>;

    /// Describes one image. Waits for its turn like a transformation.
    ///
    /// # Behavior
    /// - The description is the one that [`pixmill_engine::describe`] gives.
    /// - An error of the engine comes back as it is.
    /// - What passes its time limit ends with [`EngineError::TimedOut`], soon after.
    ///
    /// # Cancellation
    /// As in [`Self::process`].
    async fn describe(&self, file: ToDescribe) -> Result<Description, ProcessError>;
}
