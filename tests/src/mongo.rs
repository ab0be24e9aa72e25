//! Just enough of MongoDB's protocol to remove a database past Pixmill, and to stand between Pixmill and a server.

mod between;
mod message;

use std::io;

use bson::{Bson, doc};
use tokio::net::TcpStream;

pub(crate) use between::Between;
use message::Message;

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
    let mut stream = TcpStream::connect(host).await?;
    Message::of(1, 0, &doc! { "dropDatabase": 1, "$db": database }).write(&mut stream).await?;
    let answer = Message::read(&mut stream).await?.and_then(|message| message.document());
    let kept = |ok: &Bson| matches!(ok, Bson::Int32(1)) || ok.as_f64() == Some(1.0);
    match answer {
        Some(said) if said.get("ok").is_some_and(kept) => Ok(()),
        said => Err(io::Error::other(format!("the database said {said:?}"))),
    }
}
