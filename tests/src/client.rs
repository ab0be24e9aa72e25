//! A small client of the documented API: somebody who registers, uploads, transforms and waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pixmill_testkit::fixtures;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::wait::eventually;

/// The password of every user that the tests register.
pub const PASSWORD: &str = "strongPassword!";

/// Somebody who talks to a server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Where requests go, in turn.
    addresses: Arc<Vec<String>>,
    turn: Arc<AtomicUsize>,
    token: Option<String>,
}

/// An image that is stored.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// Its id.
    pub id: String,
    /// A signed link to it.
    pub url: String,
}

impl Client {
    /// Somebody unknown.
    ///
    /// # Panics
    /// If the system has no sockets.
    pub fn new(address: &str) -> Self {
        Self::of_all(vec![address.to_owned()])
    }

    /// Somebody unknown whose requests go to all these addresses in turn, as behind a load balancer.
    pub(crate) fn of_all(addresses: Vec<String>) -> Self {
        Self { http: http(), addresses: Arc::new(addresses), turn: Arc::default(), token: None }
    }

    /// The same person at another address.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { token: self.token.clone(), ..Self::new(address) }
    }

    /// The same person, whose requests go to all these addresses in turn.
    #[must_use]
    pub fn at_all(&self, addresses: Vec<String>) -> Self {
        Self { token: self.token.clone(), ..Self::of_all(addresses) }
    }

    /// Somebody with this token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The token, if there is one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The line of a request by hand that says who sends it.
    ///
    /// # Panics
    /// If nobody is logged in.
    pub fn authorization(&self) -> String {
        format!("Authorization: Bearer {}", self.token().expect("somebody is logged in"))
    }

    /// A request to a path, or to a whole address.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let address = &self.addresses[turn % self.addresses.len()];
        let url = if path.starts_with('/') { format!("{address}{path}") } else { path.to_owned() };
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// GET from a server that may be away; `None` if there is no answer within a few seconds.
    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        let answer = Answer::try_to(self.request(Method::GET, path));
        timeout(Duration::from_secs(5), answer).await.ok()?.ok()
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::DELETE, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &body.to_string()).await
    }

    /// POST with a body that claims to be JSON.
    pub async fn post_text(&self, path: &str, body: &str) -> Answer {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        Answer::to(request.body(body.to_owned())).await
    }

    /// Registers a user.
    pub async fn register(&self, name: &str) -> Value {
        let body = json!({ "username": name, "password": PASSWORD });
        self.post("/auth/register", &body).await.expect(200).json()
    }

    /// Logs a user in.
    ///
    /// # Panics
    /// If the answer has no token.
    pub async fn login(&self, name: &str) -> Self {
        let body = json!({ "username": name, "password": PASSWORD });
        let answer = self.post("/auth/login", &body).await.expect(200).json();
        assert_eq!(answer["message"], "Login successful");
        self.with_token(answer["token"].as_str().expect("login answers a token"))
    }

    /// Sends a file, whatever comes of it.
    ///
    /// # Panics
    /// If `media_type` is none.
    pub async fn send_file(&self, bytes: impl Into<Vec<u8>>, name: &str, media_type: &str) -> Answer {
        let part = Part::bytes(bytes.into()).file_name(name.to_owned());
        let part = part.mime_str(media_type).expect("the test gives a media type");
        Answer::to(self.request(Method::POST, "/images/upload").multipart(Form::new().part("file", part)))
            .await
    }

    /// Uploads an image.
    ///
    /// # Panics
    /// If the server does not take it.
    pub async fn upload(&self, bytes: impl Into<Vec<u8>>) -> Uploaded {
        let answer = self.send_file(bytes, "photo.jpg", "image/jpeg").await.expect(201).json();
        let field =
            |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned();
        Uploaded { id: field("id"), url: field("url") }
    }

    /// Uploads a PNG of this size.
    pub async fn upload_png(&self, width: u32, height: u32) -> Uploaded {
        self.upload(fixtures::png(width, height)).await
    }

    /// Asks for a transformation and returns the job's id.
    ///
    /// # Panics
    /// If the server does not accept it.
    pub async fn transform(&self, image: &str, transformation: &Value) -> String {
        let answer =
            self.post(&format!("/images/transform/{image}"), transformation).await.expect(202).json();
        answer["jobId"].as_str().unwrap_or_else(|| panic!("no jobId in {answer}")).to_owned()
    }

    /// Where a job stands.
    pub async fn status(&self, job: &str) -> Value {
        self.get(&format!("/api/JobStatus/{job}")).await.expect(200).json()
    }

    /// Waits until a job has come to its end, whichever.
    pub async fn ended(&self, job: &str) -> Value {
        eventually("the end of a job", async || {
            Some(self.status(job).await).filter(|status| status["status"] != "pending")
        })
        .await
    }

    /// Waits until a job is completed.
    ///
    /// # Panics
    /// If it comes to another end.
    pub async fn completed(&self, job: &str) -> Value {
        let status = self.ended(job).await;
        assert_eq!(status["status"], "completed", "job {job} ended otherwise: {status}");
        status
    }

    /// A job in full.
    pub async fn job(&self, job: &str) -> Value {
        self.get(&format!("/jobs/{job}")).await.expect(200).json()
    }

    /// The bytes that a completed job made.
    pub async fn result(&self, job: &str) -> Vec<u8> {
        self.get(&format!("/images/transformedImage/{job}")).await.expect(200).body
    }

    /// Transforms an image without saving and returns the bytes of the result.
    pub async fn transformed(&self, image: &str, transformation: &Value) -> Vec<u8> {
        let job = self.transform(image, transformation).await;
        self.completed(&job).await;
        self.result(&job).await
    }

    /// Every item of a list, over all its pages.
    ///
    /// # Panics
    /// If a page has no items.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit=100{after}")).await.expect(200).json();
            all.extend(
                page["items"].as_array().unwrap_or_else(|| panic!("no items in {page}")).iter().cloned(),
            );
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }
}

/// What speaks HTTP.
pub(crate) fn http() -> reqwest::Client {
    // Built together with what speaks TLS the client wants cryptography, though it never uses it here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client without TLS needs nothing")
}
