//! All of a user's jobs over one WebSocket. It is not in the document, which can't describe such a conversation;
//! the types of [`wire::live`](crate::wire::live) are its description.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, SinkExt, StreamExt};
use pixmill::{Job, JobId, KeyScope, Update, UserId};
use poem::http::StatusCode;
use poem::http::header::AUTHORIZATION;
use poem::web::websocket::{CloseCode, Message, WebSocket, WebSocketConfig, WebSocketStream};
use poem::{Endpoint, FromRequest, IntoResponse, Request, RequestBody, Response, Result};

use crate::app::State;
use crate::auth;
use crate::logins::LoginLapse;
use crate::problem::Problem;
use crate::scope::Scope;
use crate::serve::Stopping;
use crate::wire::job::JobView;
use crate::wire::live::{Asked, Told};

/// How long a client may take to say who it is.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// The most bytes of a client's message.
const MAX_BYTES: usize = 64 << 10;
/// What is read or written at once. It is there for each connection, and there are many that are silent.
const BUFFER: usize = 4 << 10;
/// The most jobs that a client may name at once.
const MAX_NAMED: usize = 1000;

/// Answers `GET /ws`.
#[expect(non_camel_case_types, reason = "an endpoint without state, used like a function")]
pub(crate) struct converse;

impl Endpoint for converse {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let state = Scope::of(&request).state.clone();
        let token = match request.headers().get(AUTHORIZATION) {
            Some(_) => {
                auth::authenticate(request.headers(), &state.logins).await?;
                auth::bearer(request.headers()).map(str::to_owned)
            }
            None => None,
        };
        let stopping = Stopping::of(&request);
        let socket =
            WebSocket::from_request(&request, &mut RequestBody::default()).await.map_err(|_| no_upgrade())?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_BYTES))
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER);
        let conversation = move |socket| {
            let begun = stopping.clone().begun().boxed();
            async move {
                Conversation { socket, state, token, stopping: begun }.run().await;
                drop(stopping);
            }
        };
        Ok(socket.config(config).on_upgrade(conversation).into_response())
    }
}

fn no_upgrade() -> Problem {
    let detail = "this path speaks WebSocket (version 13) only; send the headers of its opening handshake";
    Problem::new(StatusCode::BAD_REQUEST, "websocket_expected", detail)
}

struct Conversation {
    socket: WebSocketStream,
    state: Arc<State>,
    token: Option<String>,
    stopping: BoxFuture<'static, ()>,
}

