//! A look at the queues of a broker, past Pixmill. Just enough of AMQP 0-9-1 for that: each call is a connection of its own.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A broker, as whoever runs it reaches it.
#[derive(Debug, Clone)]
pub struct Amqp {
    host: String,
    user: String,
    password: String,
}

/// The only channel, and the kinds of frames.
const CHANNEL: u16 = 1;
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xCE;

/// Methods, as the class and the number in it.
type Name = (u16, u16);
const CONNECTION_START: Name = (10, 10);
const CONNECTION_START_OK: Name = (10, 11);
const CONNECTION_TUNE: Name = (10, 30);
const CONNECTION_TUNE_OK: Name = (10, 31);
const CONNECTION_OPEN: Name = (10, 40);
const CONNECTION_OPEN_OK: Name = (10, 41);
const CHANNEL_OPEN: Name = (20, 10);
const CHANNEL_OPEN_OK: Name = (20, 11);
const CHANNEL_CLOSE: Name = (20, 40);
const QUEUE_DECLARE: Name = (50, 10);
const QUEUE_DECLARE_OK: Name = (50, 11);
const QUEUE_DELETE: Name = (50, 40);
const QUEUE_DELETE_OK: Name = (50, 41);
const BASIC_PUBLISH: Name = (60, 40);
const BASIC_ACK: Name = (60, 80);
const CONFIRM_SELECT: Name = (85, 10);
const CONFIRM_SELECT_OK: Name = (85, 11);

impl Amqp {
    /// The broker of a URL such as `amqp://guest:guest@127.0.0.1:5672`, at its first virtual host.
    ///
    /// # Panics
    /// If the URL is another.
    pub fn at(url: &str) -> Self {
        let parts = || {
            let (login, host) = url.strip_prefix("amqp://")?.split_once('@')?;
            let (user, password) = login.split_once(':')?;
            Some((host.trim_end_matches('/').to_owned(), user.to_owned(), password.to_owned()))
        };
        let (host, user, password) =
            parts().unwrap_or_else(|| panic!("{url} is no amqp://USER:PASSWORD@HOST:PORT"));
        Self { host, user, password }
    }

