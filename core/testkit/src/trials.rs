//! The trials, one module a port. A trial panics to fail.
//!
//! Trials must hold for servers with clocks of their own: what must not happen yet is checked against
//! durations of an hour, what must happen against one [`unit`](crate::Time::unit), and the very moment only
//! where time is [exact](crate::Time::exact).
#![allow(clippy::wildcard_imports, reason = "the module of a method shares all that its port's file has")]
#![allow(clippy::unchecked_time_subtraction, reason = "a unit of time is longer than what is taken from it")]

use std::future::Future;
use std::sync::Arc;

use futures::future::LocalBoxFuture;
use tokio::sync::Barrier;

use crate::subject::Subject;

pub(crate) mod api_keys;
pub(crate) mod blobs;
pub(crate) mod cache;
pub(crate) mod clock;
pub(crate) mod events;
pub(crate) mod images;
pub(crate) mod jobs;
pub(crate) mod limiter;
pub(crate) mod once_keys;
pub(crate) mod passwords;
pub(crate) mod processor;
pub(crate) mod queue;
pub(crate) mod users;

/// One trial of a port: its name, `port::method::behaviour`, and what it does.
pub(crate) struct PortTrial<P: ?Sized> {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Subject<P>) -> LocalBoxFuture<'static, ()>,
}

/// Lists the trials of a port: `method { function, … }`, where the functions are in a module of the
/// method's name.
macro_rules! trials {
    ($port:literal, $subject:ty; $($method:ident { $($trial:ident),* $(,)? })*) => {
        pub(crate) const TRIALS: &[crate::trials::PortTrial<$subject>] = &[$($(
            crate::trials::PortTrial {
                name: concat!($port, "::", stringify!($method), "::", stringify!($trial)),
                run: |subject| Box::pin($method::$trial(subject)),
            },
        )*)*];
    };
}
use trials;

const HOUR: std::time::Duration = std::time::Duration::from_hours(1);

/// Runs all the calls at the same time, on the threads of the runtime.
async fn at_once<T: Send + 'static>(
    calls: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let calls: Vec<_> = calls.into_iter().collect();
    let start = Arc::new(Barrier::new(calls.len()));
    let tasks = calls.into_iter().map(|call| {
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            call.await
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("a call of the port panicked"));
    }
    results
}

#[cfg(test)]
mod coverage;
