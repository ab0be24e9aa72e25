//! One message of the protocol.

use std::io;

use bson::{Document, RawDocument};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The operation of every question and answer but the first of some drivers.
const OP_MSG: i32 = 2013;
/// Length, id, the id that is answered and the operation, of four bytes each.
const HEAD: usize = 16;
/// Flags of four bytes, and the kind of the first section, which is 0 for the one document that tells what is asked.
const BEFORE_DOCUMENT: usize = 5;
/// What servers take at most.
const LONGEST: usize = 48_000_000;

/// A message as it is sent.
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A message of this id, in answer to another one or to none, which is 0.
    pub(super) fn of(id: i32, answers: i32, document: &Document) -> Self {
        let document = document.to_vec().expect("what tests write is BSON");
        let length = (HEAD + BEFORE_DOCUMENT + document.len()) as i32;
        let mut bytes = [length, id, answers, OP_MSG, 0].map(i32::to_le_bytes).concat();
        bytes.push(0);
        bytes.extend(document);
        Self { bytes }
    }

    /// The same message, and so the same flags, with another document.
    pub(super) fn with(&self, document: &Document) -> Self {
        let mut other = Self::of(self.id(), self.number(2), document);
        other.bytes[HEAD..HEAD + 4].copy_from_slice(&self.bytes[HEAD..HEAD + 4]);
        other
    }

    /// Reads the next one, if there is one.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; HEAD];
        match from.read_exact(&mut bytes).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let message = Self { bytes };
        let length = message.number(0) as usize;
        if !(HEAD..=LONGEST).contains(&length) {
            return Err(io::Error::other(format!("a message of {length} bytes")));
        }
        let Self { mut bytes } = message;
        bytes.resize(length, 0);
        from.read_exact(&mut bytes[HEAD..]).await?;
        Ok(Some(Self { bytes }))
    }

    /// Sends it.
    pub(super) async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        to.write_all(&self.bytes).await
    }

    /// Its id.
    pub(super) fn id(&self) -> i32 {
        self.number(1)
    }

    /// The document that tells what is asked or answered, as it is sent.
    pub(super) fn raw_document(&self) -> Option<&RawDocument> {
        let rest = self.bytes.get(HEAD + BEFORE_DOCUMENT..).filter(|_| self.number(3) == OP_MSG)?;
        let length = i32::from_le_bytes(*rest.first_chunk()?);
        RawDocument::from_bytes(rest.get(..length as usize)?).ok()
    }

    /// The same, to be looked into.
    pub(super) fn document(&self) -> Option<Document> {
        self.raw_document()?.try_into().ok()
    }

    fn number(&self, index: usize) -> i32 {
        let bytes = self.bytes[4 * index..].first_chunk().expect("every message has a head");
        i32::from_le_bytes(*bytes)
    }
}
