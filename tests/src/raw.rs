//! HTTP/1.1 by hand over one connection: for requests that no client library would send, and for measurements
//! in which the client must cost next to nothing. Answers must have a `Content-Length`.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// A connection that is kept open.
pub struct Connection {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    received: Vec<u8>,
    /// Where the answer before this one ended in `received`.
    consumed: usize,
}

/// An answer.
pub struct Reply<'a> {
    /// The status.
    pub status: u16,
    /// The status line and the headers.
    pub head: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects to an address such as `http://127.0.0.1:3000`.
    ///
    /// # Errors
    /// If nobody listens there.
    pub async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address.trim_start_matches("http://")).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        Ok(Self { reader, writer, received: Vec::with_capacity(16 << 10), consumed: 0 })
    }

    /// The bytes of a request for this connection. `headers` are whole lines.
    pub fn request(method: &str, path: &str, headers: &[String], body: &[u8]) -> Vec<u8> {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}");
        for line in headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        [head.as_bytes(), body].concat()
    }

    /// Sends a whole request and waits for the whole answer.
    ///
    /// # Errors
    /// If the connection breaks, or the answer is none.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Reply<'_>> {
        self.writer.write_all(request).await?;
        self.reply().await
    }

    /// Sends `head`, then pieces of a body until there are no more or the server has answered or hung up. Returns
    /// how many bytes of the body went out, and the answer.
    ///
    /// # Errors
    /// If the connection breaks before there is an answer.
    pub async fn stream(
        &mut self,
        head: &[u8],
        pieces: impl Iterator<Item = Vec<u8>>,
    ) -> io::Result<(u64, Reply<'_>)> {
        self.writer.write_all(head).await?;
        let mut sent = 0;
        'sending: for piece in pieces {
            let mut rest = &piece[..];
            while !rest.is_empty() {
                // While there is always room to write nobody would look whether something has arrived.
                tokio::task::yield_now().await;
                tokio::select! {
                    biased;
                    // Whatever arrives now, the server does not wait for the rest.
                    _ = self.reader.read_buf(&mut self.received) => break 'sending,
                    written = self.writer.write(rest) => match written {
                        Ok(length) => {
                            rest = &rest[length..];
                            sent += length as u64;
                        }
                        Err(_) => break 'sending,
                    },
                }
            }
        }
        Ok((sent, self.reply().await?))
    }

    async fn reply(&mut self) -> io::Result<Reply<'_>> {
        self.received.drain(..self.consumed);
        self.consumed = 0;
        let end = loop {
            if let Some(end) = find(&self.received, b"\r\n\r\n") {
                break end + 4;
            }
            self.receive().await?;
        };
        let (status, length) = parse(&self.received[..end])?;
        while self.received.len() < end + length {
            self.receive().await?;
        }
        self.consumed = end + length;
        let head = std::str::from_utf8(&self.received[..end]).map_err(io::Error::other)?;
        Ok(Reply { status, head, body: &self.received[end..end + length] })
    }

    async fn receive(&mut self) -> io::Result<()> {
        match self.reader.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// The status and the length of the body.
fn parse(head: &[u8]) -> io::Result<(u16, usize)> {
    let text = std::str::from_utf8(head).map_err(io::Error::other)?;
    let status = text.get(9..12).and_then(|digits| digits.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status in {text:?}")))?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    match (length, status) {
        (Some(length), _) => Ok((status, length)),
        (None, 100..=199 | 204 | 304) => Ok((status, 0)),
        (None, _) => Err(io::Error::other(format!("no Content-Length in {text:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ncontent-LENGTH:  12\r\n\r\n").unwrap(), (200, 12));
        assert_eq!(parse(b"HTTP/1.1 304 Not Modified\r\n\r\n").unwrap(), (304, 0));
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
