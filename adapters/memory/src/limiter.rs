//! The limiter, on the `governor` crate's GCRA.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use governor::RateLimiter;
use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use pixmill::ports::{Clock, Decision, LimitKey, Limiter, PortError, Quota};

use crate::lock;

/// How many checks pass between two removals of keys whose buckets are full again.
const CHECKS_BETWEEN_REMOVALS: u64 = 1024;

/// Limits in memory. A key takes memory until its bucket is full again.
pub struct MemoryLimiter {
    clock: PortClock,
    /// One for each quota in use: these come from the configuration, so there are few.
    limiters: Mutex<HashMap<Quota, Arc<KeyedLimiter>>>,
    checks: AtomicU64,
}

type KeyedLimiter = RateLimiter<LimitKey, DashMapStateStore<LimitKey>, PortClock, StateInformationMiddleware>;

/// Our clock as `governor` wants it: the time since 1970.
#[derive(Clone)]
struct PortClock(Arc<dyn Clock>);

impl GovernorClock for PortClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now().millis())
    }
}

impl MemoryLimiter {
    /// A limiter that has seen nobody. Buckets fill by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock: PortClock(clock), limiters: Mutex::default(), checks: AtomicU64::new(0) }
    }

    /// How many keys take memory at the moment.
    pub fn keys(&self) -> usize {
        lock(&self.limiters).values().map(|limiter| limiter.len()).sum()
    }

    fn limiter(&self, quota: Quota) -> Arc<KeyedLimiter> {
        let new = || {
            let limiter = RateLimiter::dashmap_with_clock(governor_quota(quota), self.clock.clone());
            Arc::new(limiter.with_middleware::<StateInformationMiddleware>())
        };
        Arc::clone(lock(&self.limiters).entry(quota).or_insert_with(new))
    }

    fn remove_full_buckets_now_and_then(&self) {
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_BETWEEN_REMOVALS
            != CHECKS_BETWEEN_REMOVALS - 1
        {
            return;
        }
        let limiters: Vec<_> = lock(&self.limiters).values().cloned().collect();
        for limiter in limiters {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn governor_quota(Quota { requests, window }: Quota) -> governor::Quota {
    let burst = NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN);
    let period = (window / burst.get()).max(Duration::from_nanos(1));
    governor::Quota::with_period(period).expect("the period is not zero").allow_burst(burst)
}

/// Our clock counts whole milliseconds, so a wait must not end within one.
fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(duration.as_nanos().div_ceil(1_000_000) as u64)
}

#[async_trait]
impl Limiter for MemoryLimiter {
    async fn check(&self, key: LimitKey, quota: Quota) -> Result<Decision, PortError> {
        self.remove_full_buckets_now_and_then();
        Ok(match self.limiter(quota).check_key(&key) {
            Ok(state) => Decision {
                allowed: true,
                remaining: state.remaining_burst_capacity(),
                retry_after: Duration::ZERO,
            },
            Err(refused) => Decision {
                allowed: false,
                remaining: 0,
                retry_after: whole_millis(refused.wait_time_from(self.clock.now())),
            },
        })
    }
}
