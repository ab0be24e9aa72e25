//! Registration and login.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::{Deserialize, Serialize};

use crate::wire::given;

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
    /// `Login successful`.
    pub(crate) message: String,
}
