//! Removing a database, past Pixmill. Just enough of MongoDB's protocol for that.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Removes the database that a URI names, if it is there.
///
/// # Errors
/// If the server does not answer, or does not want to.
///
/// # Panics
/// If the URI is no `mongodb://HOST:PORT/DATABASE`.
pub(crate) async fn drop_database(uri: &str) -> io::Result<()> {
    let place = uri.strip_prefix("mongodb://").and_then(|rest| rest.split('?').next()?.split_once('/'));
    let (host, database) = place.unwrap_or_else(|| panic!("{uri} is no mongodb://HOST:PORT/DATABASE"));
    // {dropDatabase: 1, $db: database} as BSON.
    let name = [database.as_bytes(), b"\0"].concat();
    let length = u32::try_from(name.len()).expect("names are short").to_le_bytes();
    let fields = [b"\x10dropDatabase\0\x01\0\0\0\x02$db\0", &length[..], &name, b"\0"].concat();
    let document = [&(fields.len() as u32 + 4).to_le_bytes()[..], &fields].concat();
    // OP_MSG: its length, an id, no answer's id, the operation's number; no flags, then one document.
    let mut question = Vec::new();
    for number in [21 + document.len() as u32, 1, 0, 2013, 0] {
        question.extend_from_slice(&number.to_le_bytes());
    }
    question.push(0);
    question.extend_from_slice(&document);
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(&question).await?;
    let mut answer = vec![0; stream.read_u32_le().await?.saturating_sub(4) as usize];
    stream.read_exact(&mut answer).await?;
    // {ok: 1.0}, or as a whole number, whatever else it says.
    let kept = [&b"\x01ok\0\0\0\0\0\0\0\xf0\x3f"[..], b"\x10ok\0\x01\0\0\0"];
    if kept.iter().any(|ok| answer.windows(ok.len()).any(|part| part == *ok)) {
        return Ok(());
    }
    Err(io::Error::other(format!("the database said {}", String::from_utf8_lossy(&answer))))
}
