//! What is checked of a file while it passes by: its size, its header, its frames; and what is found out on the way.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use pixmill_engine::{Error as EngineError, FrameCount, Header, Inspection, Limits, inspect};
use sha2::{Digest, Sha256};

use super::UploadError;
use crate::content::ContentHash;
use crate::ports::{ByteStream, PortError, PortErrorKind};

/// What became of the stream.
#[derive(Default)]
pub(super) enum Arrival {
    #[default]
    Streaming,
    Refused(UploadError),
    Complete(Arrived),
}

pub(super) struct Arrived {
    pub(super) header: Header,
    pub(super) hash: ContentHash,
    pub(super) bytes: u64,
}

/// Passes the pieces of `body` through `intake`. The verdict is there once the stream has ended.
pub(super) fn watch(
    body: BoxStream<'static, io::Result<Bytes>>,
    intake: Intake,
) -> (ByteStream, Arc<Mutex<Arrival>>) {
    let arrival = Arc::new(Mutex::new(Arrival::Streaming));
    let verdict = arrival.clone();
    let settle = move |outcome| *verdict.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    let checked = stream::unfold(Some((body, intake, settle)), |state| async move {
        let (mut body, mut intake, settle) = state?;
        let taken = match body.next().await {
            Some(Ok(piece)) => intake.take(&piece).map(|()| piece),
            Some(Err(error)) => Err(UploadError::Interrupted(error)),
            None => match intake.finish() {
                Ok(arrived) => {
                    settle(Arrival::Complete(arrived));
                    return None;
                }
                Err(error) => Err(error),
            },
        };
        match taken {
            Ok(piece) => Some((Ok(piece), Some((body, intake, settle)))),
            Err(error) => {
                settle(Arrival::Refused(error));
                Some((Err(PortError::new(PortErrorKind::Input, "upload", "upload.check")), None))
            }
        }
    });
    (checked.boxed(), arrival)
}

/// Checks a file as it arrives. Of the bytes only the head is kept, until the header is read.
pub(super) struct Intake {
    max_bytes: u64,
    limits: Limits,
    hasher: Sha256,
    bytes: u64,
    head: Vec<u8>,
    look_at: usize,
    header: Option<Header>,
    /// Goes on behind the head: an animation tells nowhere how many frames it has.
    frames: Option<FrameCount>,
}

impl Intake {
    /// Enough to tell every format, so that text is refused at its first bytes.
    const FIRST_LOOK: usize = 16;

    pub(super) fn new(max_bytes: u64, limits: Limits) -> Self {
        let (hasher, head) = (Sha256::new(), Vec::new());
        Self {
            max_bytes,
            limits,
            hasher,
            bytes: 0,
            head,
            look_at: Self::FIRST_LOOK,
            header: None,
            frames: None,
        }
    }

    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), UploadError> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.max_bytes {
            return Err(UploadError::TooLarge { limit: self.max_bytes });
        }
        self.hasher.update(piece);
        if let Some(frames) = &mut self.frames {
            frames.take(piece, &self.limits)?;
        } else {
            self.head.extend_from_slice(piece);
            if self.head.len() >= self.look_at {
                self.look(false)?;
            }
        }
        Ok(())
    }

    fn look(&mut self, complete: bool) -> Result<(), UploadError> {
        match inspect(&self.head, complete, &self.limits)? {
            Inspection::Ready(header) => {
                let mut frames = FrameCount::new(&header);
                frames.take(&self.head, &self.limits)?;
                self.frames = Some(frames);
                self.header = Some(header);
                self.head = Vec::new();
            }
            // At least double, so that a long head is not read over and over.
            Inspection::NeedMore(bytes) => self.look_at = bytes.max(self.head.len() * 2),
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<Arrived, UploadError> {
        if self.header.is_none() {
            self.look(true)?;
        }
        let header =
            self.header.ok_or_else(|| EngineError::Bug("a complete file was not enough".to_owned()))?;
        Ok(Arrived {
            header,
            hash: ContentHash::from_sha256(std::mem::take(&mut self.hasher)),
            bytes: self.bytes,
        })
    }
}
