//! The limiter: one script, run by Redis on its own clock, so that all processes count together.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Decision, LimitKey, Limiter, PortError, Quota};
use redis::Cmd;

use crate::connection::Connection;

const SCRIPT: &str = include_str!("limiter.lua");

/// Limits in Redis.
#[derive(Debug)]
pub struct RedisLimiter {
    connection: Connection,
    prefix: Arc<str>,
    script: redis::Script,
}

impl RedisLimiter {
    pub(crate) fn new(connection: Connection, prefix: Arc<str>) -> Self {
        Self { connection, prefix, script: redis::Script::new(SCRIPT) }
    }

    /// The call of the script, by its hash or by its text.
    fn call(&self, command: &str, script: &str, key: &LimitKey, quota: Quota) -> Cmd {
        let Quota { requests, window } = quota;
        let mut call = redis::cmd(command);
        call.arg(script).arg(1).arg(format!("{}limit:{}", self.prefix, key.as_str()));
        call.arg(requests.max(1)).arg(u64::try_from(window.as_micros()).unwrap_or(u64::MAX).max(1));
        call
    }
}

type Answer = (u8, u32, u64);

#[async_trait]
impl Limiter for RedisLimiter {
    async fn check(&self, key: LimitKey, quota: Quota) -> Result<Decision, PortError> {
        const OPERATION: &str = "limiter.check";
        let known = self.call("EVALSHA", self.script.get_hash(), &key, quota);
        let answer: Result<Answer, _> = self.connection.run(OPERATION, known).await;
        let (allowed, remaining, micros) = match answer {
            // A Redis that was started again has forgotten the script.
            Err(error) if is_unknown_script(&error) => {
                self.connection.run(OPERATION, self.call("EVAL", SCRIPT, &key, quota)).await?
            }
            answer => answer?,
        };
        Ok(Decision { allowed: allowed == 1, remaining, retry_after: Duration::from_micros(micros) })
    }
}

fn is_unknown_script(error: &PortError) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<redis::RedisError>())
        .is_some_and(|source| source.code() == Some("NOSCRIPT"))
}
