//! The body of every error answer.

use pixmill::FieldError;
use poem_openapi::Object;
use serde::Serialize;

/// An error, in the form of RFC 9457.
#[derive(Object, Serialize)]
#[oai(rename = "Problem", rename_all = "camelCase", skip_serializing_if_is_none)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProblemBody {
    /// Always `about:blank`: `code` tells problems apart.
    pub(crate) r#type: String,
    /// The meaning of the status, such as `Not Found`.
    pub(crate) title: String,
    /// The status, as in the status line.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    pub(crate) status: u16,
    /// A stable word for programs, such as `unknown_image`.
    pub(crate) code: String,
    /// A sentence for people: what was wrong and what would be right.
    pub(crate) detail: String,
    /// Names this request in the server's log.
    pub(crate) request_id: String,
    /// The fields that are wrong, where fields are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) errors: Option<Vec<FieldProblem>>,
}

/// One field that is wrong.
#[derive(Object, Serialize)]
pub(crate) struct FieldProblem {
    /// The path of the field, such as `crop.left`; empty if it is no single field.
    pub(crate) field: String,
    /// What was wrong and what would be right.
    pub(crate) detail: String,
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        let FieldError { field, detail } = error;
        Self { field, detail }
    }
}
