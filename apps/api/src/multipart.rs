//! The file in a `multipart/form-data` body, as a stream. Nothing is collected: bytes are counted as they pass,
//! and parts, the heads of parts and pauses are bounded.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use poem::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use poem::http::{HeaderMap, StatusCode};
use poem::{Body, Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::config::ApiConfig;
use crate::problem::{Problem, whole_seconds};
use crate::reply;
use crate::scope::Scope;

/// The name of the field with the file.
const FIELD: &str = "file";
/// How many bytes a body may have beyond the file: boundaries, heads and other fields.
const OVERHEAD: u64 = 64 << 10;
/// How many bytes may be read in search of the next part's data.
const MAX_HEAD: u64 = 16 << 10;
/// How many parts a body may have.
const MAX_PARTS: usize = 32;
/// How many bytes have to arrive within the time limit, so that nobody holds a place with a byte now and then.
const PACE: usize = 64 << 10;

/// A body that has a file in it.
pub(crate) struct FormFile {
    parts: Parts,
}

/// What is wrong with a body, found while reading it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than {0} bytes, the most that is accepted")]
    TooLarge(u64),
    #[error("the body has more than {MAX_PARTS} parts; send the file as the one field named {FIELD}")]
    TooManyParts,
    #[error("a part of the body has more than {MAX_HEAD} bytes of headers")]
    HeadTooLarge,
    #[error("the body has more than one field named {FIELD}; send one file in one request")]
    SecondFile,
    #[error("fewer than {PACE} bytes arrived in {} s; send the request again", whole_seconds(*.0))]
    TooSlow(Duration),
    #[error("the body ended before it was complete; send the request again")]
    Disconnected,
    #[error("the body is not valid multipart/form-data: {0}")]
    Malformed(multer::Error),
}

impl From<multer::Error> for BodyError {
    fn from(error: multer::Error) -> Self {
        match error {
            multer::Error::StreamReadFailed(error) => match error.downcast::<Self>() {
                Ok(error) => *error,
                Err(_) => Self::Disconnected,
            },
            multer::Error::IncompleteStream
            | multer::Error::IncompleteHeaders
            | multer::Error::IncompleteFieldData { .. } => Self::Disconnected,
            other => Self::Malformed(other),
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let (status, code) = match error {
            BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            BodyError::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            BodyError::Disconnected => (StatusCode::BAD_REQUEST, "interrupted"),
            BodyError::TooManyParts
            | BodyError::HeadTooLarge
            | BodyError::SecondFile
            | BodyError::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed_multipart"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl FormFile {
    /// Looks at the headers only.
    fn open(
        headers: &HeaderMap,
        body: impl FnOnce() -> poem::Result<Body>,
        max_file: u64,
        time_limit: Duration,
    ) -> poem::Result<Self> {
        let boundary = boundary(headers)?;
        let most = max_file.saturating_add(OVERHEAD);
        let announced =
            headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|bytes| bytes > most) {
            let detail = format!("the file is larger than {max_file} bytes, the most that may be uploaded");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail).into());
        }
        let meter = Arc::new(Meter::new(most));
        let body = meter.clone().watch(body()?, Pace::new(time_limit));
        Ok(Self { parts: Parts { form: multer::Multipart::new(body, boundary), meter, count: 0 } })
    }

    /// The bytes of the file. The stream ends well only if the rest of the body is well too.
    pub(crate) async fn into_stream(mut self) -> Result<BoxStream<'static, io::Result<Bytes>>, Problem> {
        while let Some(mut field) = self.parts.next().await? {
            if field.name() == Some(FIELD) {
                let reading = Reading { parts: self.parts, field: Some(field) };
                let pieces = stream::unfold(Some(reading), |reading| async {
                    let mut reading = reading?;
                    match reading.next().await {
                        Ok(Some(piece)) => Some((Ok(piece), Some(reading))),
                        Ok(None) => None,
                        Err(error) => Some((Err(io::Error::other(error)), None)),
                    }
                });
                return Ok(pieces.boxed());
            }
            skip(&mut field).await?;
        }
        let detail = format!("the body has no field named {FIELD}; send the image in it");
        Err(Problem::new(StatusCode::BAD_REQUEST, "missing_file", detail))
    }
}

fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    multer::parse_boundary(text).map_err(|error| match error {
        multer::Error::NoBoundary => {
            let detail =
                "the Content-Type multipart/form-data needs a boundary; HTTP clients add it by themselves";
            Problem::new(StatusCode::BAD_REQUEST, "malformed_multipart", detail)
        }
        _ => {
            let detail =
                format!("the body must be multipart/form-data with the image in a field named {FIELD}");
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
        }
    })
}

/// The parts of a body, counted.
struct Parts {
    form: multer::Multipart<'static>,
    meter: Arc<Meter>,
    count: usize,
}

