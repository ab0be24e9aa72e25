//! The fault harness: clients ask for everything that can be asked for while processes are killed and systems go away, and
//! when it is over, a checker holds what was answered and seen against what is there.
//!
//! [`Scenario`]s say what goes wrong, [`run`] lets it happen to a system of its own, and [`check`] finds the promises that
//! were broken. Whatever a run draws by chance comes from its seed.

mod check;
mod crowd;
mod flaws;
mod hold;
mod place;
mod record;
mod run;
mod scenarios;
mod schedule;
mod stranger;
mod survey;
mod target;

pub use check::{Promise, Violation, check};
pub use crowd::Mix;
pub use hold::hold;
pub use record::{
    Asked, Fetched, FinalImage, FinalJob, FinalVersion, Made, Record, Redriving, Sighting, State, Turn, Usage,
};
pub use run::{Outcome, run};
pub use scenarios::{Need, SCENARIOS, Scenario};
pub use schedule::{Form, Injection, SYSTEMS, Step, Trouble};
