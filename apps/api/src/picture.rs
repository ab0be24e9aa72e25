//! Stored files as answers: conditional requests, ranges, and the headers that keep a browser from taking an
//! image for anything else.

use std::error::Error;
use std::ops::Range;

use futures::{StreamExt, TryStreamExt};
use pixmill::ports::{Blob, PortError};
use pixmill::{Content, Library};
use poem::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use poem::{Body, FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponses, Registry};

use crate::problem::Problem;
use crate::reply::{binary, header, response};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// For what may change, or is one user's: ask each time, which costs little thanks to the `ETag`.
pub(crate) const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// A stored file as an answer.
pub(crate) struct Picture(Response);

/// Which of it the client wants, and which it has already.
pub(crate) struct Conditions {
    if_none_match: Option<HeaderValue>,
    if_range: Option<HeaderValue>,
    range: Option<HeaderValue>,
}

impl Conditions {
    /// The conditions of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let get = |name| headers.get(name).cloned();
        Self { if_none_match: get(IF_NONE_MATCH), if_range: get(IF_RANGE), range: get(RANGE) }
    }

    fn has(&self, etag: &str) -> bool {
        let Some(known) = self.if_none_match.as_ref().and_then(|value| value.to_str().ok()) else {
            return false;
        };
        known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == etag)
    }

    /// The part that is wanted of a file of `size` bytes: `None` for all of it, an error if it lies outside.
    fn part(&self, size: u64, etag: &str) -> Result<Option<Range<u64>>, Problem> {
        let Some(range) = self.range.as_ref().and_then(|value| value.to_str().ok()) else { return Ok(None) };
        if self.if_range.as_ref().is_some_and(|known| known != etag) {
            return Ok(None);
        }
        match parse_range(range, size) {
            Part::All => Ok(None),
            Part::Some(part) => Ok(Some(part)),
            Part::Outside => {
                let detail = format!("the range lies outside the file, which has {size} bytes");
                let value = HeaderValue::try_from(format!("bytes */{size}")).expect("visible ASCII");
                Err(Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail)
                    .with_header(CONTENT_RANGE, value))
            }
        }
    }
}

impl<'a> FromRequest<'a> for Conditions {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self::of(request.headers()))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    All,
    Some(Range<u64>),
    Outside,
}

/// Reads one range of bytes. Several ranges, other units and nonsense are answered with all of the file, as
/// RFC 9110 allows.
fn parse_range(text: &str, size: u64) -> Part {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|spec| spec.trim().split_once('-')) else {
        return Part::All;
    };
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let part = match (number(first), number(last), first.is_empty(), last.is_empty()) {
        (None, Some(suffix), true, false) => size.saturating_sub(suffix)..size,
        (Some(first), None, false, true) => first..size,
        (Some(first), Some(last), false, false) if first <= last => first..last.saturating_add(1).min(size),
        _ => return Part::All,
    };
    if part.is_empty() { Part::Outside } else { Part::Some(part) }
}

impl Picture {
    /// The file of `content`, named `name`. `gone` is the answer if its bytes are not there any more.
    pub(crate) async fn open(
        library: &Library,
        content: &Content,
        conditions: &Conditions,
        name: impl std::fmt::Display,
        cache_control: HeaderValue,
        gone: fn() -> Problem,
    ) -> Result<Self, Problem> {
        let etag = format!("\"{}\"", content.hash.as_str());
        if conditions.has(&etag) {
            let mut response = Response::from(StatusCode::NOT_MODIFIED);
            response.headers_mut().insert(CACHE_CONTROL, cache_control);
            response.headers_mut().insert(ETAG, HeaderValue::try_from(etag).expect("visible ASCII"));
            return Ok(Self(response));
        }
        let part = conditions.part(content.bytes, &etag)?;
        let blob = library.open(content, part.clone()).await?.ok_or_else(gone)?;
        let length = part.as_ref().map_or(blob.size, |part| part.end - part.start);
        let mut response = Response::from((StatusCode::OK, body(blob, length).await?));
        let disposition = format!("inline; filename=\"{name}.{}\"", content.format.extension());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content.format.media_type()));
        headers.insert(CONTENT_LENGTH, length.into());
        headers
            .insert(CONTENT_DISPOSITION, HeaderValue::try_from(disposition).expect("ids are visible ASCII"));
        headers.insert(ETAG, HeaderValue::try_from(etag).expect("visible ASCII"));
        headers.insert(CACHE_CONTROL, cache_control);
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
        if let Some(part) = part {
            let value = format!("bytes {}-{}/{}", part.start, part.end - 1, content.bytes);
            headers.insert(CONTENT_RANGE, HeaderValue::try_from(value).expect("visible ASCII"));
            response.set_status(StatusCode::PARTIAL_CONTENT);
        }
        Ok(Self(response))
    }
}

/// Reads the first piece, so that a store that fails at once still makes a proper answer, and what is small
/// needs no stream.
async fn body(blob: Blob, length: u64) -> Result<Body, PortError> {
    let mut rest = blob.body;
    let first = rest.try_next().await?.unwrap_or_default();
    if first.len() as u64 == length {
        return Ok(Body::from_bytes(first));
    }
    let first = futures::stream::once(async move { Ok(first) });
    Ok(Body::from_bytes_stream(first.chain(rest).map_err(|error: PortError| {
        tracing::error!(%error, source = error.source().map(tracing::field::display), "file broke off");
        std::io::Error::other(error)
    })))
}

impl IntoResponse for Picture {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for Picture {
    fn meta() -> MetaResponses {
        let files = || {
            let types = ["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif"];
            types.map(|content_type| MetaMediaType { content_type, schema: binary() }).into()
        };
        let etag = || header::<String>("ETag", "The SHA-256 of the file.");
        let range = header::<String>("Content-Range", "Which part it is, and the size of the whole.");
        MetaResponses {
            responses: vec![
                response(200, "The file.", files(), vec![etag()]),
                response(206, "The part of the file that Range asks for.", files(), vec![etag(), range]),
                response(304, "The file is the one that If-None-Match names.", vec![], vec![etag()]),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, expected) in [
            ("bytes=0-0", Part::Some(0..1)),
            ("bytes=0-", Part::Some(0..10)),
            ("bytes=9-", Part::Some(9..10)),
            ("bytes=2-4", Part::Some(2..5)),
            ("bytes=2-400", Part::Some(2..10)),
            ("bytes=-3", Part::Some(7..10)),
            ("bytes=-30", Part::Some(0..10)),
            ("bytes=0-18446744073709551615", Part::Some(0..10)),
            ("bytes=10-", Part::Outside),
            ("bytes=10-12", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=4-2", Part::All),
            ("bytes=0-1,3-4", Part::All),
            ("bytes=-", Part::All),
            ("bytes=+1-2", Part::All),
            ("bytes=a-b", Part::All),
            ("items=0-1", Part::All),
            ("", Part::All),
        ] {
            assert_eq!(parse_range(text, 10), expected, "{text}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Part::Outside);
    }

    #[test]
    fn etags_match_weakly() {
        let has = |value: &'static str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]);
            Conditions::of(&headers).has("\"abc\"")
        };
        assert!(has("\"abc\"") && has("W/\"abc\"") && has("\"x\", \"abc\"") && has("*"));
        assert!(!has("\"abcd\"") && !has("abc") && !has(""));
        assert!(!Conditions::of(&HeaderMap::new()).has("\"abc\""));
    }
}
