//! A look into a bucket, past Pixmill, and buckets for one run alone. Just enough of S3's protocol for that.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::client::http;
use crate::systems::Bucket;

const REGION: &str = "us-east-1";
/// The most keys that a server lists at once.
const PAGE: usize = 1000;

impl Bucket {
    /// Another bucket of the same server.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        let Self { endpoint, name: _, access_key, secret_key } = self;
        let own = String::clone;
        let (endpoint, access_key, secret_key) = (own(endpoint), own(access_key), own(secret_key));
        Self { endpoint, name: name.to_owned(), access_key, secret_key }
    }

    /// Makes the bucket.
    ///
    /// # Panics
    /// If the server does not.
    pub async fn make(&self) {
        self.send(Method::PUT, "", "").await.expect(200);
    }

    /// Removes the bucket with everything in it.
    ///
    /// # Panics
    /// If the server does not.
    pub async fn remove(&self) {
        for key in self.keys().await {
            self.send(Method::DELETE, &key, "").await.expect(204);
        }
        self.send(Method::DELETE, "", "").await.expect(204);
    }

    /// The keys of all that is in it.
    ///
    /// # Panics
    /// If the server does not tell them.
    pub async fn keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        loop {
            // In a query a slash is written as %2F; ids need no escape.
            let after = keys.last().map(|key: &String| key.replace('/', "%2F")).unwrap_or_default();
            let query = format!("list-type=2&max-keys={PAGE}&start-after={after}");
            let answer = self.send(Method::GET, "", &query).await.expect(200).text();
            let found = answer.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
            keys.extend(found.map(|(key, _)| key.to_owned()));
            if !answer.contains("<IsTruncated>true</IsTruncated>") {
                return keys;
            }
        }
    }

    /// A request without a body, signed as AWS Signature Version 4 says.
    async fn send(&self, method: Method, key: &str, query: &str) -> Answer {
        let path = format!("/{}/{key}", self.name);
        let host = self.endpoint.trim_start_matches("http://");
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(['-', ':'], "");
        let day = now.split('T').next().unwrap_or_default();
        let empty = hex(&Sha256::digest(b""));
        let headers = format!("host:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:{now}\n");
        let names = "host;x-amz-content-sha256;x-amz-date";
        let sorted = {
            let mut parts: Vec<_> = query.split('&').filter(|part| !part.is_empty()).collect();
            parts.sort_unstable();
            parts.join("&")
        };
        let canonical = format!("{method}\n{path}\n{sorted}\n{headers}\n{names}\n{empty}");
        let scope = format!("{day}/{REGION}/s3/aws4_request");
        let to_sign = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let mut secret = format!("AWS4{}", self.secret_key).into_bytes();
        for part in [day, REGION, "s3", "aws4_request"] {
            secret = keyed(&secret, part);
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            self.access_key,
            hex(&keyed(&secret, &to_sign))
        );
        let request = http()
            .request(method, format!("{}{path}?{sorted}", self.endpoint))
            .header("authorization", authorization)
            .header("x-amz-content-sha256", empty)
            .header("x-amz-date", now);
        Answer::to(request).await
    }
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
