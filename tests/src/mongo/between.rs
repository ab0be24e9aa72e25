//! Somebody between Pixmill and a MongoDB that nobody else is to have: its clock can be ahead, and its disk be full.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bson::{DateTime, doc};
use tokio::io::{AsyncWrite, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use super::message::Message;

/// The commands that need room on the disk.
const WRITES: [&str; 6] =
    ["insert", "update", "delete", "findAndModify", "createIndexes", "commitTransaction"];
/// Where an answer to `hello` tells the server's time.
const TIME: &str = "localTime";

/// It listens on a port of its own, for as long as the runtime runs.
pub(crate) struct Between {
    address: SocketAddr,
    told: Arc<Told>,
}

/// How the server behind seems to be.
#[derive(Default)]
struct Told {
    /// By how many milliseconds its clock is ahead.
    ahead: AtomicU64,
    full: AtomicBool,
    /// How many commands were refused for want of room.
    refused: AtomicU64,
}

impl Between {
    /// Stands before the server at `target`, such as `127.0.0.1:27017`.
    ///
    /// # Panics
    /// If the system has no ports.
    pub(crate) async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let (target, told) = (target.to_owned(), Arc::<Told>::default());
        let seen = told.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, target.clone(), seen.clone()));
            }
        });
        Self { address, told }
    }

    /// Where it listens, `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Lets so much time pass at once.
    pub(crate) fn pass(&self, time: Duration) {
        self.told.ahead.fetch_add(time.as_millis() as u64, Ordering::Relaxed);
    }

    /// Lets the server have no room on its disk.
    pub(crate) fn fill(&self) {
        self.told.full.store(true, Ordering::Relaxed);
    }

    /// Lets the server have room again. Returns whether it refused anything without.
    pub(crate) fn free(&self) -> bool {
        self.told.full.store(false, Ordering::Relaxed);
        self.told.refused.swap(0, Ordering::Relaxed) > 0
    }
}

async fn pass(client: TcpStream, target: String, told: Arc<Told>) -> io::Result<()> {
    let server = TcpStream::connect(&target).await?;
    // Nobody is to be slow here.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let to_client = Mutex::new(to_client);
    tokio::select! {
        ended = ask(from_client, to_server, &to_client, &told) => ended,
        ended = answer(from_server, &to_client, &told) => ended,
    }
}

/// Passes on what is asked. What the server has no room for is refused here.
async fn ask(
    from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    back: &Mutex<impl AsyncWrite + Unpin>,
    told: &Told,
) -> io::Result<()> {
    let mut from = BufReader::new(from);
    while let Some(message) = Message::read(&mut from).await? {
        if told.full.load(Ordering::Relaxed) && writes(&message) {
            told.refused.fetch_add(1, Ordering::Relaxed);
            refusal(&message).write(&mut *back.lock().await).await?;
        } else {
            message.write(&mut to).await?;
        }
    }
    Ok(())
}

/// Passes on what is answered, with the time as it is to be.
async fn answer(from: OwnedReadHalf, to: &Mutex<impl AsyncWrite + Unpin>, told: &Told) -> io::Result<()> {
    let mut from = BufReader::new(from);
    while let Some(message) = Message::read(&mut from).await? {
        let ahead = told.ahead.load(Ordering::Relaxed);
        let changed = if ahead > 0 { later(&message, ahead) } else { None };
        changed.unwrap_or(message).write(&mut *to.lock().await).await?;
    }
    Ok(())
}

/// Whether a message asks for something that needs room.
fn writes(message: &Message) -> bool {
    // What is asked is the name of the first field.
    let first = message.raw_document().and_then(|document| document.iter().next()?.ok());
    first.is_some_and(|(name, _)| WRITES.contains(&name.as_str()))
}

/// What a server answers that has no room.
fn refusal(question: &Message) -> Message {
    let said = doc! { "ok": 0.0, "code": 14031, "codeName": "OutOfDiskSpace", "errmsg": "the disk is full" };
    Message::of(0, question.id(), &said)
}

/// An answer with a later time, if it tells the time.
fn later(message: &Message, millis: u64) -> Option<Message> {
    let told = message.raw_document()?.get_datetime(TIME).ok()?;
    let mut document = message.document()?;
    document.insert(TIME, DateTime::from_millis(told.timestamp_millis() + millis as i64));
    Some(message.with(&document))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection to a server that answers everything with its time and the name of what was asked.
    async fn asked() -> (Between, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let between = Between::before(&listener.local_addr().unwrap().to_string()).await;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            while let Some(question) = Message::read(&mut stream).await.unwrap() {
                let name = question.document().unwrap().keys().next().cloned();
                let said = doc! { TIME: DateTime::from_millis(1_000), "ok": 1.0, "asked": name };
                Message::of(7, question.id(), &said).write(&mut stream).await.unwrap();
            }
        });
        let client = TcpStream::connect(between.address()).await.unwrap();
        (between, client)
    }

    async fn say(client: &mut TcpStream, what: &str) -> bson::Document {
        Message::of(3, 0, &doc! { what: 1, "$db": "test" }).write(client).await.unwrap();
        let answer = Message::read(client).await.unwrap().unwrap();
        answer.document().unwrap()
    }

    #[tokio::test]
    async fn the_time_is_told_as_it_is_to_be() {
        let (between, mut client) = asked().await;
        assert_eq!(say(&mut client, "hello").await.get_datetime(TIME).unwrap().timestamp_millis(), 1_000);
        for _ in 0..2 {
            between.pass(Duration::from_secs(30));
        }
        let answer = say(&mut client, "hello").await;
        assert_eq!(answer.get_datetime(TIME).unwrap().timestamp_millis(), 61_000);
        assert_eq!(answer.get_str("asked").unwrap(), "hello", "the rest is as it was");
    }

    #[tokio::test]
    async fn a_full_disk_refuses_what_needs_room_and_nothing_else() {
        let (between, mut client) = asked().await;
        between.fill();
        assert_eq!(say(&mut client, "insert").await.get_i32("code").unwrap(), 14031);
        assert_eq!(say(&mut client, "find").await.get_str("asked").unwrap(), "find");
        assert!(between.free());
        assert_eq!(say(&mut client, "insert").await.get_str("asked").unwrap(), "insert");
        between.fill();
        assert!(!between.free(), "nobody asked");
    }
}
