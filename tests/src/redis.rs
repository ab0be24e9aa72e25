//! Removing what a Redis holds, past Pixmill. Just enough of its protocol for that.

use std::fmt::Write;
use std::io;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Removes every key that begins with `prefix`.
const FORGET: &str =
    "for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('DEL', key) end return 1";

/// Removes every key that begins with this, and leaves those of others.
///
/// # Errors
/// If the server does not answer, or does not want to.
///
/// # Panics
/// If the URL is no `redis://HOST:PORT`.
pub(crate) async fn forget(url: &str, prefix: &str) -> io::Result<()> {
    let host = url.strip_prefix("redis://").unwrap_or_else(|| panic!("{url} is no redis://HOST:PORT"));
    let words = ["EVAL", FORGET, "0", prefix];
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        let _ = write!(command, "${}\r\n{word}\r\n", word.len());
    }
    let mut stream = BufReader::new(TcpStream::connect(host.trim_end_matches('/')).await?);
    stream.write_all(command.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_line(&mut answer).await?;
    if answer == ":1\r\n" { Ok(()) } else { Err(io::Error::other(format!("Redis said {answer}"))) }
}
