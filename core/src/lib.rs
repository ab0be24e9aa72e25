//! Pixmill as a library: users, images and their versions, and transformations that run as asynchronous jobs,
//! over [ports] that adapters fill.
//!
//! The core decides and does no I/O of its own: it needs no runtime, opens no socket and reads no clock.
//! [`Services`] is the way in; give it one adapter for each of the [`Ports`], and run [`Worker::run`] and
//! [`Sweeper::run`] on any executor. To change pixels without users and jobs, use [`engine`] alone:
//!
//! ```
//! use pixmill::engine::{CancelToken, Format, Limits, Transformation, transform};
//!
//! # fn thumbnail(photo: &[u8]) -> Result<Vec<u8>, pixmill::EngineError> {
//! let request = Transformation { width: Some(300), format: Some(Format::Webp), ..Transformation::default() };
//! let result = transform(photo, None, &request, &Limits::default(), &CancelToken::new())?;
//! # Ok(result.bytes)
//! # }
//! ```

mod accounts;
mod api_key;
mod attempt;
mod batch;
mod capacity;
mod content;
mod dead_letters;
mod derivation;
mod describe;
mod failure;
mod history;
mod idempotency;
mod ids;
mod image;
mod job;
mod job_state;
mod keys;
mod library;
mod links;
mod live;
mod outbox;
pub mod ports;
mod process;
mod produce;
mod quotas;
mod results;
mod secret;
mod services;
mod settings;
mod submission;
mod submit;
mod sweep;
mod time;
mod turns;
mod upload;
mod user;
mod user_admin;
mod versions;
mod worker;

pub use accounts::{Accounts, LoginError, PasswordChangeError, RegisterError};
pub use api_key::{ApiKey, ApiKeyName, ApiKeyNameError, ApiKeyToken, KeyScope, ParseApiKeyError};
pub use batch::Batch;
pub use capacity::{COME_BACK, Capacity, Full};
pub use content::{BlobKey, BlobPrefix, Content, ContentHash, ParseBlobKeyError, ParseContentHashError};
pub use dead_letters::DeadLetters;
pub use derivation::Derivation;
pub use failure::{Failure, FailureCode, Redrive};
pub use history::{History, Step, Stepped};
pub use idempotency::{IdempotencyKey, IdempotencyKeyError, OnceError, OnceKey, OnceOperation};
pub use ids::{ApiKeyId, ImageId, JobId, MadeId, ParseIdError, UserId};
pub use image::{Image, NewVersion, Version};
pub use job::{Claim, ClaimTerms, Job, Outcome, Output, QUEUE_PATIENCE, STRAGGLER_GRACE};
pub use job_state::{JobState, JobStatus, Lease, LeaseToken};
pub use keys::{Keys, MakeKeyError};
pub use library::Library;
pub use links::{LinkError, LinkSigner, Links};
pub use live::{HEARTBEAT, Live, Update};
pub use pixmill_engine as engine;
pub use pixmill_engine::{
    CancelToken, Crop, Description, Error as EngineError, FieldError, Fit, Format, Header, Limits,
    Orientation, Position, Transformation, Watermark,
};
pub use process::{Process, Processing};
pub use quotas::{QuotaError, Quotas, Usage, UserQuota};
pub use results::{Results, TransformedImage};
pub use secret::Secret;
pub use services::{Ports, Services, WorkerServices};
pub use settings::Settings;
pub use submission::{BatchSubmission, Submission, SubmitError, Wanted};
pub use submit::Submissions;
pub use sweep::{Sweeper, Swept};
pub use time::Timestamp;
pub use turns::Turns;
pub use upload::{UploadError, Uploads};
pub use user::{Password, PasswordError, PasswordHash, Role, User, UserChange, Username, UsernameError};
pub use user_admin::UserAdmin;
pub use versions::Versions;
pub use worker::Worker;
