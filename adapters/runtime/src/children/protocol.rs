//! How parent and child talk through the child's stdin and stdout.
//!
//! A frame is a head and the bytes that the head announces: four bytes that name the kind of frame and the version
//! of this protocol, the length of the head's JSON as a little-endian `u32`, the JSON, the bytes. A request
//! carries source and overlay, an answer the finished file or files. The child answers each request once, in order, and
//! only after it has read the whole of it.

use std::borrow::Cow;
use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use pixmill::ports::{BatchWork, Processed, ToDescribe, Work};
use pixmill::{Description, Format, Limits, Transformation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::wire::WireError;

pub(super) const REQUEST: [u8; 4] = *b"PXQ1";
pub(super) const ANSWER: [u8; 4] = *b"PXA1";
pub(super) const PREFIX_LEN: usize = 8;
/// The longest JSON of a head. Texts and lists of field errors are the longest parts and far shorter.
const MAX_HEAD: usize = 1 << 20;
/// Up to this size, a head and its bytes go out in one piece: it is what a pipe takes at once.
pub(super) const ONE_PIECE: usize = 64 << 10;

/// What a child can be asked for.
#[derive(Debug)]
pub(super) enum Request {
    Transform(Box<Work>),
    Batch(Box<BatchWork>),
    Describe(ToDescribe),
}

/// What a request says about the task; the files follow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestHead<'a> {
    pub(super) task: TaskHead<'a>,
    pub(super) limits: Cow<'a, Limits>,
    pub(super) time_limit: Duration,
    pub(super) source_len: u64,
    pub(super) overlay_len: Option<u64>,
}

/// What to do with the source.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum TaskHead<'a> {
    Describe,
    Transform(Box<Cow<'a, Transformation>>),
    Batch { transformations: Cow<'a, [Transformation]>, wanted: Cow<'a, [usize]> },
}

/// What an answer says; the finished file follows, or all of them in their order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum AnswerHead {
    Done(DoneHead),
    Batch(Vec<Result<DoneHead, WireError>>),
    Described(Description),
    Failed(WireError),
}

/// What is said of a finished file.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct DoneHead {
    pub(super) format: Format,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) alpha: bool,
    pub(super) len: u64,
}

impl DoneHead {
    pub(super) fn with(self, bytes: Bytes) -> Processed {
        let Self { format, width, height, alpha, len: _ } = self;
        Processed { bytes, format, width, height, alpha }
    }
}

impl AnswerHead {
    /// How many bytes of files follow.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Done(done) => done.len,
            Self::Batch(all) => all.iter().flatten().fold(0, |sum, done| u64::saturating_add(sum, done.len)),
            Self::Described(_) | Self::Failed(_) => 0,
        }
    }
}

/// The bytes of a head, with its prefix.
pub(super) fn encode_head(kind: [u8; 4], head: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = [kind, [0; 4]].concat();
    serde_json::to_writer(&mut frame, head)?;
    let len = frame.len() - PREFIX_LEN;
    if len > MAX_HEAD {
        return Err(invalid(format!("the head has {len} bytes, more than {MAX_HEAD}")));
    }
    frame[4..PREFIX_LEN].copy_from_slice(&(len as u32).to_le_bytes());
    Ok(frame)
}

/// The length of the JSON that follows this prefix.
pub(super) fn head_len(kind: [u8; 4], prefix: [u8; PREFIX_LEN]) -> io::Result<usize> {
    let [a, b, c, d, len @ ..] = prefix;
    if [a, b, c, d] != kind {
        return Err(invalid(format!("expected a frame of kind {:?}", String::from_utf8_lossy(&kind))));
    }
    let len = u32::from_le_bytes(len) as usize;
    if len > MAX_HEAD {
        Err(invalid(format!("a head of {len} bytes, more than {MAX_HEAD}")))
    } else {
        Ok(len)
    }
}

/// The head in this JSON.
pub(super) fn decode_head<T: DeserializeOwned>(json: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(json)?)
}

/// Reads the next request; `None` at the end of the stream. Files may have `max_files` bytes together.
pub(super) fn read_request(input: &mut impl Read, max_files: u64) -> io::Result<Option<Request>> {
    let mut prefix = [0; PREFIX_LEN];
    if !read_or_end(input, &mut prefix)? {
        return Ok(None);
    }
    let json = read_vec(input, head_len(REQUEST, prefix)?)?;
    let RequestHead { task, limits, time_limit, source_len, overlay_len } = decode_head(&json)?;
    let files = source_len.saturating_add(overlay_len.unwrap_or(0));
    if files > max_files {
        return Err(invalid(format!("files of {files} bytes, more than {max_files}")));
    }
    let source = read_vec(input, source_len as usize)?.into();
    let overlay = overlay_len.map(|len| read_vec(input, len as usize)).transpose()?.map(Into::into);
    let limits = limits.into_owned();
    Ok(Some(match task {
        TaskHead::Transform(transformation) => {
            let transformation = transformation.into_owned();
            Request::Transform(Box::new(Work { source, overlay, transformation, limits, time_limit }))
        }
        TaskHead::Batch { transformations, wanted } => {
            let (transformations, wanted) = (transformations.into_owned(), wanted.into_owned());
            if wanted.iter().any(|&place| place >= transformations.len()) {
                return Err(invalid("a result is wanted that is not in the list".to_owned()));
            }
            Request::Batch(Box::new(BatchWork {
                source,
                overlay,
                transformations,
                wanted,
                limits,
                time_limit,
            }))
        }
        TaskHead::Describe => Request::Describe(ToDescribe { source, limits, time_limit }),
    }))
}

