//! A clock that is wrong.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pixmill::Timestamp;
use pixmill::ports::Clock;

/// A clock that is always ahead of another by the same time, or behind it. What would happen in two hours happens now.
pub struct SkewedClock {
    inner: Arc<dyn Clock>,
    ahead: Duration,
    behind: Duration,
}

impl SkewedClock {
    /// A clock that is `seconds` ahead of `inner`, or behind if that is less than nothing.
    pub fn new(inner: Arc<dyn Clock>, seconds: i64) -> Self {
        let size = Duration::from_secs(seconds.unsigned_abs());
        let (ahead, behind) = if seconds < 0 { (Duration::ZERO, size) } else { (size, Duration::ZERO) };
        Self { inner, ahead, behind }
    }
}

#[async_trait]
impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        self.inner.now() + self.ahead - self.behind
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TestClock;

    #[test]
    fn it_is_ahead_or_behind() {
        let hour = Duration::from_hours(1);
        assert_eq!(SkewedClock::new(TestClock::new(), 3600).now(), TestClock::START + hour);
        assert_eq!(SkewedClock::new(TestClock::new(), -3600).now(), TestClock::START - hour);
    }
}
