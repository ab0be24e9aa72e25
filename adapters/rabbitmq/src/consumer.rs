//! Taking messages. Nothing is consumed before somebody asks for a message.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use pixmill::ports::{PortError, PortErrorKind};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::error::{error, from_driver};
use crate::link::Link;

const OPERATION: &str = "queue.receive";
/// How long the broker may take to begin to deliver.
const BEGIN: Duration = Duration::from_secs(4);

/// Consumes on a channel of its own.
#[derive(Debug)]
pub(crate) struct Consumer {
    link: Arc<Link>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Idle,
    /// A task of its own, because it must not stop half-way: the broker would deliver to a consumer that nobody reads.
    Beginning(JoinHandle<Result<lapin::Consumer, PortError>>),
    Consuming(lapin::Consumer),
}

impl Consumer {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, state: Mutex::new(State::Idle) }
    }

    /// The next message. Those who wait are served one after the other.
    pub(crate) async fn next(&self) -> Result<Delivery, PortError> {
        let mut state = self.state.lock().await;
        loop {
            match &mut *state {
                State::Idle => *state = State::Beginning(tokio::spawn(begin(self.link.clone()))),
                State::Beginning(task) => {
                    let begun = task.await;
                    *state = State::Idle;
                    let begun =
                        begun.map_err(|panic| error(PortErrorKind::Internal, OPERATION).with_source(panic));
                    *state = State::Consuming(begun??);
                }
                State::Consuming(stream) => match stream.next().await {
                    Some(Ok(delivery)) => return Ok(delivery),
                    lost => {
                        *state = State::Idle;
                        if let Some(Err(error)) = lost {
                            tracing::warn!(%error, "the queue was lost; connecting again");
                        }
                    }
                },
            }
        }
    }
}

async fn begin(link: Arc<Link>) -> Result<lapin::Consumer, PortError> {
    let channel = link.channel().await.map_err(|error| error.into_port(OPERATION))?;
    let config = link.config();
    let begun = tokio::time::timeout(BEGIN, async {
        channel.basic_qos(config.prefetch.max(1), BasicQosOptions::default()).await?;
        let (queue, options) = (config.queue.as_str().into(), BasicConsumeOptions::default());
        channel.basic_consume(queue, "".into(), options, FieldTable::default()).await
    });
    match begun.await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => {
            // The queue may be gone: a new connection declares it again.
            link.drop_connection().await;
            Err(from_driver(error, OPERATION))
        }
        Err(_) => {
            link.drop_connection().await;
            Err(error(PortErrorKind::TimedOut, OPERATION))
        }
    }
}
