//! What the faults are injected into: the processes of a Pixmill of either form, and the ways to its systems.

mod abuse;
mod disk;
mod operator;
mod ordered;
mod suffer;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;

use super::crowd::Crowd;
use super::place::Place;
use super::scenarios::{Need, Scenario};
use super::schedule::{Form, SYSTEMS};
use crate::program::Home;
use crate::proxy::Proxy;
use crate::server::Server;
use crate::systems::behind_a_proxy;

/// After this graces and reservations are surely over, and no result is.
const MUCH_LATER: Duration = Duration::from_secs(7200);

/// A system under test.
pub(super) struct Target {
    form: Form,
    parts: Vec<Part>,
    /// How much time has passed for a process alone beside that of the machine.
    passed: Duration,
    /// The systems behind processes that are apart.
    place: Option<Place>,
    /// By how much the run is larger than usual.
    scale: usize,
}

/// One of its processes, and its own ways to the systems, in the order of [`SYSTEMS`].
struct Part {
    process: Server,
    links: Vec<Proxy>,
}

impl Target {
    /// Starts one for a scenario, with these settings.
    ///
    /// # Errors
    /// What the scenario needs and this machine has not.
    pub(super) async fn start(
        scenario: &Scenario,
        form: Form,
        settings: &[(&str, &str)],
        scale: usize,
    ) -> Result<Self, String> {
        let (mut parts, mut place) = (Vec::new(), None);
        match form {
            Form::Embedded => {
                let home = disk::home(scenario.needs)?;
                let process = Server::start_in(&home, settings, &[]).await;
                parts.push(Part { process, links: Vec::new() });
            }
            Form::Distributed => {
                let taken = Place::take(scenario.needs.contains(&Need::Broker)).await?;
                for number in 0..form.parts() {
                    let (mut own, mut links) = (taken.variables().to_vec(), Vec::new());
                    for system in SYSTEMS {
                        links.push(behind_a_proxy(&mut own, system).await);
                    }
                    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
                    let variables: Vec<_> = own.chain(settings.iter().copied()).collect();
                    let skew = scenario.skews[number].to_string();
                    let variables = [&variables[..], &[("PIXMILL_CLOCK_AHEAD_SECS", &skew)]].concat();
                    let process = if number < Form::SERVERS {
                        Server::start_in(&Home::new(), &variables, &["--no-worker"]).await
                    } else {
                        Server::start_worker(&variables).await
                    };
                    parts.push(Part { process, links });
                }
                place = Some(taken);
            }
        }
        Ok(Self { form, parts, passed: Duration::ZERO, place, scale })
    }

    /// By how much the run is larger than usual.
    pub(super) fn scale(&self) -> usize {
        self.scale
    }

    /// A server.
    pub(super) fn server(&self) -> &Server {
        &self.parts[0].process
    }

    /// Where its servers listen.
    pub(super) fn addresses(&self) -> Vec<String> {
        let servers = match self.form {
            Form::Embedded => 1,
            Form::Distributed => Form::SERVERS,
        };
        self.parts[..servers].iter().map(|part| part.process.address().to_owned()).collect()
    }

    /// Every blob.
    pub(super) async fn blobs(&self) -> BTreeSet<String> {
        match &self.place {
            Some(place) => place.blobs().await,
            None => self.server().home().blobs().into_iter().collect(),
        }
    }

    /// How many messages were put aside because nobody could read them, once there are so many or there won't be.
    pub(super) async fn put_aside(&self, expected: u64) -> u64 {
        match &self.place {
            Some(place) => place.put_aside(expected).await,
            None => 0,
        }
    }

    /// Removes what the system leaves outside its own folders.
    pub(super) async fn end(self) {
        let Self { parts, place, .. } = self;
        drop(parts);
        if let Some(place) = place {
            place.leave().await;
        }
    }

    /// What all of it has written.
    pub(super) fn log(&self) -> String {
        self.parts.iter().map(|part| part.process.log()).collect()
    }

    /// Stops all processes, lets so much time pass that graces and reservations are over and no result is, and starts them again.
    pub(super) async fn much_later(&mut self) {
        let running = self.parts.iter_mut().map(|part| &mut part.process);
        join_all(running.filter_map(|process| (!process.has_ended()).then(|| process.terminate()))).await;
        match &self.place {
            // The clock that counts is the database's.
            Some(place) => place.database().pass(MUCH_LATER),
            None => self.passed += MUCH_LATER,
        }
        for part in 0..self.parts.len() {
            self.started(part).await;
        }
    }

    /// The processes that work on jobs.
    fn workers(&self) -> std::ops::Range<usize> {
        match self.form {
            Form::Embedded => 0..1,
            Form::Distributed => Form::SERVERS..self.parts.len(),
        }
    }

    /// Starts one process again, without orders.
    async fn start_again(&mut self, part: usize, crowd: &Crowd) {
        self.started(part).await;
        crowd.move_to(self.addresses());
    }

    async fn started(&mut self, part: usize) {
        let started = self.start_again_with(part, &[]).await;
        started.unwrap_or_else(|ended| panic!("it did not start again: {ended}"));
    }

    async fn start_again_with(&mut self, part: usize, variables: &[(&str, &str)]) -> Result<(), String> {
        let ahead = self.passed.as_secs().to_string();
        let mut variables = variables.to_vec();
        if !self.passed.is_zero() {
            variables.push(("PIXMILL_CLOCK_AHEAD_SECS", &ahead));
        }
        let again = self.parts[part].process.start_again_with(&variables).await;
        again.map_err(|ended| ended.stderr)
    }
}
