//! JSON in both directions. Bodies of requests are parsed strictly, and every error names its field; poem-openapi
//! only describes them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use pixmill::FieldError;
use poem::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::problem::{Problem, whole_seconds};
use crate::reply;
use crate::scope::Scope;
use crate::wire::given::Object;

/// The most bytes that a JSON body may have.
const MAX_BYTES: usize = 64 << 10;

/// A JSON body, of a request or an answer.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> Json<T> {
    /// The answer with this status.
    pub(crate) fn response(&self, status: StatusCode) -> Response {
        let json = serde_json::to_vec(&self.0).expect("wire types are plain data");
        let mut response = Response::from((status, Body::from_vec(json)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply::JSON));
        response
    }
}

impl<T: Serialize> IntoResponse for Json<T>
where
    T: Send,
{
    fn into_response(self) -> Response {
        self.response(StatusCode::OK)
    }
}

impl<T: Type> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        reply::success(200, "Done.", vec![reply::json::<T>()], vec![])
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<'a, T: Type + DeserializeOwned> ApiExtractor<'a> for Json<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: reply::JSON, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        check_media_type(request.headers())?;
        let time_limit = Scope::of(request).state.config.body_timeout;
        let bytes = read(request.headers(), body.take()?, time_limit).await?;
        Ok(Self(parse(&bytes)?))
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == reply::JSON || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let detail = "the body must be JSON: send it with Content-Type: application/json";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
}

async fn read(headers: &HeaderMap, body: Body, time_limit: Duration) -> Result<Bytes, Problem> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > MAX_BYTES as u64) {
        return Err(too_large());
    }
    let mut pieces = std::pin::pin!(body.into_bytes_stream());
    let collect = async {
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| interrupted())?;
            if first.len() + all.len() + piece.len() > MAX_BYTES {
                return Err(too_large());
            }
            // Nearly every body is one piece, and then it need not be copied.
            if first.is_empty() && all.is_empty() {
                first = piece;
                continue;
            }
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&piece);
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    };
    tokio::time::timeout(time_limit, collect).await.unwrap_or_else(|_| Err(too_slow(time_limit)))
}

fn too_large() -> Problem {
    let detail = format!("the body is larger than {MAX_BYTES} bytes, the most that a JSON body may have");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail)
}

fn interrupted() -> Problem {
    let detail = "the body ended before it was complete; send the request again";
    Problem::new(StatusCode::BAD_REQUEST, "interrupted", detail)
}

fn too_slow(time_limit: Duration) -> Problem {
    let seconds = whole_seconds(time_limit);
    let detail = format!("the body took longer than {seconds} s to arrive; send it again");
    Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut input = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut input).map_err(|error| {
        let path = error.path().to_string();
        refuse(bytes, &path, error.inner())
    })?;
    input.end().map_err(|error| refuse(bytes, "", &error))?;
    Ok(value)
}

fn refuse(bytes: &[u8], path: &str, error: &serde_json::Error) -> Problem {
    let field = if error.classify() == Category::Data {
        field_error(path, error)
    } else if error.to_string().starts_with("expected value")
        && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
    {
        // Where a name is expected, serde_json takes any other value for a mistake in the JSON.
        FieldError::new(path, "must be a string, one of the names that this field knows")
    } else {
        let detail = format!("the body is not valid JSON: {error}");
        return Problem::new(StatusCode::BAD_REQUEST, "malformed_json", detail);
    };
    let detail = "the body does not have the form that this request needs; errors says where";
    Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail).with_errors(vec![field])
}