    /// Removes a queue with everything in it, if it is there.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn delete(&self, queue: &str) -> io::Result<()> {
        let mut session = self.open().await?;
        session.call(QUEUE_DELETE, &[&[0, 0][..], &short(queue), &[0]].concat(), QUEUE_DELETE_OK).await?;
        Ok(())
    }

    /// How many messages wait in a queue; `None` if there is no such queue.
    ///
    /// # Errors
    /// If the broker does not answer.
    pub async fn count(&self, queue: &str) -> io::Result<Option<u32>> {
        let mut session = self.open().await?;
        // The bits: passive alone. No arguments.
        let arguments = [&[0, 0][..], &short(queue), &[1], &[0; 4]].concat();
        session.send(METHOD, &method(QUEUE_DECLARE, &arguments)).await?;
        let (name, answer) = session.method().await?;
        match name {
            QUEUE_DECLARE_OK => {
                let count = answer.get(1 + usize::from(answer[0])..).and_then(|rest| rest.first_chunk());
                Ok(count.map(|count| u32::from_be_bytes(*count)))
            }
            CHANNEL_CLOSE => Ok(None),
            other => Err(unexpected(other)),
        }
    }

    /// Puts a message into a queue, and returns once the broker keeps it.
    ///
    /// # Errors
    /// If the broker does not take it.
    pub async fn publish(&self, queue: &str, body: &[u8]) -> io::Result<()> {
        let mut session = self.open().await?;
        session.call(CONFIRM_SELECT, &[0], CONFIRM_SELECT_OK).await?;
        // To the exchange without a name, which knows each queue by its own; not mandatory, not immediate.
        let arguments = [&[0, 0][..], &short(""), &short(queue), &[0]].concat();
        session.send(METHOD, &method(BASIC_PUBLISH, &arguments)).await?;
        let size = (body.len() as u64).to_be_bytes();
        // The class of basic, no weight, the size, and one property: it is to be kept on disk.
        session.send(HEADER, &[&[0, 60, 0, 0][..], &size, &[0x10, 0], &[2]].concat()).await?;
        if !body.is_empty() {
            session.send(BODY, body).await?;
        }
        match session.method().await? {
            (BASIC_ACK, _) => Ok(()),
            (other, _) => Err(unexpected(other)),
        }
    }

    /// Whether it lets this user in.
    pub async fn answers(&self) -> bool {
        self.open().await.is_ok()
    }

    async fn open(&self) -> io::Result<Session> {
        let mut stream = TcpStream::connect(&self.host).await?;
        stream.write_all(b"AMQP\0\0\x09\x01").await?;
        let mut session = Session { stream };
        session.expect(CONNECTION_START).await?;
        let login = long(&format!("\0{}\0{}", self.user, self.password));
        // No properties of the client; the mechanism, the login, the language.
        let start = [&[0; 4][..], &short("PLAIN"), &login, &short("en_US")].concat();
        session.send_on(0, METHOD, &method(CONNECTION_START_OK, &start)).await?;
        let tune = session.expect(CONNECTION_TUNE).await?;
        // As proposed, but without heartbeats: nothing here lasts that long.
        let tune = [tune.get(..6).unwrap_or_default(), &[0, 0]].concat();
        session.send_on(0, METHOD, &method(CONNECTION_TUNE_OK, &tune)).await?;
        let open = [&short("/")[..], &short(""), &[0]].concat();
        session.send_on(0, METHOD, &method(CONNECTION_OPEN, &open)).await?;
        session.expect(CONNECTION_OPEN_OK).await?;
        session.call(CHANNEL_OPEN, &short(""), CHANNEL_OPEN_OK).await?;
        Ok(session)
    }
}

/// A connection with one channel. The broker takes its end for the end of everything on it.
struct Session {
    stream: TcpStream,
}

impl Session {
    async fn call(&mut self, name: Name, arguments: &[u8], answer: Name) -> io::Result<Vec<u8>> {
        self.send(METHOD, &method(name, arguments)).await?;
        self.expect(answer).await
    }

    async fn expect(&mut self, wanted: Name) -> io::Result<Vec<u8>> {
        match self.method().await? {
            (name, arguments) if name == wanted => Ok(arguments),
            (other, _) => Err(unexpected(other)),
        }
    }

    async fn send(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        self.send_on(CHANNEL, kind, payload).await
    }

    async fn send_on(&mut self, channel: u16, kind: u8, payload: &[u8]) -> io::Result<()> {
        let (channel, length) = (channel.to_be_bytes(), (payload.len() as u32).to_be_bytes());
        let frame = [&[kind][..], &channel, &length, payload, &[END]].concat();
        self.stream.write_all(&frame).await
    }

    /// The next method that comes, with its arguments.
    async fn method(&mut self) -> io::Result<(Name, Vec<u8>)> {
        loop {
            let mut head = [0; 7];
            self.stream.read_exact(&mut head).await?;
            let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
            let mut payload = vec![0; length as usize + 1];
            self.stream.read_exact(&mut payload).await?;
            payload.pop();
            if head[0] == METHOD
                && let Some([a, b, c, d]) = payload.first_chunk().copied()
            {
                let name = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                return Ok((name, payload.split_off(4)));
            }
        }
    }
}

fn method((class, number): Name, arguments: &[u8]) -> Vec<u8> {
    [&class.to_be_bytes()[..], &number.to_be_bytes(), arguments].concat()
}

fn short(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).expect("names are short")][..], text.as_bytes()].concat()
}

fn long(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat()
}

fn unexpected((class, number): Name) -> io::Error {
    io::Error::other(format!("the broker said method {class}.{number}, which is not what was expected"))
}
