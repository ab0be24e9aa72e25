//! The trials must hold for ports that have a clock of their own, as servers do: here the ports in memory run by
//! the real time.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use pixmill::Timestamp;
use pixmill::ports::Clock;
use pixmill_memory::Memory;
use pixmill_testkit::Subject;

fn main() {
    pixmill_testkit::conformance("real time")
        .clock(|_| async { Ok(on_real_time(|_| Arc::new(WallClock::new()))) })
        .images(|_| async { Ok(on_real_time(|memory| memory.images)) })
        .jobs(|_| async { Ok(on_real_time(|memory| memory.jobs)) })
        .queue(|_| async { Ok(on_real_time(|memory| memory.queue)) })
        .cache(|_| async { Ok(on_real_time(|memory| memory.cache)) })
        .limiter(|_| async { Ok(on_real_time(|memory| memory.limiter)) })
        .run()
}

fn on_real_time<P>(port: fn(Memory) -> Arc<P>) -> Subject<P> {
    let memory = Memory::new(Arc::new(WallClock::new()));
    Subject::new(port(memory)).real_time(Duration::from_millis(50))
}

/// The time of the system when it was made, and what has passed since.
struct WallClock {
    start: Timestamp,
    running: Instant,
}

impl WallClock {
    fn new() -> Self {
        Self { start: SystemTime::now().into(), running: Instant::now() }
    }
}

#[async_trait]
impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        self.start + self.running.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        // A millisecond more, because `now` has dropped the parts of one.
        tokio::time::sleep(duration + Duration::from_millis(1)).await;
    }
}
