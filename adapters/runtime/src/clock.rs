//! The clock of the machine, kept from running backwards.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use pixmill::Timestamp;
use pixmill::ports::Clock;

/// The machine's wall clock, which never runs backwards within this process.
///
/// The time told is the machine's monotonic clock plus an offset, and the offset only grows:
///
/// - While nobody sets the system clock, the two clocks run alike (NTP slews both), and the time told is the
///   system's.
/// - If the system clock is set **forward**, or the machine wakes from suspension, the time told follows at once.
/// - If it is set **back**, the time told goes on from where it was, at the usual pace, and stays ahead of the
///   system clock by that step until the process starts again. Leases and time limits are therefore neither
///   stretched nor frozen, and only what compares times of several machines can notice.
///
/// One value serves the whole process: two of them, made before and after a step back, tell different times.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    offset: Offset,
}

impl SystemClock {
    /// A clock that tells the system's time.
    pub fn new() -> Self {
        Self { started: Instant::now(), offset: Offset::default() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // The system's time is read first: a pause between the two readings then makes the offset too small,
        // which the maximum forgets, and never too large, which it would keep.
        let system = SystemTime::now();
        self.offset.tell(system, self.started.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The largest difference seen between system time and monotonic time, in nanoseconds. They last until 2554.
#[derive(Debug, Default)]
struct Offset(AtomicU64);

impl Offset {
    fn tell(&self, system: SystemTime, elapsed: Duration) -> Timestamp {
        let elapsed = nanos(elapsed);
        let seen = nanos(system.duration_since(UNIX_EPOCH).unwrap_or_default()).saturating_sub(elapsed);
        let offset = self.0.fetch_max(seen, Ordering::AcqRel).max(seen);
        Timestamp::from_millis(offset.saturating_add(elapsed) / 1_000_000)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const SECOND: Duration = Duration::from_secs(1);

    fn at(secs: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(secs)
    }

    #[test]
    fn tells_the_systems_time() {
        let offset = Offset::default();
        assert_eq!(offset.tell(at(1_000_000), Duration::ZERO).secs(), 1_000_000);
        assert_eq!(offset.tell(at(1_000_007), 7 * SECOND).secs(), 1_000_007);
    }

    #[test]
    fn follows_a_step_forward() {
        let offset = Offset::default();
        offset.tell(at(1_000_000), Duration::ZERO);
        assert_eq!(offset.tell(at(1_003_601), SECOND).secs(), 1_003_601);
    }

    #[test]
    fn goes_on_at_the_same_pace_after_a_step_back() {
        let offset = Offset::default();
        let before = offset.tell(at(1_000_000), Duration::ZERO);
        let after = offset.tell(at(1_000_001) - HOUR, SECOND);
        let later = offset.tell(at(1_000_061) - HOUR, 61 * SECOND);
        assert_eq!(after.since(before), SECOND);
        assert_eq!(later.since(before), 61 * SECOND);
    }

    #[test]
    fn a_clock_before_1970_tells_1970() {
        let offset = Offset::default();
        assert_eq!(offset.tell(UNIX_EPOCH - HOUR, Duration::ZERO), Timestamp::EPOCH);
    }
}
