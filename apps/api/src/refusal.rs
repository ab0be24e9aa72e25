//! Problems in the types of operations, so that the document lists for each operation the errors it can answer.

use poem::Error;
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponses, Registry};
use poem_openapi::types::Type;

use crate::problem::{self, Problem};
use crate::reply::{header, response};
use crate::wire::problem::ProblemBody;

/// 400.
pub(crate) const MALFORMED: u16 = 1;
/// 401.
pub(crate) const UNAUTHENTICATED: u16 = 1 << 1;
/// 403.
pub(crate) const FORBIDDEN: u16 = 1 << 2;
/// 404.
pub(crate) const UNKNOWN: u16 = 1 << 3;
/// 408.
pub(crate) const SLOW: u16 = 1 << 4;
/// 409.
pub(crate) const CONFLICT: u16 = 1 << 5;
/// 410.
pub(crate) const GONE: u16 = 1 << 6;
/// 413.
pub(crate) const TOO_LARGE: u16 = 1 << 7;
/// 415.
pub(crate) const UNSUPPORTED: u16 = 1 << 8;
/// 416.
pub(crate) const OUT_OF_RANGE: u16 = 1 << 9;
/// 422.
pub(crate) const IMPOSSIBLE: u16 = 1 << 10;
/// 429.
pub(crate) const TOO_MANY: u16 = 1 << 11;
/// 500 and 503: possible wherever a port is called.
const FAULT: u16 = 1 << 12;

/// What can go wrong with a JSON body before its values are looked at.
pub(crate) const JSON_BODY: u16 = MALFORMED | SLOW | TOO_LARGE | UNSUPPORTED;

const STATUSES: [(u16, u16, &str); 14] = [
    (
        MALFORMED,
        400,
        "The request is malformed: bad syntax, a wrong type, an unknown, repeated or missing field.",
    ),
    (UNAUTHENTICATED, 401, "Nobody is logged in by what was sent."),
    // Also what a key has no scope for.
    (FORBIDDEN | UNAUTHENTICATED, 403, "This is not allowed."),
    (UNKNOWN, 404, "There is nothing with this id, or it is not yours."),
    (SLOW, 408, "The body took too long to arrive."),
    (CONFLICT, 409, "It can't be done in the present state; code says why."),
    (GONE, 410, "It was there, and its time has passed."),
    (TOO_LARGE, 413, "The body is larger than allowed."),
    (UNSUPPORTED, 415, "The body has a type, or a format, that is not read."),
    (OUT_OF_RANGE, 416, "The range lies outside the file."),
    (IMPOSSIBLE, 422, "The request is well-formed, but its values can't be used; errors names the fields."),
    (TOO_MANY, 429, "Too many requests; Retry-After says when to come back."),
    (FAULT, 500, "A fault of the server."),
    (FAULT, 503, "The server can't answer at the moment; Retry-After says when to come back."),
];

/// A problem of an operation that can answer those in `WHICH`, and faults of the server.
pub(crate) struct Refusal<const WHICH: u16>(Problem);

impl<const WHICH: u16, P: Into<Problem>> From<P> for Refusal<WHICH> {
    fn from(problem: P) -> Self {
        Self(problem.into())
    }
}

impl<const WHICH: u16> From<Refusal<WHICH>> for Error {
    fn from(refusal: Refusal<WHICH>) -> Self {
        refusal.0.into()
    }
}

impl<const WHICH: u16> ApiResponse for Refusal<WHICH> {
    fn meta() -> MetaResponses {
        let listed = STATUSES.iter().filter(|(which, ..)| (WHICH | FAULT) & which != 0);
        let responses = listed
            .map(|&(_, status, description)| {
                let schema = ProblemBody::schema_ref();
                let content = vec![MetaMediaType { content_type: problem::MEDIA_TYPE, schema }];
                response(status, description, content, headers(status))
            })
            .collect();
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

fn headers(status: u16) -> Vec<MetaHeader> {
    match status {
        401 => vec![header::<String>("WWW-Authenticate", "How to log in.")],
        409 => vec![header::<Option<u32>>("Retry-After", "If it may change: seconds to wait.")],
        429 => vec![
            header::<u32>("Retry-After", "Seconds to wait."),
            header::<Option<String>>("RateLimit", "What is left, such as \"write\";r=0;t=900."),
            header::<Option<String>>("RateLimit-Policy", "What is allowed, such as \"write\";q=100;w=900."),
        ],
        503 => vec![header::<u32>("Retry-After", "Seconds to wait.")],
        _ => vec![],
    }
}
