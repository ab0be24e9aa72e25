//! The API over memory, with a clock that stands still and faults on demand, and short ways to talk to it.

use std::io;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use bytes::Bytes;
use pixmill::ports::{PortErrorKind, Processor, Queue, Quota};
use pixmill::{LinkSigner, Ports, Secret, Services, Settings};
use pixmill_api::{ApiConfig, Readiness};
use pixmill_memory::Memory;
use pixmill_runtime::{Argon2Config, Argon2Passwords, InProcess, MemoryBudget};
use pixmill_testkit::{Calls, Fault, FaultPlan, Faulty, TestClock, fixtures};
use poem::endpoint::{DynEndpoint, ToDynEndpoint};
use poem::http::{HeaderMap, Method, StatusCode};
use poem::test::TestClient;
use poem::{Body, Response};
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "strongPassword!";

/// The key that the tests' tokens are signed with.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Largest file that the tests' API takes.
pub(crate) const MAX_UPLOAD: u64 = 256 << 10;

pub(crate) struct TestApp {
    pub(crate) endpoint: Arc<dyn DynEndpoint<Output = Response>>,
    pub(crate) memory: Memory,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) faults: Arc<FaultPlan>,
    pub(crate) services: Services,
    pub(crate) readiness: Readiness,
}

/// What all tests of this program log, for good: subscribers that come and go would miss lines of each other.
#[derive(Clone, Copy)]
pub(crate) struct Log;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl Log {
    fn start() {
        static STARTED: Once = Once::new();
        STARTED.call_once(|| {
            let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::TRACE);
            tracing::subscriber::set_global_default(subscriber.with_writer(|| Self).finish()).unwrap();
        });
    }

    pub(crate) fn text() -> String {
        String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a well-formed problem with this status and code, and returns its body.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(
            (self.status.as_u16(), self.header("content-type")),
            (status, "application/problem+json"),
            "{body}"
        );
        let json = self.json();
        assert_eq!(
            (json["code"].as_str(), json["status"].as_u64()),
            (Some(code), Some(status.into())),
            "{body}"
        );
        assert_eq!(json["type"], "about:blank");
        assert_eq!(json["title"], self.status.canonical_reason().unwrap());
        assert_eq!(json["requestId"], self.header("x-request-id"));
        assert!(json["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
        json
    }

    /// The names of the fields that a problem is about.
    pub(crate) fn fields(&self) -> Vec<String> {
        let json = self.json();
        let errors = json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status.is_success(), "{}: {:?}", self.status, self.body);
        self
    }
}

impl TestApp {
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    pub(crate) fn limited(requests: u32) -> Self {
        Self::with(
            |config| config.rate_limit = Some(Quota { requests, window: Duration::from_mins(10) }),
            |_| {},
        )
    }

