//! Asking other systems whether they are there, for `/health/ready` and for the log.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, join_all};
use pixmill::ports::PortError;

/// How often the systems are asked.
const INTERVAL: Duration = Duration::from_secs(2);

/// A way to ask one system.
#[derive(Clone)]
pub(crate) struct Probe {
    system: &'static str,
    required: bool,
    ask: Arc<dyn Fn() -> BoxFuture<'static, Result<(), PortError>> + Send + Sync>,
}

#[cfg_attr(
    not(all(feature = "mongodb", feature = "rabbitmq", feature = "redis", feature = "s3")),
    allow(dead_code, reason = "a build without these systems has nothing to ask")
)]
impl Probe {
    /// A probe of a system without which no request can be served.
    pub(crate) fn new<A>(system: &'static str, ask: impl Fn() -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = Result<(), PortError>> + Send + 'static,
    {
        Self { system, required: true, ask: Arc::new(move || ask().boxed()) }
    }

    /// The same system, but requests can be served without it.
    pub(crate) fn optional(self) -> Self {
        Self { required: false, ..self }
    }
}

/// Asks all systems once.
pub(crate) async fn ask(probes: &[Probe]) -> Vec<(&'static str, Result<(), PortError>)> {
    let answers = join_all(probes.iter().map(|probe| (probe.ask)())).await;
    probes.iter().map(|probe| probe.system).zip(answers).collect()
}

/// Asks all systems again and again, for ever. Says in the log when one goes and when it comes back, and tells
/// `missing` each time which of those are away without which nothing goes.
pub(crate) async fn watch(probes: Vec<Probe>, missing: impl Fn(Vec<&'static str>)) {
    let mut there = vec![true; probes.len()];
    loop {
        for ((probe, there), (_, answer)) in probes.iter().zip(&mut there).zip(ask(&probes).await) {
            match (&answer, *there) {
                (Err(error), true) => {
                    let reason =
                        std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                    let consequence =
                        if probe.required { "requests wait for it" } else { "going on without it" };
                    tracing::warn!(%error, reason, "{} is away; {consequence}", probe.system);
                }
                (Ok(()), false) => tracing::info!("{} is back", probe.system),
                _ => {}
            }
            *there = answer.is_ok();
        }
        let away = probes.iter().zip(&there).filter(|(probe, there)| probe.required && !**there);
        missing(away.map(|(probe, _)| probe.system).collect());
        tokio::time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use pixmill::ports::PortErrorKind;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_is_required_is_missed() {
        let asked_before = Arc::new(AtomicBool::new(false));
        let away = || async { Err(PortError::new(PortErrorKind::Unavailable, "test", "ping")) };
        let probes = vec![
            Probe::new("one that comes back", move || {
                let there = asked_before.swap(true, Ordering::Relaxed);
                async move { if there { Ok(()) } else { away().await } }
            }),
            Probe::new("one that is not needed", away).optional(),
        ];
        let (told, mut heard) = mpsc::unbounded_channel();
        tokio::spawn(watch(probes, move |missing| drop(told.send(missing))));
        assert_eq!(heard.recv().await, Some(vec!["one that comes back"]));
        assert_eq!(heard.recv().await, Some(vec![]));
    }
}
