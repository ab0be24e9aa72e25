//! Parameters of paths, queries and headers, typed. An id in a path that can't be one is as unknown as any other; a query
//! that can't be read is malformed, and the answer names the parameter.

use std::str::FromStr;

use pixmill::{
    ApiKeyId, FieldError, IdempotencyKey, IdempotencyKeyError, ImageId, JobId, JobStatus, UserId, Version,
};
use poem::http::{HeaderName, StatusCode};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use crate::faults::{unknown_image, unknown_job, unknown_key, unknown_user, unknown_version};
use crate::problem::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An id in the path.
pub(crate) struct Path<T>(pub(crate) T);

/// What can be named in a path.
pub(crate) trait PathId: FromStr + Send {
    /// What the document says of it.
    fn schema() -> MetaSchema {
        id_schema()
    }

    /// The answer where there is nothing with such an id.
    fn unknown() -> Problem;
}

impl PathId for ImageId {
    fn unknown() -> Problem {
        unknown_image()
    }
}

impl PathId for JobId {
    fn unknown() -> Problem {
        unknown_job()
    }
}

impl PathId for UserId {
    fn unknown() -> Problem {
        unknown_user()
    }
}

impl PathId for ApiKeyId {
    fn unknown() -> Problem {
        unknown_key()
    }
}

/// The number of a version.
pub(crate) struct VersionNumber(pub(crate) u32);

impl FromStr for VersionNumber {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl PathId for VersionNumber {
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(f64::from(Version::FIRST)),
            ..MetaSchema::new_with_format("integer", "uint32")
        }
    }

    fn unknown() -> Problem {
        unknown_version()
    }
}

impl<'a, T: PathId> ApiExtractor<'a> for Path<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;

    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(inline(T::schema()))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let id = request.raw_path_param(options.name).and_then(|text| text.parse().ok());
        Ok(Self(id.ok_or_else(T::unknown)?))
    }
}

/// A parameter of the query, which may be absent.
pub(crate) struct Query<T>(pub(crate) Option<T>);

/// What can be given in a query.
pub(crate) trait QueryValue: Sized + Send {
    /// What the document says of it.
    fn schema() -> MetaSchema;

    /// Reads it, or says what would be right.
    fn parse(text: &str) -> Result<Self, &'static str>;
}

impl<'a, T: QueryValue> ApiExtractor<'a> for Query<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(inline(T::schema()))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let name = options.name;
        let refuse = |detail: &str| {
            let problem = Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "a parameter of the query can't be read; errors says which",
            );
            problem.with_errors(vec![FieldError::new(name, detail)])
        };
        if request.uri().query().is_none() {
            return Ok(Self(None));
        }
        let pairs: Vec<(String, String)> =
            request.params().map_err(|_| refuse("must be part of a query such as ?a=b&c=d"))?;
        let mut values = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(text), None) => Ok(Self(Some(T::parse(text).map_err(refuse)?))),
            (Some(_), Some(_)) => Err(refuse("is given more than once; give it once").into()),
        }
    }
}

/// The header `Idempotency-Key`, which may be absent.
pub(crate) struct Once(pub(crate) Option<IdempotencyKey>);

impl<'a> ApiExtractor<'a> for Once {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = ();
    type ParamRawType = ();

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(inline(MetaSchema {
            min_length: Some(1),
            max_length: Some(IdempotencyKey::MAX_CHARS),
            pattern: Some("^[!-~]+$".to_owned()),
            example: Some(Value::from("8e03978e-40d5-43dd-bc93-6894a57f9324")),
            ..MetaSchema::new("string")
        }))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let mut given = request.headers().get_all(IDEMPOTENCY_KEY).iter();
        let key = match (given.next(), given.next()) {
            (None, _) => return Ok(Self(None)),
            (Some(one), None) => one.to_str().ok().and_then(|text| IdempotencyKey::parse(text).ok()),
            (Some(_), Some(_)) => None,
        };
        let refused = || {
            let detail = format!("{IdempotencyKeyError}; send one, or none");
            Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
        };
        Ok(Self(Some(key.ok_or_else(refused)?)))
    }
}

/// How many entries of a list are wanted.
pub(crate) struct Limit(pub(crate) usize);

impl Limit {
    /// Without a word from the client.
    const DEFAULT: usize = 20;
    /// At most.
    const MOST: usize = 100;
}

impl Query<Limit> {
    /// The number, or the default.
    pub(crate) fn number(&self) -> usize {
        self.0.as_ref().map_or(Limit::DEFAULT, |limit| limit.0)
    }
}

impl QueryValue for Limit {
    fn schema() -> MetaSchema {
        MetaSchema {
            minimum: Some(1.0),
            maximum: Some(Self::MOST as f64),
            default: Some(Value::from(Self::DEFAULT)),
            ..MetaSchema::new_with_format("integer", "int32")
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        match text.parse() {
            Ok(number) if (1..=Self::MOST).contains(&number) => Ok(Self(number)),
            _ => Err("must be a whole number from 1 to 100"),
        }
    }
}

const NO_ID: &str = "must be an id: 24 hexadecimal characters";

macro_rules! query_ids {
    ($($id:ident)*) => {$(
        impl QueryValue for $id {
            fn schema() -> MetaSchema {
                id_schema()
            }

            fn parse(text: &str) -> Result<Self, &'static str> {
                text.parse().map_err(|_| NO_ID)
            }
        }
    )*};
}
query_ids!(ImageId JobId UserId);

/// The states of a job.
const STATES: [JobStatus; 5] =
    [JobStatus::Queued, JobStatus::Running, JobStatus::Completed, JobStatus::Failed, JobStatus::Cancelled];

impl QueryValue for JobStatus {
    fn schema() -> MetaSchema {
        let enum_items = STATES.iter().map(|state| Value::from(state.name())).collect();
        MetaSchema { enum_items, ..MetaSchema::new("string") }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let named = STATES.into_iter().find(|state| state.name() == text);
        named.ok_or("must be queued, running, completed, failed or cancelled")
    }
}

fn id_schema() -> MetaSchema {
    MetaSchema {
        pattern: Some("^[0-9a-f]{24}$".to_owned()),
        example: Some(Value::from("671cd3df6b14c65a5537b3b3")),
        ..MetaSchema::new("string")
    }
}

fn inline(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(schema))
}
