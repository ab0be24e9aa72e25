//! The queues and what they do with messages. Declaring them again changes nothing; a queue of the same name with other
//! settings is an error.

use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ErrorKind};

use crate::config::RabbitConfig;
use crate::error::ConnectError;

/// How often the broker delivers a message before it puts it aside. Jobs count their attempts themselves and end long
/// before; this is for messages that take down whatever reads them.
const DELIVERY_LIMIT: i32 = 1000;

/// The queue of messages that nobody can read.
pub(crate) fn dead(queue: &str) -> String {
    format!("{queue}.dead")
}

/// The queue in which messages wait for as long as `delay`.
pub(crate) fn waiting(queue: &str, delay: Duration) -> String {
    format!("{queue}.after.{}ms", delay.as_millis())
}

/// Declares all queues.
pub(crate) async fn declare(
    channel: &Channel,
    config: &RabbitConfig,
    place: &str,
) -> Result<(), ConnectError> {
    let RabbitConfig { url: _, queue, prefetch: _, delays } = config;
    let quorum = ("x-queue-type", AMQPValue::LongString("quorum".into()));
    // To another queue on this broker, at least once: nothing is forgotten before it lies there.
    let hand_to = |target: &str| {
        [
            ("x-dead-letter-exchange", AMQPValue::LongString("".into())),
            ("x-dead-letter-routing-key", AMQPValue::LongString(target.into())),
            ("x-dead-letter-strategy", AMQPValue::LongString("at-least-once".into())),
            ("x-overflow", AMQPValue::LongString("reject-publish".into())),
        ]
    };
    let mut queues = vec![(dead(queue), vec![quorum.clone()])];
    let mut main = vec![quorum.clone(), ("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT))];
    main.extend(hand_to(&dead(queue)));
    queues.push((queue.clone(), main));
    for delay in delays {
        let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        let mut arguments = vec![quorum.clone(), ("x-message-ttl", AMQPValue::LongLongInt(millis))];
        arguments.extend(hand_to(queue));
        queues.push((waiting(queue, *delay), arguments));
    }
    for (name, arguments) in queues {
        let mut table = FieldTable::default();
        for (key, value) in arguments {
            table.insert(key.into(), value);
        }
        let declared =
            channel.queue_declare(name.as_str().into(), QueueDeclareOptions::durable(), table).await;
        declared.map_err(|error| match error.kind() {
            ErrorKind::ProtocolError(said)
                if matches!(said.kind(), AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)) =>
            {
                ConnectError::Clash { queue: name, detail: said.get_message().to_string() }
            }
            _ => ConnectError::Unreachable { place: place.to_owned(), source: Some(error) },
        })?;
    }
    Ok(())
}
