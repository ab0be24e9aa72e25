//! What a factory hands to a trial: the port under test, and how time passes for it.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pixmill::Timestamp;
use pixmill::ports::{
    ApiKeys, BlobStore, Cache, Clock, Events, Images, Jobs, Limiter, OnceKeys, Passwords, Processor, Queue,
    Users,
};

use crate::clock::TestClock;

/// A fresh port under test. It dereferences to the port.
///
/// A factory may return the port itself, which becomes a subject whose time is the [`TestClock`] that the
/// factory was given.
pub struct Subject<P: ?Sized> {
    port: Arc<P>,
    real_time_unit: Option<Duration>,
    pub(crate) clock: Arc<TestClock>,
    kept: Vec<Box<dyn Any + Send>>,
}

impl<P: ?Sized> Subject<P> {
    /// A port whose time, if it looks at any, is the clock that its factory was given.
    pub fn new(port: Arc<P>) -> Self {
        Self { port, real_time_unit: None, clock: TestClock::new(), kept: Vec::new() }
    }

    /// Says that the port has its own clock, such as that of a server: trials really wait. `unit` is the time
    /// that they wait for something to become due; take what the back end tells apart with certainty.
    #[must_use]
    pub fn real_time(mut self, unit: Duration) -> Self {
        self.real_time_unit = Some(unit);
        self
    }

    /// Keeps `guard`, for example a temporary directory, until the trial has ended and the port is dropped.
    #[must_use]
    pub fn keep(mut self, guard: impl Any + Send) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The port, to share with tasks.
    pub fn port(&self) -> Arc<P> {
        Arc::clone(&self.port)
    }

    /// How time passes for the port.
    pub fn time(&self) -> Time {
        match self.real_time_unit {
            Some(unit) => Time::Real { unit },
            None => Time::Manual(Arc::clone(&self.clock)),
        }
    }

    pub(crate) fn wrap(mut self, wrapper: impl FnOnce(Arc<P>) -> Arc<P>) -> Self {
        self.port = wrapper(self.port);
        self
    }
}

impl<P: ?Sized> Deref for Subject<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.port
    }
}

macro_rules! from_port {
    ($($port:ident),*) => {
        $(impl<P: $port> From<P> for Subject<dyn $port> {
            fn from(port: P) -> Self {
                Self::new(Arc::new(port))
            }
        }

        impl<P: $port> From<Subject<P>> for Subject<dyn $port> {
            fn from(Subject { port, real_time_unit, clock, kept }: Subject<P>) -> Self {
                Self { port, real_time_unit, clock, kept }
            }
        })*
    };
}

from_port!(
    ApiKeys, BlobStore, Cache, Clock, Events, Images, Jobs, Limiter, OnceKeys, Passwords, Processor, Queue,
    Users
);

/// How a trial lets time pass.
#[derive(Debug, Clone)]
pub enum Time {
    /// The port looks at this clock, and nothing waits.
    Manual(Arc<TestClock>),
    /// The port has a clock of its own.
    Real {
        /// The shortest time that the port tells apart with certainty.
        unit: Duration,
    },
}

impl Time {
    /// A duration short enough to be waited for.
    pub fn unit(&self) -> Duration {
        match self {
            Self::Manual(_) => Duration::from_mins(1),
            Self::Real { unit } => *unit,
        }
    }

    /// The time now, for the fields of fixtures. Where the port has a clock of its own, this is a second ago,
    /// so that a small difference between the clocks does not make new things wait.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Manual(clock) => clock.now(),
            Self::Real { .. } => Timestamp::from(SystemTime::now()) - Duration::from_secs(1),
        }
    }

    /// Lets at least `duration` pass.
    pub async fn advance(&self, duration: Duration) {
        match self {
            Self::Manual(clock) => clock.advance(duration),
            // A tenth more, because the other clock may run a little slower.
            Self::Real { unit } => tokio::time::sleep(duration + *unit / 10).await,
        }
    }

    /// The clock, if the trial may rely on nothing but itself moving time: only then can it look at the very
    /// moment at which something becomes due.
    pub fn exact(&self) -> Option<&TestClock> {
        match self {
            Self::Manual(clock) => Some(clock),
            Self::Real { .. } => None,
        }
    }
}

/// Why a factory could make no port: the server behind it can't be reached here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(String);

impl Unavailable {
    /// What is missing, and how to get it.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}
