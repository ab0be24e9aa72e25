//! The trials of the queue, each on queues of its own, against a real broker.

use std::thread;
use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use lapin::{Connection, ConnectionProperties};
use pixmill::JobId;
use pixmill_rabbitmq::{RabbitConfig, RabbitQueue};
use pixmill_testkit::{Subject, Unavailable, conformance};

const UNIT: Duration = Duration::from_millis(250);
const DELAYS: [Duration; 2] = [UNIT, Duration::from_secs(3600)];

fn main() {
    conformance("rabbitmq")
        .queue(|_| async {
            let url = std::env::var("PIXMILL_TEST_RABBITMQ_URL").map_err(|_| {
                Unavailable::new("no RabbitMQ at PIXMILL_TEST_RABBITMQ_URL; run `cargo xtask services up`")
            })?;
            let queue = format!("pixmill-test.{}", JobId::random());
            let config =
                RabbitConfig { queue: queue.clone(), delays: DELAYS.to_vec(), ..RabbitConfig::new(&url, 16) };
            let port = RabbitQueue::connect(config).await.map_err(Unavailable::new)?;
            Ok(Subject::new(std::sync::Arc::new(port)).real_time(UNIT).keep(Queues { url, queue }))
        })
        .run()
}

/// Removes the queues of a trial when it has ended.
struct Queues {
    url: String,
    queue: String,
}

impl Drop for Queues {
    fn drop(&mut self) {
        let Self { url, queue } = self;
        let names = [queue.clone(), format!("{queue}.dead")]
            .into_iter()
            .chain(DELAYS.map(|delay| format!("{queue}.after.{}ms", delay.as_millis())));
        // The trial's runtime is busy ending.
        thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a small runtime").block_on(async {
                    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
                    let channel = connection.create_channel().await?;
                    for name in names {
                        channel.queue_delete(name.into(), QueueDeleteOptions::default()).await?;
                    }
                    lapin::Result::Ok(())
                })
            });
        });
    }
}
