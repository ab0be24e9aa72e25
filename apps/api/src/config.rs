//! What a deployment may choose about the API. Where the values come from is the caller's business.

use std::time::Duration;

use pixmill::Secret;
use pixmill::ports::Quota;

use crate::client_address::TrustedProxy;
use crate::readiness::Readiness;

/// The API's settings.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The key that tokens are signed with; 32 bytes or more.
    pub jwt_secret: Secret,
    /// How long a token works.
    pub jwt_ttl: Duration,
    /// How many writes a user may make, and how many logins and registrations may come from one address, in one
    /// window; `None` for no limit at all.
    pub rate_limit: Option<Quota>,
    /// Largest file that may be uploaded, in bytes; the same number as in the core's settings.
    pub max_upload_bytes: u64,
    /// How many uploads may arrive at once, of which one user may have a quarter.
    pub max_uploads: usize,
    /// How long a JSON body may take to arrive, and each 64 KiB of an upload.
    pub body_timeout: Duration,
    /// Proxies whose `X-Forwarded-For` is believed. From anybody else the header is ignored.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Origins whose pages may call the API from a browser, such as `https://app.example`; `*` stands for all.
    pub cors_allowed_origins: Vec<String>,
    /// What `/health/ready` says.
    pub readiness: Readiness,
}

impl ApiConfig {
    /// Settings with this key and the defaults for all else: tokens for a day, no rate limit, files of 32 MiB,
    /// 64 uploads at once, 30 seconds for a body, no proxies, no other origins, ready.
    pub fn new(jwt_secret: Secret) -> Self {
        Self {
            jwt_secret,
            jwt_ttl: Duration::from_hours(24),
            rate_limit: None,
            max_upload_bytes: 32 << 20,
            max_uploads: 64,
            body_timeout: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
            cors_allowed_origins: Vec::new(),
            readiness: Readiness::default(),
        }
    }
}
