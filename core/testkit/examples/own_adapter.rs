//! An adapter of one's own, here a limiter that counts in a `HashMap`, and the main function that holds it
//! against every promise of its port. In a real crate `main` is `tests/conformance.rs`, declared in `Cargo.toml`
//! as `[[test]] name = "conformance"` with `harness = false`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pixmill::Timestamp;
use pixmill::ports::{Clock, Decision, LimitKey, Limiter, PortError, Quota};

fn main() {
    pixmill_testkit::conformance("own adapter")
        .limiter(|clock| async { Ok(MapLimiter { clock, buckets: Mutex::default() }) })
        .run()
}

/// A leaky bucket for each key: when the bucket will be empty tells how full it is now.
struct MapLimiter {
    clock: Arc<dyn Clock>,
    buckets: Mutex<HashMap<LimitKey, Timestamp>>,
}

#[async_trait::async_trait]
impl Limiter for MapLimiter {
    async fn check(&self, key: LimitKey, Quota { requests, window }: Quota) -> Result<Decision, PortError> {
        let now = self.clock.now();
        // Rounded up, because the clock counts whole milliseconds.
        let share = Duration::from_millis(window.as_millis().div_ceil(u128::from(requests)) as u64);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let empty_at = buckets.entry(key).or_insert(now);
        let after = (*empty_at).max(now) + share;
        let over = after.since(now).saturating_sub(share * requests);
        if over > Duration::ZERO {
            return Ok(Decision { allowed: false, remaining: 0, retry_after: over });
        }
        *empty_at = after;
        let free = (share * requests).saturating_sub(after.since(now));
        let remaining = (free.as_millis() / share.as_millis()) as u32;
        Ok(Decision { allowed: true, remaining, retry_after: Duration::ZERO })
    }
}
