//! What an adapter of Pixmill is tested with: the conformance trials of every port, a clock that stands still,
//! faults to inject, and fixtures.
//!
//! Every bullet under a `# Behavior` heading of a port is a trial here, named after it. An adapter runs them
//! from a test target of its own with `harness = false` in its `Cargo.toml`:
//!
//! ```no_run
//! # use pixmill_testkit::{Subject, TestClock};
//! # use std::sync::Arc;
//! # use pixmill::ports::Clock;
//! fn main() {
//!     pixmill_testkit::conformance("mine")
//!         .clock(|clock| async move { Ok(Subject::new(clock)) })
//!         .run()
//! }
//! ```
//!
//! The example `own_adapter` shows it for an adapter of a third party.
//!
//! The trials go through `Arc<dyn Port>`, once as the factory made it and once inside each decorator. What no
//! bullet promises is left to the adapter's own tests.

mod clock;
mod conformance;
pub mod faults;
pub mod fixtures;
mod subject;
mod trials;

pub use clock::TestClock;
pub use conformance::{Conformance, conformance};
pub use faults::{
    Act, Calls, Deed, Fault, FaultPlan, Faulty, History, Order, OrderError, Signal, SkewedClock,
};
pub use subject::{Subject, Time, Unavailable};
