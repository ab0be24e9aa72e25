//! The faults by name. Each is data: in which forms it can be, what clients do meanwhile, and what goes wrong when.

mod all;
mod steps;

use super::crowd::Mix;
use super::schedule::{Form, Step};
use crate::draw::Draw;

pub use all::SCENARIOS;

/// A fault with what is done while it happens.
pub struct Scenario {
    /// Its name, such as `F7`.
    pub name: &'static str,
    /// What goes wrong.
    pub about: &'static str,
    /// Where it can go wrong.
    pub forms: &'static [Form],
    /// What clients ask for.
    pub mix: Mix,
    /// Settings of all processes beside the usual ones.
    pub settings: &'static [(&'static str, &'static str)],
    /// What it needs that not every machine has. Without, it is skipped.
    pub needs: &'static [Need],
    /// By how many seconds the clock of each process is ahead, in a distributed system.
    pub skews: [i64; 4],
    /// How often a job may be begun here; the maximum of all jobs if absent.
    pub most_attempts: Option<u64>,
    /// What goes wrong when.
    pub steps: fn(&mut Draw, Form) -> Vec<Step>,
}

/// What a scenario needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A disk of so many bytes, for one process alone: the right to mount.
    Room(u64),
    /// A tracer that answers system calls in the kernel's place: `strace`.
    Tracer,
    /// A broker that nobody else has, where processes are apart: an installed `RabbitMQ`.
    Broker,
}

impl Scenario {
    /// The scenario of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pixmill_testkit::Order;

    use super::super::schedule::Form::{Distributed, Embedded};
    use super::super::schedule::Injection;
    use super::*;

    #[test]
    fn every_scenario_asks_for_what_there_is() {
        let names: BTreeSet<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), SCENARIOS.len(), "each name is there once");
        for scenario in SCENARIOS {
            for form in scenario.forms {
                for step in (scenario.steps)(&mut Draw::new(1), *form) {
                    match step.fault {
                        Injection::Order { part, orders } => {
                            assert!(part < form.parts(), "{}", scenario.name);
                            assert!(Order::list(&orders).is_ok(), "{}: {orders}", scenario.name);
                        }
                        Injection::FullDisk { .. } => {
                            let room = scenario.needs.iter().any(|need| matches!(need, Need::Room(_)));
                            assert!(room || *form == Distributed, "{}", scenario.name);
                        }
                        Injection::FailSync { .. } => {
                            assert!(scenario.needs.contains(&Need::Tracer), "{}", scenario.name);
                            assert_eq!(*form, Embedded, "{}", scenario.name);
                        }
                        Injection::TearLog { .. } | Injection::Second => {
                            assert_eq!(*form, Embedded, "{}", scenario.name);
                        }
                        Injection::Link { .. }
                        | Injection::DeleteQueue
                        | Injection::Forget
                        | Injection::Messages { .. } => {
                            assert_eq!(*form, Distributed, "{}", scenario.name);
                        }
                        Injection::KillBroker | Injection::Alarm { .. } => {
                            assert!(scenario.needs.contains(&Need::Broker), "{}", scenario.name);
                            assert_eq!(*form, Distributed, "{}", scenario.name);
                        }
                        Injection::Overfill => {
                            let bounded = |(name, _): &(&str, &str)| *name == "MAX_OPEN_JOBS";
                            assert!(scenario.settings.iter().any(bounded), "{}", scenario.name);
                        }
                        Injection::Weigh | Injection::DeadLetters { .. } | Injection::Redrive { .. } => {}
                        Injection::Flood { jobs, ahead } => assert!(jobs > ahead, "{}", scenario.name),
                        Injection::Kill { part }
                        | Injection::Deaths { part, .. }
                        | Injection::Terminate { part }
                        | Injection::Pause { part, .. }
                        | Injection::KillChildren { part } => {
                            assert!(part < form.parts(), "{}", scenario.name);
                        }
                    }
                }
            }
        }
    }
}
