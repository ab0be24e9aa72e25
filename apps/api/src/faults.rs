//! The core's errors as problems. Each has one place here where its status, its code and its words are chosen.

use std::time::Duration;

use pixmill::{
    ApiKeyName, COME_BACK, EngineError, Failure, Full, Job, JobState, LinkError, LoginError, MakeKeyError,
    OnceError, Password, PasswordChangeError, PasswordError, QuotaError, RegisterError, STRAGGLER_GRACE,
    SubmitError, UploadError, Username, UsernameError,
};
use pixmill::{FieldError, JobId, JobStatus};
use poem::http::StatusCode;

use crate::multipart::BodyError;
use crate::problem::Problem;
use crate::wire::api_key::ApiKeyRequest;

/// How long to wait before asking for a pending job again.
pub(crate) const POLL_AFTER: Duration = Duration::from_secs(1);

pub(crate) fn unknown_image() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown_image", "you have no image with this id")
}

pub(crate) fn unknown_version() -> Problem {
    let detail = "the image has no version with this number; GET /images/{id}/versions lists them";
    Problem::new(StatusCode::NOT_FOUND, "unknown_version", detail)
}

pub(crate) fn nothing_to_undo() -> Problem {
    let detail = "the current version is the upload; there is nothing to undo";
    Problem::new(StatusCode::CONFLICT, "nothing_to_undo", detail)
}

pub(crate) fn nothing_to_redo() -> Problem {
    let detail = "nothing was undone since a version was last saved or restored; there is nothing to redo";
    Problem::new(StatusCode::CONFLICT, "nothing_to_redo", detail)
}

pub(crate) fn unknown_job() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown_job", "you have no job with this id")
}

pub(crate) fn job_pending(job: JobId) -> Problem {
    let detail = format!("the job is not done yet; ask /api/JobStatus/{job} until it is");
    Problem::new(StatusCode::CONFLICT, "job_pending", detail).with_retry_after(POLL_AFTER)
}

pub(crate) fn job_failed(failure: &Failure) -> Problem {
    let detail = format!("the job failed ({}): {}", failure.code.name(), failure.detail);
    Problem::new(StatusCode::CONFLICT, "job_failed", detail)
}

pub(crate) fn job_cancelled() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "job_cancelled",
        "the job was cancelled and has no result; submit the transformation again",
    )
}

pub(crate) fn job_finished(status: JobStatus) -> Problem {
    let detail =
        format!("the job is {} already; only queued and running jobs can be cancelled", status.name());
    Problem::new(StatusCode::CONFLICT, "job_finished", detail)
}

/// A job that can't be opened anew, or not yet.
pub(crate) fn no_dead_letter(job: &Job) -> Problem {
    let refused = |detail: String| Problem::new(StatusCode::CONFLICT, "no_dead_letter", detail);
    match (&job.state, job.dead_letter()) {
        (_, Some(_)) => {
            let detail = "what the job's attempts left is removed ten minutes after its end; only then can it be opened anew";
            Problem::new(StatusCode::CONFLICT, "not_cleared", detail).with_retry_after(STRAGGLER_GRACE)
        }
        (JobState::Failed { failure }, None) => {
            let code = failure.code.name();
            refused(format!(
                "the job would fail again ({code}); only another request by its owner can mend that"
            ))
        }
        _ => refused(format!("the job is {}; only a failed one can be opened anew", job.status().name())),
    }
}

pub(crate) fn result_expired() -> Problem {
    let detail = "the result was not saved, and its time has passed; submit the transformation again";
    Problem::new(StatusCode::GONE, "result_expired", detail)
}

/// A name and a password that a user can register with, or what is wrong with either.
pub(crate) fn credentials(username: &str, password: &str) -> Result<(Username, Password), Problem> {
    match (Username::parse(username), Password::parse(password)) {
        (Ok(username), Ok(password)) => Ok((username, password)),
        (username, password) => {
            let username =
                username.err().map(|error: UsernameError| FieldError::new("username", error.to_string()));
            let password =
                password.err().map(|error: PasswordError| FieldError::new("password", error.to_string()));
            let detail = "the username or the password can't be used; errors says why";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_credentials", detail)
                .with_errors(username.into_iter().chain(password).collect()))
        }
    }
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Taken(_) => Self::new(StatusCode::CONFLICT, "username_taken", error.to_string()),
            RegisterError::Closed => {
                Self::new(StatusCode::FORBIDDEN, "registration_closed", error.to_string())
            }
            RegisterError::Port(error) => error.into(),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => login_refused(),
            LoginError::Disabled => Self::new(StatusCode::FORBIDDEN, "account_closed", error.to_string()),
            LoginError::Port(error) => error.into(),
        }
    }
}

impl From<PasswordChangeError> for Problem {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::Refused => {
                Self::new(StatusCode::FORBIDDEN, "wrong_password", error.to_string())
            }
            PasswordChangeError::Unknown => unknown_account(),
            PasswordChangeError::Port(error) => error.into(),
        }
    }
}

