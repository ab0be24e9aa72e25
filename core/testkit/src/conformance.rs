//! Turns factories of ports into named trials and runs them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use pixmill::ports::{
    ApiKeys, BlobStore, Cache, Clock, Events, Images, Jobs, Limiter, OnceKeys, Passwords, Processor, Queue,
    Users,
};
use tokio::runtime::Builder;

use crate::clock::TestClock;
use crate::faults::{FaultPlan, Faulty};
use crate::subject::{Subject, Unavailable};
use crate::trials::{self, PortTrial};

/// Longer than any trial should ever take: a trial that waits for what never comes fails with it.
const TRIAL_TIMEOUT: Duration = Duration::from_mins(2);

/// Begins the trials of the adapter that `suite` names.
pub fn conformance(suite: &'static str) -> Conformance {
    Conformance { suite, trials: Vec::new() }
}

/// The trials of one adapter. Each trial gets a fresh port from the factory, which is given a fresh
/// [`TestClock`] and returns the port or a [`Subject`], or [`Unavailable`] if a server is missing: then the
/// trial is reported as ignored, and fails where the variable `CI` is set.
pub struct Conformance {
    suite: &'static str,
    trials: Vec<Trial>,
}

macro_rules! ports {
    ($($(#[$doc:meta])* $method:ident: $port:ident;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $method<F, R, S>(mut self, factory: F) -> Self
        where
            F: Fn(Arc<TestClock>) -> R + Send + Sync + 'static,
            R: Future<Output = Result<S, Unavailable>> + 'static,
            S: Into<Subject<dyn $port>>,
        {
            let factory = Arc::new(factory);
            for trial in trials::$method::TRIALS {
                self.add("", trial, &factory, |port, _| port);
                self.add("+faulty", trial, &factory, |port, clock| {
                    Arc::new(Faulty::new(port, FaultPlan::new(clock)))
                });
            }
            self
        })*
    };
}

impl Conformance {
    ports! {
        /// Tries a repository of users.
        users: Users;
        /// Tries a repository of API keys.
        api_keys: ApiKeys;
        /// Tries a repository of images.
        images: Images;
        /// Tries a repository of jobs.
        jobs: Jobs;
        /// Tries a queue.
        queue: Queue;
        /// Tries a store of blobs.
        blobs: BlobStore;
        /// Tries a cache.
        cache: Cache;
        /// Tries a carrier of events.
        events: Events;
        /// Tries a limiter.
        limiter: Limiter;
        /// Tries a memory of idempotency keys.
        once_keys: OnceKeys;
        /// Tries a hasher of passwords.
        passwords: Passwords;
        /// Tries a processor.
        processor: Processor;
        /// Tries a clock.
        clock: Clock;
    }

    /// Runs the trials as the process's arguments say, like any test target, and ends the process.
    pub fn run(self) -> ! {
        libtest_mimic::run(&Arguments::from_args(), self.trials).exit()
    }

    /// The trials, to run them together with others.
    pub fn into_trials(self) -> Vec<Trial> {
        self.trials
    }

    fn add<P, F, R, S>(
        &mut self,
        decorator: &str,
        trial: &'static PortTrial<P>,
        factory: &Arc<F>,
        wrapper: fn(Arc<P>, Arc<TestClock>) -> Arc<P>,
    ) where
        P: ?Sized,
        F: Fn(Arc<TestClock>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<S, Unavailable>> + 'static,
        S: Into<Subject<P>>,
    {
        let name = format!("{}{decorator}::{}", self.suite, trial.name);
        let factory = Arc::clone(factory);
        self.trials.push(Trial::ignorable_test(name, move || {
            run_to_end(async {
                let clock = TestClock::new();
                let mut subject: Subject<P> = match factory(Arc::clone(&clock)).await {
                    Ok(subject) => subject.into(),
                    Err(reason) => return missing(&reason, std::env::var_os("CI").is_some()),
                };
                subject.clock = Arc::clone(&clock);
                (trial.run)(subject.wrap(|port| wrapper(port, clock))).await;
                Ok(Completion::Completed)
            })
        }));
    }
}

/// A person may lack a server; the continuous integration must not pass by testing nothing.
fn missing(reason: &Unavailable, on_ci: bool) -> Result<Completion, Failed> {
    if on_ci { Err(reason.into()) } else { Ok(Completion::ignored_with(reason)) }
}

/// Runs one trial on a runtime of its own, so that no task of one trial reaches into another.
fn run_to_end(trial: impl Future<Output = Result<Completion, Failed>>) -> Result<Completion, Failed> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(async { tokio::time::timeout(TRIAL_TIMEOUT, trial).await });
    runtime.shutdown_timeout(Duration::from_secs(5));
    result.unwrap_or_else(|_| Err(format!("the trial did not end within {TRIAL_TIMEOUT:?}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_is_ignored_by_people_and_fails_on_ci() {
        let reason = Unavailable::new("no server at localhost:1; run `cargo xtask services up`");
        assert!(
            matches!(missing(&reason, false), Ok(Completion::Ignored { reason: Some(text) }) if text.contains("xtask"))
        );
        assert!(
            missing(&reason, true)
                .is_err_and(|failed| failed.message().is_some_and(|text| text.contains("xtask")))
        );
    }

    #[test]
    fn each_trial_runs_bare_and_decorated_under_the_suites_name() {
        let trials = conformance("suite").clock(|clock| async { Ok(Subject::new(clock)) }).into_trials();
        let names: Vec<_> = trials.iter().map(Trial::name).collect();
        assert_eq!(names.len(), 2 * trials::clock::TRIALS.len());
        assert!(names.contains(&"suite::clock::now::does_not_go_backwards_between_two_calls"), "{names:?}");
        assert!(
            names.contains(&"suite+faulty::clock::now::does_not_go_backwards_between_two_calls"),
            "{names:?}"
        );
    }
}
