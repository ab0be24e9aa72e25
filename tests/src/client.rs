//! A small client of the documented API, and answers that say what they hold when they are not as expected.

use pixmill_testkit::fixtures;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::wait::eventually;

/// The password of every user that the tests register.
pub const PASSWORD: &str = "strongPassword!";

/// Somebody who talks to a server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: String,
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
        let http = reqwest::Client::builder().no_proxy().build();
        Self {
            http: http.expect("a client without TLS needs nothing"),
            address: address.to_owned(),
            token: None,
        }
    }

    /// The same person at another address.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { token: self.token.clone(), ..Self::new(address) }
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
        let url = if path.starts_with('/') { format!("{}{path}", self.address) } else { path.to_owned() };
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

/// An answer with all of its body.
#[derive(Debug)]
pub struct Answer {
    /// The method and the address.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Sends a request and reads the answer.
    ///
    /// # Panics
    /// If there is none.
    pub async fn to(request: RequestBuilder) -> Self {
        Self::try_to(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// Sends a request to a server that may be gone.
    ///
    /// # Errors
    /// If there is no answer, or not all of it.
    ///
    /// # Panics
    /// If the request can't be built.
    pub async fn try_to(request: RequestBuilder) -> reqwest::Result<Self> {
        let (client, request) = request.build_split();
        let request = request.expect("the test builds a proper request");
        let name = format!("{} {}", request.method(), request.url());
        let response = client.execute(request).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { request: name, status, headers, body: response.bytes().await?.into() })
    }

    /// The same answer under this name, for messages.
    #[must_use]
    pub fn about(self, what: &str) -> Self {
        Self { request: format!("{what}: {}", self.request), ..self }
    }

    /// The answer, if it has this status.
    ///
    /// # Panics
    /// If it has another.
    #[expect(clippy::return_self_not_must_use, reason = "most callers want the check alone")]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} was answered with {}", self.request, self.text());
        self
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{} was answered without JSON ({error}): {}", self.request, self.text())
        })
    }

    /// Checks that this is an error in the documented form, with this status and code, and returns its body.
    ///
    /// # Panics
    /// If it is anything else.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let name = format!("{} was answered with {} {}", self.request, self.status, self.text());
        assert_eq!(self.status, status, "{name}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{name}");
        let body = self.json();
        assert_eq!(body["code"], code, "{name}");
        assert_eq!(body["status"], status, "{name}");
        for field in ["title", "detail", "requestId"] {
            assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "no {field}: {name}");
        }
        match status {
            401 => assert!(self.header("www-authenticate").starts_with("Bearer"), "{name}"),
            405 => assert!(!self.header("allow").is_empty(), "{name}"),
            429 | 503 => {
                assert!(self.header("retry-after").parse::<u64>().is_ok_and(|after| after > 0), "{name}");
            }
            _ => {}
        }
        body
    }
}