/// Says in our words what serde found. It names missing, unknown and repeated fields in its message; the path it
/// reached tells the rest.
fn field_error(path: &str, error: &serde_json::Error) -> FieldError {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let path = if path == "." { "" } else { path };
    if let Some(rest) = message.strip_prefix("missing field `") {
        return FieldError::new(join(path, rest.trim_end_matches('`')), "is required");
    }
    if let Some(rest) = message.strip_prefix("duplicate field `") {
        let field = rest.trim_end_matches('`');
        return FieldError::new(join(parent(path, field), field), "is given more than once; give it once");
    }
    if let Some((field, known)) =
        message.strip_prefix("unknown field `").and_then(|rest| rest.rsplit_once("`, expected "))
    {
        let known = known.trim_start_matches("one of ").replace('`', "");
        let detail = format!("is not a field of this request; its fields are {known}");
        return FieldError::new(join(parent(path, field), field), detail);
    }
    FieldError::new(path, message)
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The path without `field` at its end, if it is there.
fn parent<'p>(path: &'p str, field: &str) -> &'p str {
    match path.strip_suffix(field) {
        Some("") => "",
        Some(parent) => parent.strip_suffix('.').unwrap_or(path),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::account::Credentials;
    use crate::wire::transform::TransformBody;

    fn refused<T: DeserializeOwned>(json: &str) -> String {
        match parse::<T>(json.as_bytes()) {
            Ok(_) => panic!("{json} was accepted"),
            Err(problem) => format!("{problem:?}"),
        }
    }

    #[test]
    fn errors_name_their_field() {
        for (json, field, detail) in [
            (r#"{"width":1}"#, "saveImage", "is required"),
            (r#"{"saveImage":true,"widht":1}"#, "widht", "is not a field"),
            (r#"{"saveImage":true,"width":1,"width":2}"#, "width", "more than once"),
            (r#"{"saveImage":"true"}"#, "saveImage", "expected a boolean"),
            (r#"{"saveImage":true,"width":"1"}"#, "width", "expected a whole number"),
            (r#"{"saveImage":true,"width":1.5}"#, "width", "expected a whole number"),
            (r#"{"saveImage":true,"width":null}"#, "width", "expected a whole number"),
            (r#"{"saveImage":true,"crop":{"left":0,"top":0,"width":1}}"#, "crop.height", "is required"),
            (r#"{"saveImage":true,"crop":{"lefft":0}}"#, "crop.lefft", "is not a field"),
            (r#"{"saveImage":true,"watermark":{"text":"a","text":"b"}}"#, "watermark.text", "more than once"),
            (r#"{"saveImage":true,"watermark":{"opacity":"1"}}"#, "watermark.opacity", "invalid type"),
            (r#"{"saveImage":true,"format":null}"#, "format", "must be a string"),
            (r#"{"saveImage":true,"fit":7}"#, "fit", "must be a string"),
            (r#"{"saveImage":true,"format":"tiff"}"#, "format", "expected one of `jpeg`, `jpg`"),
            ("[]", "", "invalid type: sequence, expected an object"),
            ("7", "", "invalid type: integer `7`, expected an object"),
            (r#"{"saveImage":true,"crop":[0,0,1,1]}"#, "crop", "expected an object"),
            ("null", "", "invalid type: null"),
        ] {
            let problem = refused::<TransformBody>(json);
            assert!(problem.contains("\"invalid_request\""), "{json}: {problem}");
            assert!(problem.contains(&format!("field: {field:?}")), "{json}: {problem}");
            assert!(problem.contains(detail), "{json}: {problem}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_apart() {
        let deep = "[".repeat(10_000);
        let nested = format!(r#"{{"saveImage":{}"#, "{\"a\":".repeat(10_000));
        for json in ["", "{", "{\"saveImage\":true}x", "{'saveImage':true}", "\u{feff}{}", &nested] {
            let problem = refused::<TransformBody>(json);
            assert!(problem.contains("malformed_json") || problem.contains("invalid_request"), "{problem}");
        }
        refused::<TransformBody>(&deep);
        assert!(refused::<TransformBody>("{").contains("malformed_json"));
        assert!(refused::<TransformBody>("{\"saveImage\":true}x").contains("malformed_json"));
    }

    #[test]
    fn whole_numbers_may_be_written_with_a_point() {
        assert!(parse::<TransformBody>(br#"{"saveImage":true,"width":300.0}"#).is_ok());
    }

    #[test]
    fn passwords_are_not_repeated() {
        let problem = refused::<Credentials>(r#"{"username":"anna","password":31337}"#);
        assert!(problem.contains("field: \"password\"") && !problem.contains("31337"), "{problem}");
        refused::<Credentials>(r#"["anna","strongPassword!"]"#);
    }
}
