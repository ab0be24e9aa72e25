//! Registration, login, and one's own account.

use pixmill::{Role, Usage, User, UserQuota};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use crate::wire::given;
use crate::wire::time::DateTime;

/// A user's name and password.
#[derive(Object, Deserialize)]
#[oai(deny_unknown_fields, example)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// 3 to 64 letters, digits and `. _ @ + -`. Two names that differ in case alone are the same name.
    #[oai(validator(min_length = 3, max_length = 64))]
    pub(crate) username: String,
    /// 8 to 128 characters.
    #[oai(validator(min_length = 8, max_length = 128))]
    #[serde(deserialize_with = "given::secret")]
    pub(crate) password: String,
}

impl Example for Credentials {
    fn example() -> Self {
        Self { username: "XYZ".to_owned(), password: "strongPassword!".to_owned() }
    }
}

/// The user exists now.
#[derive(Object, Serialize)]
pub(crate) struct Registered {
    /// `User registered successfully`.
    pub(crate) message: String,
}

/// The user is known.
#[derive(Object, Serialize)]
pub(crate) struct LoggedIn {
    /// A JSON Web Token, to be sent as `Authorization: Bearer <token>`.
    pub(crate) token: String,
    /// `Login successful` or `Password changed`.
    pub(crate) message: String,
}

/// A new password, by somebody who knows the present one.
#[derive(Object, Deserialize)]
#[oai(deny_unknown_fields, rename_all = "camelCase", example)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct PasswordChange {
    /// The password as it is.
    #[serde(deserialize_with = "given::secret")]
    pub(crate) current_password: String,
    /// The password as it is to be: 8 to 128 characters.
    #[oai(validator(min_length = 8, max_length = 128))]
    #[serde(deserialize_with = "given::secret")]
    pub(crate) new_password: String,
}

impl Example for PasswordChange {
    fn example() -> Self {
        Self { current_password: "strongPassword!".to_owned(), new_password: "strongerPassword!".to_owned() }
    }
}

/// A user's own account.
#[derive(Object, Serialize)]
#[oai(rename = "Account", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    /// 24 hexadecimal characters.
    pub(crate) id: String,
    /// The name as it was registered.
    pub(crate) username: String,
    /// What the user may do.
    pub(crate) role: RoleName,
    /// When the user registered.
    pub(crate) created_at: DateTime,
    /// What the user has.
    pub(crate) usage: UsageView,
    /// What the user may have.
    pub(crate) quota: QuotaView,
}

/// What a user has.
#[derive(Object, Serialize)]
#[oai(rename = "Usage", rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(crate) struct UsageView {
    /// Bytes of all versions of all images.
    pub(crate) bytes: u64,
    /// Images.
    pub(crate) images: u64,
    /// Jobs that wait or run.
    pub(crate) open_jobs: u64,
}

impl From<Usage> for UsageView {
    fn from(Usage { bytes, images, open_jobs }: Usage) -> Self {
        Self { bytes, images, open_jobs }
    }
}

/// What a user may have at most. What is absent has no limit.
#[derive(Object, Serialize, Deserialize)]
#[oai(rename = "Quota", deny_unknown_fields, rename_all = "camelCase")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct QuotaView {
    /// Bytes of all versions of all images.
    #[serde(default, deserialize_with = "given::some", skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    /// Images.
    #[serde(default, deserialize_with = "given::some", skip_serializing_if = "Option::is_none")]
    pub(crate) images: Option<u64>,
    /// Jobs that wait or run at once.
    #[serde(default, deserialize_with = "given::some", skip_serializing_if = "Option::is_none")]
    pub(crate) open_jobs: Option<u64>,
}

impl From<UserQuota> for QuotaView {
    fn from(UserQuota { bytes, images, open_jobs }: UserQuota) -> Self {
        Self { bytes, images, open_jobs }
    }
}

impl From<QuotaView> for UserQuota {
    fn from(QuotaView { bytes, images, open_jobs }: QuotaView) -> Self {
        Self { bytes, images, open_jobs }
    }
}

impl AccountView {
    pub(crate) fn new(user: &User, usage: Usage, quota: UserQuota) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            role: user.role.into(),
            created_at: DateTime(user.created_at),
            usage: usage.into(),
            quota: quota.into(),
        }
    }
}

/// What a user may do: `user` what concerns their own things, `operator` also see all users and jobs and end jobs,
/// `admin` also change users.
#[derive(Enum, Serialize, Deserialize, Clone, Copy)]
#[oai(rename_all = "lowercase", rename = "Role")]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleName {
    User,
    Operator,
    Admin,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::User => Self::User,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::User => Self::User,
            RoleName::Operator => Self::Operator,
            RoleName::Admin => Self::Admin,
        }
    }
}
