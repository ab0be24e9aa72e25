//! Answers that say what they hold when they are not as expected.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

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
