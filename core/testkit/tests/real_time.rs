//! The trials must hold for ports that have a clock of their own, as servers do: here the ports in memory run by
//! the real time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pixmill::Timestamp;
use pixmill::ports::Clock;
use pixmill_memory::Memory;
use pixmill_testkit::{Subject, TestClock, Unavailable};

fn main() {
    pixmill_testkit::conformance("real time")
        .clock(|_| on_real_time(|_| Arc::new(WallClock::new())))
        .images(|_| on_real_time(|memory| memory.images))
        .jobs(|_| on_real_time(|memory| memory.jobs))
        .queue(|_| on_real_time(|memory| memory.queue))
        .cache(|_| on_real_time(|memory| memory.cache))
        .limiter(|_| on_real_time(|memory| memory.limiter))
        .run()
}

async fn on_real_time<P>(port: fn(Memory) -> Arc<P>) -> Result<Subject<P>, Unavailable> {
    let memory = Memory::new(Arc::new(WallClock::new()));
    Ok(Subject::new(port(memory)).real_time(Duration::from_millis(50)))
}

/// The time since it was made, on top of the time at which a test clock begins.
struct WallClock(Instant);

impl WallClock {
    fn new() -> Self {
        Self(Instant::now())
    }
}

#[async_trait]
impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        TestClock::START + self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        // A millisecond more, because `now` has dropped the parts of one.
        tokio::time::sleep(duration + Duration::from_millis(1)).await;
    }
}
