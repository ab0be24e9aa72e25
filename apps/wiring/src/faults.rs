//! Faults on order: what a process is told, by its environment, to do to itself, and to note of it. Only builds with the feature
//! `faults` know how, and what is released is built without it.

use std::env;
use std::path::Path;
use std::sync::Arc;

use pixmill::Ports;
use pixmill::ports::Clock;
use pixmill_testkit::{FaultPlan, Faulty, History, Order, SkewedClock};

use crate::error::StartError;

/// Names the faults, as `pixmill_testkit::Order` writes them.
const FAULTS: &str = "PIXMILL_FAULT";
/// Names the file where is noted what is done to jobs, as `pixmill_testkit::History` writes it.
const HISTORY: &str = "PIXMILL_HISTORY";
/// By how many seconds the clock is ahead of the system's.
const SKEW: &str = "PIXMILL_CLOCK_AHEAD_SECS";

/// The same ports, with the ordered faults before each, and a history of what comes through. Where neither is asked for they are
/// what they were.
pub(crate) fn before(ports: Ports) -> Result<Ports, StartError> {
    let (orders, history) = (variable(FAULTS), variable(HISTORY));
    if orders.is_none() && history.is_none() {
        return Ok(ports);
    }
    let plan = FaultPlan::new(ports.clock.clone());
    if let Some(text) = orders {
        let wrong = |error| StartError::Setting(format!("{FAULTS}: {error}"));
        for order in Order::list(&text).map_err(wrong)? {
            plan.order(order);
        }
        // Whoever sees this process die finds the reason in its log; and a harness that the order was understood.
        tracing::warn!(faults = %text, "faults are ordered");
    }
    if let Some(path) = history {
        let wrong = |error| StartError::Setting(format!("{HISTORY}: can't write to {path}: {error}"));
        plan.record(History::append(Path::new(&path)).map_err(wrong)?);
    }
    let Ports {
        users,
        api_keys,
        images,
        jobs,
        queue,
        blobs,
        cache,
        events,
        limiter,
        once_keys,
        passwords,
        processor,
        clock,
    } = ports;
    Ok(Ports {
        users: Arc::new(Faulty::new(users, plan.clone())),
        api_keys: Arc::new(Faulty::new(api_keys, plan.clone())),
        images: Arc::new(Faulty::new(images, plan.clone())),
        jobs: Arc::new(Faulty::new(jobs, plan.clone())),
        queue: Arc::new(Faulty::new(queue, plan.clone())),
        blobs: Arc::new(Faulty::new(blobs, plan.clone())),
        cache: Arc::new(Faulty::new(cache, plan.clone())),
        events: Arc::new(Faulty::new(events, plan.clone())),
        limiter: Arc::new(Faulty::new(limiter, plan.clone())),
        once_keys: Arc::new(Faulty::new(once_keys, plan.clone())),
        passwords: Arc::new(Faulty::new(passwords, plan.clone())),
        processor: Arc::new(Faulty::new(processor, plan.clone())),
        clock: Arc::new(Faulty::new(clock, plan)),
    })
}

/// The same clock, as wrong as ordered.
pub(crate) fn skewed(clock: Arc<dyn Clock>) -> Result<Arc<dyn Clock>, StartError> {
    let Some(text) = variable(SKEW) else { return Ok(clock) };
    let seconds =
        text.parse().map_err(|_| StartError::Setting(format!("{SKEW}: {text:?} is no number of seconds")))?;
    tracing::warn!(seconds, "the clock is skewed");
    Ok(Arc::new(SkewedClock::new(clock, seconds)))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}