impl Parts {
    async fn next(&mut self) -> Result<Option<multer::Field<'static>>, BodyError> {
        self.meter.begin_head();
        let field = self.form.next_field().await?;
        self.meter.end_head();
        self.count += usize::from(field.is_some());
        if self.count > MAX_PARTS { Err(BodyError::TooManyParts) } else { Ok(field) }
    }
}

/// The file's field, and then what follows it.
struct Reading {
    parts: Parts,
    field: Option<multer::Field<'static>>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        if let Some(field) = &mut self.field {
            if let Some(piece) = field.next().await {
                return Ok(Some(piece?));
            }
            self.field = None;
        }
        while let Some(mut field) = self.parts.next().await? {
            if field.name() == Some(FIELD) {
                return Err(BodyError::SecondFile);
            }
            skip(&mut field).await?;
        }
        Ok(None)
    }
}

async fn skip(field: &mut multer::Field<'static>) -> Result<(), BodyError> {
    while let Some(piece) = field.next().await {
        piece?;
    }
    Ok(())
}

/// Counts what is read of a body.
struct Meter {
    read: AtomicU64,
    /// What had been read before the latest piece. The parser asks for a piece before it looks at the one it
    /// has, so the latest says nothing about whether a head has ended.
    settled: AtomicU64,
    /// While a part's head is awaited: when to give up.
    head_ends_by: AtomicU64,
    most: u64,
}

impl Meter {
    fn new(most: u64) -> Self {
        let (read, settled, head_ends_by) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Self { read, settled, head_ends_by, most }
    }

    fn begin_head(&self) {
        self.head_ends_by
            .store(self.read.load(Ordering::Relaxed).saturating_add(MAX_HEAD), Ordering::Relaxed);
    }

    fn end_head(&self) {
        self.head_ends_by.store(u64::MAX, Ordering::Relaxed);
    }

    fn watch(self: Arc<Self>, body: Body, pace: Pace) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
        stream::unfold(Some((self, pace, body.into_bytes_stream().boxed())), |state| async {
            let (meter, mut pace, mut pieces) = state?;
            // The parser takes all it can get before it looks at any; a break after each piece keeps that small.
            tokio::task::yield_now().await;
            match meter.next(&mut pace, &mut pieces).await {
                Ok(Some(piece)) => Some((Ok(piece), Some((meter, pace, pieces)))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(
        &self,
        pace: &mut Pace,
        pieces: &mut BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<Option<Bytes>, BodyError> {
        if self.settled.load(Ordering::Relaxed) > self.head_ends_by.load(Ordering::Relaxed) {
            return Err(BodyError::HeadTooLarge);
        }
        let piece = pace.wait(pieces.next()).await?;
        let Some(piece) = piece.transpose().map_err(|_| BodyError::Disconnected)? else { return Ok(None) };
        pace.arrived(piece.len());
        let before = self.read.fetch_add(piece.len() as u64, Ordering::Relaxed);
        self.settled.store(before, Ordering::Relaxed);
        if before + piece.len() as u64 > self.most {
            return Err(BodyError::TooLarge(self.most));
        }
        Ok(Some(piece))
    }
}

/// How fast a body arrives. Only the time counts in which its client was waited for: a slow store is not its fault.
struct Pace {
    limit: Duration,
    waited: Duration,
    arrived: usize,
}

impl Pace {
    fn new(limit: Duration) -> Self {
        Self { limit, waited: Duration::ZERO, arrived: 0 }
    }

    async fn wait<T>(&mut self, next: impl Future<Output = T>) -> Result<T, BodyError> {
        let started = Instant::now();
        let next = tokio::time::timeout(self.limit.saturating_sub(self.waited), next).await;
        self.waited += started.elapsed();
        next.map_err(|_| BodyError::TooSlow(self.limit))
    }

    fn arrived(&mut self, bytes: usize) {
        self.arrived += bytes;
        if self.arrived >= PACE {
            *self = Self::new(self.limit);
        }
    }
}

impl<'a> ApiExtractor<'a> for FormFile {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        let file = MetaSchema {
            description: Some("The image: JPEG, PNG, WebP, GIF or AVIF, told by its content."),
            ..MetaSchema::new_with_format("string", "binary")
        };
        let schema = MetaSchema {
            required: vec![FIELD],
            properties: vec![(FIELD, MetaSchemaRef::Inline(Box::new(file)))],
            ..MetaSchema::new("object")
        };
        let content = vec![MetaMediaType {
            content_type: reply::MULTIPART,
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let ApiConfig { max_upload_bytes, body_timeout, .. } = Scope::of(request).state.config;
        Self::open(request.headers(), || Ok(body.take()?), max_upload_bytes, body_timeout)
    }
}
