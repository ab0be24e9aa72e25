//! RabbitMQ, for the queue of jobs.

use std::sync::Arc;

use clap::Args;
use pixmill::Secret;
use pixmill::ports::Queue;

use crate::config::secret;
use crate::error::StartError;
use crate::probe::Probe;

/// Where RabbitMQ is.
#[derive(Debug, Clone, Args)]
pub struct RabbitMq {
    /// RabbitMQ, for the queue of jobs: amqp:// or amqps://
    #[arg(long, env = "RABBITMQ_URL", value_parser = secret, hide_env_values = true, help_heading = "Other systems")]
    pub rabbitmq_url: Option<Secret>,
    /// Host of RabbitMQ, where its user guest may be used
    #[arg(long, env = "RABBITMQ_HOST", help_heading = "Other systems")]
    pub rabbitmq_host: Option<String>,
    /// Port of RabbitMQ at that host
    #[arg(long, env = "RABBITMQ_PORT", default_value_t = 5672, help_heading = "Other systems")]
    pub rabbitmq_port: u16,
    /// Name of the queue, for several installations over one broker
    #[arg(
        long,
        env = "RABBITMQ_QUEUE",
        default_value = "image_transformation_queue",
        help_heading = "Other systems"
    )]
    pub rabbitmq_queue: String,
}

impl RabbitMq {
    /// Its URL, if it is to be used.
    pub(super) fn url(&self) -> Option<Secret> {
        self.rabbitmq_url.clone().or_else(|| {
            let host = self.rabbitmq_host.as_ref()?;
            Some(Secret::new(format!("amqp://{host}:{}", self.rabbitmq_port)))
        })
    }

    /// The queue, if it is configured, for a process that works on `slots` jobs at once.
    #[cfg(feature = "rabbitmq")]
    pub(crate) async fn connect(
        &self,
        slots: usize,
        probes: &mut Vec<Probe>,
    ) -> Result<Option<Arc<dyn Queue>>, StartError> {
        let Some(url) = self.url() else { return Ok(None) };
        let prefetch = u16::try_from(slots).unwrap_or(u16::MAX);
        let config = pixmill_rabbitmq::RabbitConfig::new(url.expose(), prefetch);
        let config = pixmill_rabbitmq::RabbitConfig { queue: self.rabbitmq_queue.clone(), ..config };
        let queue = Arc::new(pixmill_rabbitmq::RabbitQueue::connect(config).await?);
        let asked = queue.clone();
        let probe = Probe::new("RabbitMQ", move || {
            let queue = asked.clone();
            async move { queue.ping().await }
        });
        // While it is away jobs are accepted all the same, and handed over later.
        probes.push(probe.optional());
        Ok(Some(queue))
    }

    #[cfg(not(feature = "rabbitmq"))]
    #[expect(clippy::unused_async, reason = "with the feature there is something to wait for")]
    pub(crate) async fn connect(
        &self,
        _: usize,
        _: &mut Vec<Probe>,
    ) -> Result<Option<Arc<dyn Queue>>, StartError> {
        match self.url() {
            None => Ok(None),
            Some(_) => Err(super::left_out("RABBITMQ_URL or RABBITMQ_HOST", "RabbitMQ", "rabbitmq")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_is_found_by_url_or_by_host() {
        let url = |broker: RabbitMq| broker.url().map(|url| url.expose().to_owned());
        assert_eq!(url(RabbitMq::none()), None);
        let host = || RabbitMq { rabbitmq_host: Some("rabbitmq".into()), ..RabbitMq::none() };
        assert_eq!(url(host()).as_deref(), Some("amqp://rabbitmq:5672"));
        let both = RabbitMq { rabbitmq_url: Some(Secret::new("amqps://a")), ..host() };
        assert_eq!(url(both).as_deref(), Some("amqps://a"));
    }
}