/// Why a conversation ends.
enum End {
    /// The client left.
    Gone,
    /// The server stops; the client should come back.
    Away,
    /// Something is wrong; the client learns what.
    Problem(u16, &'static str, String),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Close codes for applications begin at 4000; these end like the status that HTTP would answer with.
const MALFORMED: u16 = 4400;
const UNAUTHENTICATED: u16 = 4401;
const FORBIDDEN: u16 = 4403;
const FAULT: u16 = 1011;

impl Conversation {
    async fn run(mut self) {
        let (code, reason) = match self.follow().await {
            Ok(()) | Err(End::Gone) => return,
            Err(End::Away) => (CloseCode::Away, "the server stops; come back later"),
            Err(End::Problem(close, code, detail)) => {
                let told = Told::Problem { code, detail };
                if self.tell(&told).await.is_err() {
                    return;
                }
                (CloseCode::from(close), code)
            }
        };
        // A client that is gone needs no farewell.
        let _ = self.socket.send(Message::close_with(code, reason)).await;
        let _ = self.socket.close().await;
    }

    async fn follow(&mut self) -> std::result::Result<(), End> {
        let named = match self.token {
            Some(_) => Vec::new(),
            None => {
                let asked = self.introduction().await?;
                self.token = asked.token;
                ids(&asked.jobs)?
            }
        };
        let caller = user(&self.state, self.token.as_deref()).await?;
        let mut updates =
            self.state.services.live.jobs(caller, named).await.map_err(|error| fault(&error))?;
        loop {
            tokio::select! {
                biased;
                () = &mut self.stopping => return Err(End::Away),
                message = self.socket.next() => match message {
                    None => return Ok(()),
                    Some(message) => {
                        for id in asked(message?)?.map_or(Ok(Vec::new()), |asked| ids(&asked.jobs))? {
                            let job = self.state.services.results.job(caller, id).await;
                            if let Some(job) = job.map_err(|error| fault(&error))? {
                                self.tell_of(job).await?;
                            }
                        }
                    }
                },
                update = updates.next() => match update {
                    None => return Err(End::Away),
                    Some(Update::Job(job)) => self.tell_of(*job).await?,
                    Some(Update::Quiet) => {
                        user(&self.state, self.token.as_deref()).await?;
                        self.socket.send(Message::Ping(Vec::new())).await?;
                    }
                },
            }
        }
    }

    /// What the client says first.
    async fn introduction(&mut self) -> std::result::Result<Asked, End> {
        let clock = self.state.clock.clone();
        let mut patience = clock.sleep(INTRODUCTION);
        loop {
            tokio::select! {
                biased;
                () = &mut self.stopping => return Err(End::Away),
                message = self.socket.next() => match message {
                    None => return Err(End::Gone),
                    Some(message) => if let Some(asked) = asked(message?)? {
                        return Ok(asked);
                    },
                },
                () = &mut patience => {
                    let detail = "say who you are within 10 seconds: {\"token\":\"...\"}";
                    return Err(End::Problem(UNAUTHENTICATED, "token_missing", detail.to_owned()));
                }
            }
        }
    }

    async fn tell_of(&mut self, job: Job) -> std::result::Result<(), End> {
        // Whoever can't be told of a job must come back, for nobody tells them of it again.
        let url = self.state.services.results.saved_url(&job).await.map_err(|error| fault(&error))?;
        Ok(self.tell(&Told::Job { job: Box::new(JobView::new(job, url)) }).await?)
    }

    async fn tell(&mut self, told: &Told) -> io::Result<()> {
        let json = serde_json::to_string(told).expect("wire types are plain data");
        self.socket.send(Message::text(json)).await
    }
}

/// Whose token it is, as long as it counts.
async fn user(state: &State, token: Option<&str>) -> std::result::Result<UserId, End> {
    let Some(token) = token else {
        let detail = "the first message must name a token: {\"token\":\"...\"}";
        return Err(End::Problem(UNAUTHENTICATED, "token_missing", detail.to_owned()));
    };
    let login = state.logins.check(token).await.map_err(|lapse| match lapse {
        LoginLapse::Token(error) => End::Problem(UNAUTHENTICATED, error.code(), error.to_string()),
        LoginLapse::Port(error) => fault(&error),
    })?;
    if !login.has(KeyScope::Read) {
        let detail = "this API key lacks the scope read; make one that has it, or log in";
        return Err(End::Problem(FORBIDDEN, "insufficient_scope", detail.to_owned()));
    }
    Ok(login.user)
}

/// A client's message; `None` for those that the protocol itself answers.
fn asked(message: Message) -> std::result::Result<Option<Asked>, End> {
    let malformed = |detail: String| End::Problem(MALFORMED, "malformed_message", detail);
    match message {
        Message::Text(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| malformed(format!("a message is {{\"token\", \"jobs\"}} as JSON: {error}"))),
        Message::Binary(_) => Err(malformed("messages are text, not binary".to_owned())),
        Message::Close(_) => Err(End::Gone),
        Message::Ping(_) | Message::Pong(_) => Ok(None),
    }
}

/// Ids that can't be any are as unknown as others that do not exist: nothing is told of them.
fn ids(texts: &[String]) -> std::result::Result<Vec<JobId>, End> {
    if texts.len() > MAX_NAMED {
        let detail = format!("at most {MAX_NAMED} jobs can be named at once, not {}", texts.len());
        return Err(End::Problem(MALFORMED, "malformed_message", detail));
    }
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

fn fault(error: &pixmill::ports::PortError) -> End {
    tracing::error!(%error, "a conversation ends: jobs can't be read");
    End::Problem(FAULT, "unavailable", "jobs can't be read at the moment; come back later".to_owned())
}
