//! Clients that go on asking whatever happens to what they ask: they upload, transform, cancel and delete, send again under
//! the same key what was not answered, and one of them watches. All that they do and see is noted.

mod asking;
mod notes;
mod watching;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::answer::Answer;
use crate::client::Client;
use crate::draw::Draw;

use super::flaws::Flawed;
pub(super) use asking::own;
pub(super) use notes::Notes;
pub(super) use watching::sighting;

/// How much of what the clients ask for, in parts of the whole.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// Uploads.
    pub uploads: usize,
    /// Transformations.
    pub transforms: usize,
    /// Transformations of one image in several ways, with one request.
    pub batches: usize,
    /// Cancellations.
    pub cancels: usize,
    /// Deletions of images.
    pub deletions: usize,
    /// Transformations that can't be done, as only the attempt shows.
    pub flawed: usize,
    /// Whether all requests that make something have an idempotency key, rather than most.
    pub always_keyed: bool,
    /// How many requests there are at the most.
    pub limit: usize,
    /// How often each request that makes something is sent at once.
    pub copies: usize,
    /// How many ask at once.
    pub clients: usize,
    /// How long each of them waits between two requests.
    pub pause: Duration,
}

impl Mix {
    /// Some of everything.
    pub const ALL: Self = Self {
        uploads: 3,
        transforms: 14,
        batches: 2,
        cancels: 2,
        deletions: 1,
        flawed: 0,
        always_keyed: false,
        limit: usize::MAX,
        copies: 1,
        clients: 4,
        pause: PAUSE,
    };
    /// Transformations alone.
    pub const TRANSFORMS: Self = Self { uploads: 0, batches: 0, cancels: 0, deletions: 0, ..Self::ALL };
    /// Uploads alone.
    pub const UPLOADS: Self = Self { uploads: 1, transforms: 0, ..Self::TRANSFORMS };
}

/// How long a client usually waits between two requests, and always before it sends one again.
const PAUSE: Duration = Duration::from_millis(60);
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There are new requests.
    Busy,
    /// Only those are sent that were not answered yet.
    Finishing,
    /// It is watched no more.
    Over,
}

/// The clients, while they are at it.
pub(super) struct Crowd {
    shared: Arc<Shared>,
    asking: JoinSet<()>,
    watching: JoinSet<()>,
}

/// What all clients have in common.
struct Shared {
    client: Client,
    mix: Mix,
    flaws: Vec<Flawed>,
    /// The image that was there before they began.
    image: String,
    addresses: RwLock<Vec<String>>,
    notes: Mutex<Notes>,
    asked: AtomicUsize,
    answered: watch::Sender<u64>,
    stage: watch::Sender<Stage>,
}

impl Crowd {
    /// Lets them begin at these addresses, with an image that they have already, and with what can't be done.
    pub(super) fn start(
        client: Client,
        addresses: Vec<String>,
        image: &str,
        flaws: Vec<Flawed>,
        mix: Mix,
        draw: &mut Draw,
    ) -> Self {
        let mut notes = Notes::default();
        notes.uploaded_before(image);
        for flawed in &flaws {
            notes.uploaded_apart(&flawed.uploaded);
        }
        let shared = Arc::new(Shared {
            client,
            mix,
            flaws,
            image: image.to_owned(),
            addresses: RwLock::new(addresses),
            notes: Mutex::new(notes),
            asked: AtomicUsize::new(0),
            answered: watch::Sender::new(0),
            stage: watch::Sender::new(Stage::Busy),
        });
        let (mut asking, mut watching) = (JoinSet::new(), JoinSet::new());
        for _ in 0..mix.clients {
            asking.spawn(asking::ask(shared.clone(), draw.fork()));
        }
        watching.spawn(watching::watch(shared.clone(), draw.fork()));
        Self { shared, asking, watching }
    }

    /// Their user, who can be asked for at other places too.
    pub(super) fn client(&self) -> Client {
        let addresses = self.shared.addresses.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.shared.client.at_all(addresses)
    }

    /// The image that they had before they began.
    pub(super) fn image(&self) -> String {
        self.shared.image.clone()
    }

    /// Notes something that is seen from elsewhere.
    pub(super) fn note<T>(&self, note: impl FnOnce(&mut Notes) -> T) -> T {
        self.shared.note(note)
    }

    /// From now on they ask here.
    pub(super) fn move_to(&self, addresses: Vec<String>) {
        *self.shared.addresses.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// Returns when so many more requests have had their effect, or none has for as long as `most`. Returns whether they had: a
    /// slow machine is no fault.
    pub(super) async fn more(&self, answers: u64, most: Duration) -> bool {
        let before = *self.shared.answered.borrow();
        self.in_all(before + answers, most).await
    }

    /// The same for so many requests since they began.
    pub(super) async fn in_all(&self, answers: u64, most: Duration) -> bool {
        let mut seen = self.shared.answered.subscribe();
        while *seen.borrow_and_update() < answers {
            if timeout(most, seen.changed()).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Lets them finish what they have begun. What is not answered after `most` stays without an answer.
    pub(super) async fn finish(&mut self, most: Duration) {
        self.shared.stage.send_replace(Stage::Finishing);
        let finished = timeout(most, async { while self.asking.join_next().await.is_some() {} }).await;
        if finished.is_err() {
            self.asking.shutdown().await;
        }
    }

    /// Ends the watching and returns all that was noted.
    pub(super) async fn end(mut self) -> Notes {
        self.shared.stage.send_replace(Stage::Over);
        while self.watching.join_next().await.is_some() {}
        self.shared.note(std::mem::take)
    }
}

impl Shared {
    fn note<T>(&self, note: impl FnOnce(&mut Notes) -> T) -> T {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether one more request may be asked, and counts it.
    fn may_ask(&self) -> bool {
        self.stage() == Stage::Busy && self.asked.fetch_add(1, Ordering::Relaxed) < self.mix.limit
    }

    fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// A request to one of the addresses.
    fn request(&self, draw: &mut Draw, method: Method, path: &str) -> RequestBuilder {
        let address = draw.one_of(&self.addresses.read().unwrap_or_else(PoisonError::into_inner));
        self.client.request(method, &format!("{address}{path}"))
    }

    /// The answer to a request, if there is one in time.
    async fn send(&self, request: RequestBuilder) -> Option<Answer> {
        timeout(PATIENCE, Answer::try_to(request)).await.ok()?.ok()
    }

    async fn pause(&self) {
        sleep(PAUSE).await;
    }
}