pub(crate) fn unknown_user() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown_user", "there is no user with this id")
}

/// Whoever locks themselves out can't open the door again.
pub(crate) fn own_account() -> Problem {
    let detail = "this is your own account; let another admin change its role, close or delete it";
    Problem::new(StatusCode::CONFLICT, "own_account", detail)
}

/// The account went while the request was on its way.
pub(crate) fn unknown_account() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown_account", "your account does not exist any more")
}

pub(crate) fn unknown_key() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown_key", "you have no API key with this id")
}

impl From<MakeKeyError> for Problem {
    fn from(error: MakeKeyError) -> Self {
        match error {
            MakeKeyError::NoScope => invalid_key(FieldError::new("scopes", error.to_string())),
            MakeKeyError::TooMany => Self::new(StatusCode::CONFLICT, "too_many_keys", error.to_string()),
            MakeKeyError::Port(error) => error.into(),
        }
    }
}

/// A name that a key can have, or what is wrong with it.
pub(crate) fn key_name(name: &str) -> Result<ApiKeyName, Problem> {
    ApiKeyName::parse(name).map_err(|error| invalid_key(FieldError::new("name", error.to_string())))
}

/// A time that a key may last, or what is wrong with it.
pub(crate) fn key_days(days: i64) -> Result<Duration, Problem> {
    let longest = ApiKeyRequest::MOST_DAYS;
    match u64::try_from(days) {
        Ok(days) if (1..=longest).contains(&days) => Ok(Duration::from_secs(days * 86_400)),
        _ => Err(invalid_key(FieldError::new("expiresInDays", format!("must be from 1 to {longest}")))),
    }
}

fn invalid_key(error: FieldError) -> Problem {
    let detail = "the key can't be made; errors says why";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_key", detail).with_errors(vec![error])
}

/// A password that can be used from now on, or what is wrong with it.
pub(crate) fn new_password(password: &str) -> Result<Password, Problem> {
    Password::parse(password).map_err(|error| {
        let detail = "the new password can't be used; errors says why";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_password", detail)
            .with_errors(vec![FieldError::new("newPassword", error.to_string())])
    })
}

/// One answer for all reasons, so that nobody learns which names exist.
pub(crate) fn login_refused() -> Problem {
    use poem::http::HeaderValue;
    use poem::http::header::WWW_AUTHENTICATE;

    Problem::new(StatusCode::UNAUTHORIZED, "login_refused", LoginError::Refused.to_string())
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"pixmill\""))
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", error.to_string())
            }
            UploadError::Image(error) => error.into(),
            UploadError::Interrupted(error) => match error.downcast::<BodyError>() {
                Ok(error) => error.into(),
                Err(error) => {
                    let detail = UploadError::Interrupted(error).to_string();
                    Self::new(StatusCode::BAD_REQUEST, "interrupted", detail)
                }
            },
            UploadError::Quota(error) => error.into(),
            UploadError::Once(error) => error.into(),
            UploadError::Deleted => Self::new(StatusCode::GONE, "upload_deleted", error.to_string()),
            UploadError::Port(error) => error.into(),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::UnknownImage => unknown_image(),
            SubmitError::Invalid(errors) => invalid_transformation(errors),
            SubmitError::Engine(error) => error.into(),
            SubmitError::Quota(error) => error.into(),
            SubmitError::Full(full) => full.into(),
            SubmitError::Once(error) => error.into(),
            SubmitError::Port(error) => error.into(),
        }
    }
}

impl From<QuotaError> for Problem {
    fn from(error: QuotaError) -> Self {
        match error {
            QuotaError::Bytes(_) | QuotaError::Images(_) => {
                Self::new(StatusCode::FORBIDDEN, "quota_exceeded", error.to_string())
            }
            QuotaError::OpenJobs(_) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_jobs", error.to_string())
                    .with_retry_after(POLL_AFTER)
            }
        }
    }
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "queue_full", full.to_string()).with_retry_after(COME_BACK)
    }
}

impl From<OnceError> for Problem {
    fn from(error: OnceError) -> Self {
        match error {
            OnceError::InFlight => Self::new(StatusCode::CONFLICT, "request_in_flight", error.to_string())
                .with_retry_after(POLL_AFTER),
            OnceError::Reused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", error.to_string())
            }
        }
    }
}

/// Values that can't be used, alone or with this image.
pub(crate) fn invalid_transformation(errors: Vec<FieldError>) -> Problem {
    let detail = "the transformation can't be applied; errors says why";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_transformation", detail).with_errors(errors)
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let status = match error {
            EngineError::Unsupported { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            EngineError::Undecodable { .. } | EngineError::LimitExceeded { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            EngineError::Invalid(errors) => return invalid_transformation(errors),
            _ => return Self::internal().with_cause(error),
        };
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        let code = match error {
            LinkError::Expired => "link_expired",
            LinkError::Forged => "link_invalid",
        };
        Self::new(StatusCode::FORBIDDEN, code, error.to_string())
    }
}
