//! Whether a server is ready, asked in its own protocol: an open port alone says little.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

type Address = (&'static str, u16);

/// Whether the answer to `question` begins with `expected`.
pub(super) fn line(address: Address, question: &[u8], expected: &[u8]) -> bool {
    let mut answer = vec![0; expected.len()];
    let asked = connect(address).and_then(|mut stream| {
        stream.write_all(question)?;
        stream.read_exact(&mut answer)
    });
    asked.is_ok() && answer == expected
}

/// Whether a MongoDB answers `ping`.
pub(super) fn mongodb(address: Address) -> bool {
    // {ping: 1, $db: "admin"} as BSON.
    let document = b"\x1e\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";
    // OP_MSG: its length, an id, no answer's id, the operation's number; no flags, then one document.
    let mut question = Vec::new();
    for number in [21 + document.len() as u32, 1, 0, 2013, 0] {
        question.extend_from_slice(&number.to_le_bytes());
    }
    question.push(0);
    question.extend_from_slice(document);
    let answer = connect(address).and_then(|mut stream| {
        stream.write_all(&question)?;
        let mut answer = vec![0; 256];
        let len = stream.read(&mut answer)?;
        answer.truncate(len);
        Ok(answer)
    });
    // {ok: 1.0}, whatever else it says.
    let ok = b"\x01ok\0\0\0\0\0\0\0\xf0\x3f";
    answer.is_ok_and(|answer| answer.windows(ok.len()).any(|part| part == ok))
}

/// Whether anything speaks HTTP there.
pub(super) fn http(address: Address) -> bool {
    status(address, "GET", "/").is_some()
}

/// Makes the bucket, if it is not there, and stores a file in it: the filer can before the volumes can.
pub(super) fn bucket(filer: Address, name: &str) -> bool {
    // A path that ends with a slash is a folder, and another that is put a file.
    let put = |path: &str| status(filer, "PUT", path).is_some_and(|status| (200..300).contains(&status));
    put(&format!("/buckets/{name}/")) && put(&format!("/buckets/{name}/ready"))
}

fn status(address: Address, method: &str, path: &str) -> Option<u16> {
    let body = if method == "PUT" && !path.ends_with('/') { "yes" } else { "" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        address.0,
        body.len()
    );
    let mut answer = [0; 12];
    let mut stream = connect(address).ok()?;
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()?;
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer).ok()?.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

fn connect(address: Address) -> io::Result<TcpStream> {
    let address: SocketAddr = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