    pub(crate) fn with(configure: impl FnOnce(&mut ApiConfig), set: impl FnOnce(&mut Settings)) -> Self {
        Log::start();
        let clock = TestClock::new();
        let memory = Memory::new(clock.clone());
        let faults = FaultPlan::new(clock.clone());
        let limiter = Arc::new(Faulty::new(memory.limiter.clone(), faults.clone()));
        let argon2 = Argon2Config { memory_kib: 8, passes: 1, ..Argon2Config::default() };
        let processor = InProcess::start(2.try_into().unwrap(), MemoryBudget::new(1 << 30)).unwrap();
        let ports = Ports {
            users: Arc::new(Faulty::new(memory.users.clone(), faults.clone())),
            api_keys: memory.api_keys.clone(),
            images: Arc::new(Faulty::new(memory.images.clone(), faults.clone())),
            jobs: Arc::new(Faulty::new(memory.jobs.clone(), faults.clone())),
            queue: memory.queue.clone(),
            blobs: Arc::new(Faulty::new(memory.blobs.clone(), faults.clone())),
            cache: memory.cache.clone(),
            events: memory.events.clone(),
            limiter: limiter.clone(),
            once_keys: Arc::new(Faulty::new(memory.once_keys.clone(), faults.clone())),
            passwords: Arc::new(Argon2Passwords::start(&argon2).unwrap()),
            processor: Arc::new(processor) as Arc<dyn Processor>,
            clock: clock.clone(),
        };
        let mut settings = Settings {
            public_url: "http://pixmill.test".to_owned(),
            max_upload_bytes: MAX_UPLOAD,
            max_cached_bytes: 64 << 10,
            ..Settings::default()
        };
        set(&mut settings);
        let services = Services::new(ports, settings, LinkSigner::new(b"test"));
        let mut config = ApiConfig::new(Secret::new(SECRET));
        config.max_upload_bytes = MAX_UPLOAD;
        configure(&mut config);
        let readiness = config.readiness.clone();
        let app = pixmill_api::app(services.clone(), limiter, clock.clone(), config);
        let endpoint = Arc::new(ToDynEndpoint(app)) as Arc<dyn DynEndpoint<Output = Response>>;
        Self { endpoint, memory, clock, faults, services, readiness }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Call<'_> {
        Call { app: self, method, path: path.to_owned(), headers: Vec::new(), body: Body::empty() }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call<'_> {
        self.request(Method::POST, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.request(Method::DELETE, path)
    }

    /// Registers a user, logs in and returns the token.
    pub(crate) async fn user(&self, username: &str) -> String {
        let credentials = json!({"username": username, "password": PASSWORD});
        self.post("/auth/register").json(&credentials).send().await.ok();
        let answer = self.post("/auth/login").json(&credentials).send().await.ok();
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// A token for a new user, however few requests are allowed.
    pub(crate) async fn user_within_limits(&self, username: &str) -> String {
        self.faults.inject("limiter.check", Calls::All, Fault::Before(PortErrorKind::Unavailable));
        let token = self.user(username).await;
        self.faults.clear();
        token
    }

    /// Uploads a PNG file of 40 x 30 pixels and returns its id.
    pub(crate) async fn image(&self, token: &str) -> String {
        let answer = self.post("/images/upload").token(token).file(&fixtures::png(40, 30)).send().await.ok();
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Asks for a picture of half the width and returns the job's id.
    pub(crate) async fn job(&self, token: &str, image: &str, save: bool) -> String {
        let body = json!({"width": 20, "saveImage": save});
        let answer =
            self.post(&format!("/images/transform/{image}")).token(token).json(&body).send().await.ok();
        answer.json()["jobId"].as_str().unwrap().to_owned()
    }

    /// Runs one attempt at the next job.
    pub(crate) async fn work(&self) {
        let delivery = self.memory.queue.receive().await.unwrap();
        self.services.worker.process().run(delivery).await.unwrap();
    }
}

/// A request on its way.
pub(crate) struct Call<'a> {
    app: &'a TestApp,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Body,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, json: &Value) -> Self {
        self.text(&json.to_string())
    }

    /// A body that says that it is JSON.
    pub(crate) fn text(self, text: &str) -> Self {
        self.header("content-type", "application/json").body(text.to_owned())
    }

    /// A form with this file in its field.
    pub(crate) fn file(self, file: &[u8]) -> Self {
        self.form(&[part("file", file)])
    }

    /// A form of these parts.
    pub(crate) fn form(self, parts: &[Vec<u8>]) -> Self {
        self.header("content-type", FORM).body(form(parts))
    }

    pub(crate) async fn send(self) -> Answer {
        let client = TestClient::new(self.app.endpoint.clone());
        let mut call = client.request(self.method, self.path).body(self.body);
        for (name, value) in self.headers {
            call = call.header(name, value);
        }
        let mut response = call.send().await.0;
        let body = response.take_body().into_bytes().await.unwrap();
        Answer { status: response.status(), headers: response.headers().clone(), body }
    }
}

pub(crate) const FORM: &str = "multipart/form-data; boundary=XYZ";

/// One part of a form.
pub(crate) fn part(name: &str, content: &[u8]) -> Vec<u8> {
    let head =
        format!("--XYZ\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.png\"\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// A whole form.
pub(crate) fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat().as_slice(), b"--XYZ--\r\n"].concat()
}
