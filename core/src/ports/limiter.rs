//! How often somebody may do something.

use std::time::Duration;

use async_trait::async_trait;

use crate::ports::PortError;

/// What is counted together, for example `write:` and a user's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LimitKey(String);

impl LimitKey {
    /// Counts `who` apart from others, for `action`.
    pub fn new(action: &'static str, who: impl std::fmt::Display) -> Self {
        Self(format!("{action}:{who}"))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So many requests in so much time: a bucket of `requests` that fills evenly over `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    /// The size of the bucket, at least 1.
    pub requests: u32,
    /// The time in which an empty bucket is full again.
    pub window: Duration,
}

/// Whether a request may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// How many more would pass right now.
    pub remaining: u32,
    /// If it may not: when one would pass again. Zero otherwise.
    pub retry_after: Duration,
}

/// Counts requests against quotas.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Limiter: Send + Sync + 'static {
    /// Takes one request out of the bucket of `key`, if there is one.
    ///
    /// # Behavior
    /// - A fresh key allows exactly `requests` at once; `remaining` counts down.
    /// - After `retry_after` a refused key is allowed again.
    /// - Keys do not affect each other.
    /// - A refused request takes nothing.
    async fn check(&self, key: LimitKey, quota: Quota) -> Result<Decision, PortError>;
}
