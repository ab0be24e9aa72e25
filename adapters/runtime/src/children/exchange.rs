//! What each kind of task says to a child, and understands of its answer.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use pixmill::ports::{BatchWork, Processed, ToDescribe, Work};
use pixmill::{Description, EngineError};

use super::protocol::{AnswerHead, DoneHead, RequestHead, TaskHead};
use super::wire::WireError;
use crate::run::Task;

/// A task that can be handed to a child.
pub(super) trait Exchange: Task {
    /// What a request says; the files follow.
    fn ask(&self) -> RequestHead<'_>;

    /// What an answer says, and the file or files that follow.
    fn tell(done: Self::Done) -> (AnswerHead, Bytes);

    /// Understands an answer; nothing if it is one to another question.
    fn hear(head: AnswerHead, file: Bytes) -> Option<Result<Self::Done, EngineError>>;
}

impl Exchange for Work {
    fn ask(&self) -> RequestHead<'_> {
        let Self { source, overlay, transformation, limits, time_limit } = self;
        RequestHead {
            task: TaskHead::Transform(Box::new(Cow::Borrowed(transformation))),
            limits: Cow::Borrowed(limits),
            time_limit: *time_limit,
            source_len: source.len() as u64,
            overlay_len: overlay.as_ref().map(|overlay| overlay.len() as u64),
        }
    }

    fn tell(Processed { bytes, format, width, height, alpha }: Processed) -> (AnswerHead, Bytes) {
        (AnswerHead::Done(DoneHead { format, width, height, alpha, len: bytes.len() as u64 }), bytes)
    }

    fn hear(head: AnswerHead, bytes: Bytes) -> Option<Result<Processed, EngineError>> {
        match head {
            AnswerHead::Done(done) => Some(Ok(done.with(bytes))),
            AnswerHead::Failed(error) => Some(Err(error.into())),
            AnswerHead::Described(_) | AnswerHead::Batch(_) => None,
        }
    }
}

impl Exchange for BatchWork {
    fn ask(&self) -> RequestHead<'_> {
        let Self { source, overlay, transformations, wanted, limits, time_limit } = self;
        RequestHead {
            task: TaskHead::Batch {
                transformations: Cow::Borrowed(transformations),
                wanted: Cow::Borrowed(wanted),
            },
            limits: Cow::Borrowed(limits),
            time_limit: *time_limit,
            source_len: source.len() as u64,
            overlay_len: overlay.as_ref().map(|overlay| overlay.len() as u64),
        }
    }

    fn tell(done: Vec<Result<Processed, EngineError>>) -> (AnswerHead, Bytes) {
        let mut files = BytesMut::new();
        let head = |done: Result<Processed, EngineError>| {
            let Processed { bytes, format, width, height, alpha } = done?;
            files.extend_from_slice(&bytes);
            Ok(DoneHead { format, width, height, alpha, len: bytes.len() as u64 })
        };
        let heads = done.into_iter().map(head).collect();
        (AnswerHead::Batch(heads), files.freeze())
    }

    fn hear(head: AnswerHead, mut files: Bytes) -> Option<Result<Self::Done, EngineError>> {
        match head {
            AnswerHead::Batch(heads) => {
                let one = |head: Result<DoneHead, WireError>| {
                    // As many bytes as all heads announce were read.
                    head.map(|done| done.with(files.split_to(done.len as usize))).map_err(Into::into)
                };
                Some(Ok(heads.into_iter().map(one).collect()))
            }
            AnswerHead::Failed(error) => Some(Err(error.into())),
            AnswerHead::Done(_) | AnswerHead::Described(_) => None,
        }
    }
}

impl Exchange for ToDescribe {
    fn ask(&self) -> RequestHead<'_> {
        let Self { source, limits, time_limit } = self;
        RequestHead {
            task: TaskHead::Describe,
            limits: Cow::Borrowed(limits),
            time_limit: *time_limit,
            source_len: source.len() as u64,
            overlay_len: None,
        }
    }

    fn tell(done: Description) -> (AnswerHead, Bytes) {
        (AnswerHead::Described(done), Bytes::new())
    }

    fn hear(head: AnswerHead, _: Bytes) -> Option<Result<Description, EngineError>> {
        match head {
            AnswerHead::Described(description) => Some(Ok(description)),
            AnswerHead::Failed(error) => Some(Err(error.into())),
            AnswerHead::Done(_) | AnswerHead::Batch(_) => None,
        }
    }
}