/// Fills `buffer`; `false` if the stream ended before its first byte.
fn read_or_end(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let begun = loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    if begun > 0 {
        input.read_exact(&mut buffer[begun..])?;
    }
    Ok(begun > 0)
}

fn read_vec(input: &mut impl Read, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use pixmill::EngineError;

    use super::*;
    use crate::children::exchange::Exchange;

    fn work() -> Work {
        let transformation =
            Transformation { width: Some(300), rotation: Some(0.1 + 0.2), ..Transformation::default() };
        Work {
            source: b"source".as_slice().into(),
            overlay: Some(b"over".as_slice().into()),
            transformation,
            limits: Limits::default(),
            time_limit: Duration::from_millis(1500),
        }
    }

    fn frame(work: &Work) -> Vec<u8> {
        let mut frame = encode_head(REQUEST, &work.ask()).unwrap();
        frame.extend_from_slice(&work.source);
        frame.extend_from_slice(work.overlay.as_deref().unwrap_or_default());
        frame
    }

    #[test]
    fn requests_arrive_as_they_were_sent() {
        let sent = work();
        let bytes = frame(&sent).repeat(2);
        let mut input = bytes.as_slice();
        for _ in 0..2 {
            let Some(Request::Transform(work)) = read_request(&mut input, 10).unwrap() else {
                panic!("a request to transform was sent");
            };
            let Work { source, overlay, transformation, limits, time_limit } = *work;
            assert_eq!((source, overlay), (sent.source.clone(), sent.overlay.clone()));
            assert_eq!((transformation, limits), (sent.transformation.clone(), sent.limits.clone()));
            assert_eq!(time_limit, sent.time_limit);
        }
        assert!(read_request(&mut input, 10).unwrap().is_none());
    }

    #[test]
    fn a_file_to_describe_arrives_too() {
        let Work { source, limits, time_limit, .. } = work();
        let sent = ToDescribe { source, limits, time_limit };
        let bytes = [&encode_head(REQUEST, &sent.ask()).unwrap(), &*sent.source].concat();
        let Some(Request::Describe(arrived)) = read_request(&mut bytes.as_slice(), 10).unwrap() else {
            panic!("a request to describe was sent");
        };
        let ToDescribe { source, limits, time_limit } = arrived;
        assert_eq!((source, limits, time_limit), (sent.source, sent.limits, sent.time_limit));
    }

    #[test]
    fn several_results_arrive_each_in_its_place() {
        let Work { source, overlay, transformation, limits, time_limit } = work();
        let transformations = vec![transformation, Transformation::default()];
        let sent = BatchWork { source, overlay, transformations, wanted: vec![1, 0], limits, time_limit };
        let bytes = [&encode_head(REQUEST, &sent.ask()).unwrap(), &*sent.source, b"over"].concat();
        let Some(Request::Batch(arrived)) = read_request(&mut bytes.as_slice(), 10).unwrap() else {
            panic!("a request to transform in several ways was sent");
        };
        assert_eq!((arrived.transformations, arrived.wanted), (sent.transformations.clone(), vec![1, 0]));
        assert_eq!((arrived.source, arrived.overlay), (sent.source.clone(), sent.overlay.clone()));

        let picture = |bytes: &'static [u8], width| {
            let bytes = bytes.into();
            Ok(Processed { bytes, format: Format::Png, width, height: 1, alpha: false })
        };
        let done = vec![
            picture(b"first", 1),
            Err(EngineError::Bug("none".into())),
            picture(b"", 2),
            picture(b"last", 3),
        ];
        let (head, files) = BatchWork::tell(done.clone());
        assert_eq!(head.len(), 9);
        let head: AnswerHead = decode_head(&encode_head(ANSWER, &head).unwrap()[PREFIX_LEN..]).unwrap();
        assert_eq!(BatchWork::hear(head, files), Some(Ok(done)));

        let sent = BatchWork { wanted: vec![2], ..sent };
        let bytes = [&encode_head(REQUEST, &sent.ask()).unwrap(), &*sent.source, b"over"].concat();
        assert!(read_request(&mut bytes.as_slice(), 10).is_err(), "there is no third");
    }

    #[test]
    fn answers_to_another_question_are_none() {
        let picture = DoneHead { format: Format::Png, width: 1, height: 1, alpha: false, len: 0 };
        assert!(ToDescribe::hear(AnswerHead::Done(picture), Bytes::new()).is_none());
        assert!(BatchWork::hear(AnswerHead::Done(picture), Bytes::new()).is_none());
        assert!(Work::hear(AnswerHead::Batch(vec![Ok(picture)]), Bytes::new()).is_none());
        assert!(Work::hear(AnswerHead::Failed(WireError::TimedOut), Bytes::new()).is_some());
    }

    #[test]
    fn files_over_the_bound_are_refused_before_they_are_read() {
        let head = encode_head(REQUEST, &work().ask()).unwrap();
        let error = read_request(&mut head.as_slice(), 9).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_request_cut_short_anywhere_is_an_error() {
        let whole = frame(&work());
        for len in 1..whole.len() {
            assert!(read_request(&mut &whole[..len], 10).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn other_kinds_and_long_heads_are_refused() {
        assert_eq!(head_len(ANSWER, *b"PXA1\x02\x01\0\0").unwrap(), 258);
        assert!(head_len(ANSWER, *b"PXQ1\x02\x01\0\0").is_err());
        assert!(head_len(ANSWER, *b"PXA1\0\0\0\x01").is_err());
        assert!(encode_head(ANSWER, &"x".repeat(MAX_HEAD)).is_err());
    }
}
