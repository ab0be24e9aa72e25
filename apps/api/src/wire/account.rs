//! Registration, login, and one's own account.

use pixmill::{Role, User};
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
}

impl AccountView {
    pub(crate) fn new(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            role: user.role.into(),
            created_at: DateTime(user.created_at),
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
