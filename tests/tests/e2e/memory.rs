//! A body far over the limit costs the server no memory, whether it says its size beforehand or not.

use std::iter;

use pixmill_e2e::{Client, Connection, Server, peak_memory, reset_peak_memory};

/// More than three times what a server takes by default.
const BODY: usize = 100 << 20;
const PIECE: usize = 1 << 20;
/// By how much the server's memory may grow meanwhile, at its peak.
const GROWTH: u64 = 20 << 20;

#[tokio::test]
async fn a_body_over_the_limit_is_refused_in_constant_memory() {
    let server = Server::start(&[]).await;
    let client = server.user("anna").await;
    let process = server.processes().root();
    for announced in [true, false] {
        let before = reset_peak_memory(process);
        let (sent, status) = send(&server, &client, announced).await;
        assert_eq!(status, 413);
        let limit = 33 << 20;
        let read = if announced { 0 } else { limit };
        // What the server has not read lies in the sockets' buffers, some megabytes.
        assert!(sent < read + (16 << 20), "{sent} bytes went out, though the limit is {limit}");
        let grown = peak_memory(process).saturating_sub(before);
        assert!(grown < GROWTH, "memory grew by {grown} bytes (size announced: {announced})");
    }
    assert!(server.home().blobs().is_empty());
    assert!(server.home().temporary_files().is_empty());
    client.upload_png(10, 10).await;
}

/// Sends a file that is a PNG as far as its beginning tells; returns how much went out, and the answer's status.
async fn send(server: &Server, client: &Client, announced: bool) -> (u64, u16) {
    let form = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n";
    let first = [&form[..], &pixmill_testkit::fixtures::png(9, 9)].concat();
    let size =
        if announced { format!("Content-Length: {BODY}") } else { "Transfer-Encoding: chunked".to_owned() };
    let headers = [client.authorization(), "Content-Type: multipart/form-data; boundary=b".to_owned(), size];
    let head = Connection::request("POST", "/images/upload", &headers, b"");
    let rest = iter::repeat_n(vec![0; PIECE], BODY / PIECE);
    let pieces = iter::once(first).chain(rest).map(|piece| if announced { piece } else { chunk(&piece) });
    let mut connection = Connection::open(server.address()).await.unwrap();
    let (sent, reply) = connection.stream(&head, pieces).await.unwrap();
    let head = reply.head.to_lowercase();
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    assert!(head.contains("connection: close"), "the server hangs up without a word: {head}");
    (sent, reply.status)
}

/// RFC 9112, section 7.1.
fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}
