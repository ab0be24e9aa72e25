//! Users and jobs as operators and admins see them.

use pixmill::{Job, User};
use poem_openapi::Object;
use poem_openapi::types::{Example, MaybeUndefined};
use serde::{Deserialize, Serialize};

use crate::wire::account::{QuotaView, RoleName};
use crate::wire::given;
use crate::wire::job::JobView;
use crate::wire::time::DateTime;

/// A user.
#[derive(Object, Serialize)]
#[oai(rename = "User", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    /// The id: 24 hexadecimal characters.
    pub(crate) id: String,
    /// The name as it was registered.
    pub(crate) username: String,
    /// What the user may do.
    pub(crate) role: RoleName,
    /// Whether the account is closed: nobody can log in to it, and its tokens and keys do not work.
    pub(crate) disabled: bool,
    /// When the user registered.
    pub(crate) created_at: DateTime,
    /// The user's own quota; absent if everybody's holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quota: Option<QuotaView>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.into(),
            role: user.role.into(),
            disabled: user.disabled,
            created_at: DateTime(user.created_at),
            quota: user.quota.map(QuotaView::from),
        }
    }
}

/// One page of users.
#[derive(Object, Serialize)]
pub(crate) struct UserList {
    /// The users, newest first.
    pub(crate) items: Vec<UserView>,
    /// If there are more: what to pass as `after` to get them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A user to be added.
#[derive(Object, Deserialize)]
#[oai(deny_unknown_fields, example)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// 3 to 64 letters, digits and `. _ @ + -`. Two names that differ in case alone are the same name.
    #[oai(validator(min_length = 3, max_length = 64))]
    pub(crate) username: String,
    /// 8 to 128 characters.
    #[oai(validator(min_length = 8, max_length = 128))]
    #[serde(deserialize_with = "given::secret")]
    pub(crate) password: String,
    /// What the user may do.
    pub(crate) role: RoleName,
}

impl Example for NewUser {
    fn example() -> Self {
        let (username, password) = ("XYZ".to_owned(), "strongPassword!".to_owned());
        Self { username, password, role: RoleName::Operator }
    }
}

/// What to change about a user; what is absent stays.
#[derive(Object, Deserialize)]
#[oai(deny_unknown_fields, example)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPatch {
    /// What the user may do from now on.
    #[serde(default, deserialize_with = "given::some")]
    pub(crate) role: Option<RoleName>,
    /// Whether the account is closed from now on. Closing it ends every login.
    #[serde(default, deserialize_with = "given::some")]
    pub(crate) disabled: Option<bool>,
    /// What the user may have from now on, instead of what everybody may; null for what everybody may.
    #[serde(default)]
    pub(crate) quota: MaybeUndefined<QuotaView>,
}

impl Example for UserPatch {
    fn example() -> Self {
        Self { role: None, disabled: Some(true), quota: MaybeUndefined::Undefined }
    }
}

/// A job of some user.
#[derive(Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnedJob {
    /// Whose job.
    pub(crate) user_id: String,
    /// The job, without a link to what it saved.
    pub(crate) job: JobView,
    /// How often it had failed and was opened anew.
    #[oai(validator(minimum(value = "0")))]
    pub(crate) redrives: u32,
}

impl From<Job> for OwnedJob {
    fn from(job: Job) -> Self {
        let redrives = u32::try_from(job.generation()).unwrap_or(u32::MAX);
        Self { user_id: job.owner.to_string(), job: JobView::new(job, None), redrives }
    }
}

/// One page of jobs.
#[derive(Object, Serialize)]
pub(crate) struct OwnedJobList {
    /// The jobs, newest first.
    pub(crate) items: Vec<OwnedJob>,
    /// If there are more: what to pass as `after` to get them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
