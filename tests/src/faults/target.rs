//! What the faults are injected into: the processes of a Pixmill of either form, and the ways to its systems.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::crowd::Crowd;
use super::schedule::{Form, Injection, SYSTEMS, Trouble};
use crate::process::{signal, stands_still};
use crate::program::Home;
use crate::proxy::Proxy;
use crate::server::Server;
use crate::systems::{Bucket, behind_a_proxy, systems};

/// A system under test.
pub(super) struct Target {
    form: Form,
    parts: Vec<Part>,
    /// Where the blobs are that are in no folder.
    bucket: Option<Bucket>,
}

/// One of its processes, and its own ways to the systems, in the order of [`SYSTEMS`].
struct Part {
    process: Server,
    links: Vec<Proxy>,
}

/// After how many more answers a process that did not meet its order is started again without, and when at the latest.
const ORDERED_ANSWERS: u64 = 60;
const ORDERED_TIME: Duration = Duration::from_secs(15);
/// How often it is looked whether a process has met its order.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// What a process writes that has understood its orders.
const ORDERED: &str = "faults are ordered";

impl Target {
    /// Starts one with these settings; alone in this folder, or with workers whose clocks are by so many seconds ahead.
    pub(super) async fn start(form: Form, home: &Home, settings: &[(&str, &str)], skews: [i64; 2]) -> Self {
        let (mut parts, mut bucket) = (Vec::new(), None);
        match form {
            Form::Embedded => {
                let process = Server::start_in(home, settings, &[]).await;
                parts.push(Part { process, links: Vec::new() });
            }
            Form::Distributed => {
                let (systems, own_bucket) = systems_with_a_bucket().await;
                bucket = Some(own_bucket);
                for number in 0..form.parts() {
                    let (mut own, mut links) = (systems.clone(), Vec::new());
                    for system in SYSTEMS {
                        links.push(behind_a_proxy(&mut own, system).await);
                    }
                    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
                    let variables: Vec<_> = own.chain(settings.iter().copied()).collect();
                    let process = if number < Form::SERVERS {
                        Server::start_in(&Home::new(), &variables, &["--no-worker"]).await
                    } else {
                        let skew = skews[number - Form::SERVERS].to_string();
                        let variables = [&variables[..], &[("PIXMILL_CLOCK_AHEAD_SECS", &skew)]].concat();
                        Server::start_worker(&variables).await
                    };
                    parts.push(Part { process, links });
                }
            }
        }
        Self { form, parts, bucket }
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
        match &self.bucket {
            Some(bucket) => bucket.keys().await,
            None => self.server().home().blobs().into_iter().collect(),
        }
    }

    /// Removes what the system leaves outside its own folders.
    pub(super) async fn end(self) {
        let Self { parts, bucket, .. } = self;
        drop(parts);
        if let Some(bucket) = bucket {
            bucket.remove().await;
        }
    }

    /// What all of it has written.
    pub(super) fn log(&self) -> String {
        self.parts.iter().map(|part| part.process.log()).collect()
    }

    /// Lets something go wrong, and be well again. Returns whether it did: an order may ask for a call that does not come.
    pub(super) async fn suffer(&mut self, fault: &Injection, crowd: &Crowd) -> bool {
        match fault {
            Injection::Order { part, orders } => return self.order(*part, orders, crowd).await,
            Injection::Kill { part } => self.start_again(*part, crowd).await,
            Injection::Terminate { part } => {
                self.parts[*part].process.terminate().await;
                self.start_again(*part, crowd).await;
            }
            Injection::Pause { part, time } => {
                let process = self.parts[*part].process.processes().root();
                signal(process, "STOP");
                sleep(*time).await;
                signal(process, "CONT");
            }
            Injection::FullDisk { time } => {
                let ballast = self.server().home().fill();
                sleep(*time).await;
                drop(ballast);
            }
            Injection::KillChildren { part } => return self.parts[*part].process.kill_children() > 0,
            Injection::Link { part, system, trouble, time } => {
                let index =
                    SYSTEMS.iter().position(|known| known == system).expect("it is one of the systems");
                let parts = self.parts.iter().enumerate();
                let own = parts.filter(|(number, _)| part.is_none_or(|part| part == *number));
                let links: Vec<&Proxy> = own.map(|(_, part)| &part.links[index]).collect();
                for link in &links {
                    bother(link, *trouble);
                }
                sleep(*time).await;
                for link in links {
                    link.restore();
                }
            }
        }
        true
    }

    /// Starts one process again, without orders.
    async fn start_again(&mut self, part: usize, crowd: &Crowd) {
        self.start_again_with(part, &[])
            .await
            .unwrap_or_else(|ended| panic!("it did not start again: {ended}"));
        crowd.move_to(self.addresses());
    }

    async fn start_again_with(&mut self, part: usize, variables: &[(&str, &str)]) -> Result<(), String> {
        let again = self.parts[part].process.start_again_with(variables).await;
        again.map_err(|ended| ended.stderr)
    }

    /// Starts all processes again with these variables.
    pub(super) async fn restart(&mut self, variables: &[(&str, &str)]) {
        for part in 0..self.parts.len() {
            if !self.parts[part].process.has_ended() {
                self.parts[part].process.terminate().await;
            }
            let again = self.start_again_with(part, variables).await;
            again.unwrap_or_else(|ended| panic!("it did not start again: {ended}"));
        }
    }

    async fn order(&mut self, part: usize, orders: &str, crowd: &Crowd) -> bool {
        let started = self.start_again_with(part, &[("PIXMILL_FAULT", orders)]).await;
        let dies = orders.contains("kill");
        let met = match started {
            // It died of its orders while it started.
            Err(log) => {
                assert!(dies && log.contains(ORDERED), "it did not start with the orders {orders}: {log}");
                true
            }
            Ok(()) => {
                self.understood(part).await;
                crowd.move_to(self.addresses());
                self.meet(part, orders, crowd).await || !dies
            }
        };
        self.start_again(part, crowd).await;
        met
    }

    /// Waits until a process says that it has orders.
    async fn understood(&self, part: usize) {
        let process = &self.parts[part].process;
        let said = async {
            while !process.log().contains(ORDERED) {
                sleep(BETWEEN_LOOKS).await;
            }
        };
        assert!(timeout(ORDERED_TIME, said).await.is_ok(), "{WITHOUT_FAULTS}; it wrote: {}", process.log());
    }

    /// Waits until a process has met its orders. Whether it does those that neither kill it nor stop it can't be seen.
    async fn meet(&mut self, part: usize, orders: &str, crowd: &Crowd) -> bool {
        let process = &mut self.parts[part].process;
        let (deadline, stops) = (Instant::now() + ORDERED_TIME, orders.contains("stop"));
        let id = process.processes().root();
        let mut enough = std::pin::pin!(crowd.more(ORDERED_ANSWERS, ORDERED_TIME));
        loop {
            if stops && stands_still(id) {
                sleep(super::schedule::PAST_THE_LEASE).await;
                signal(id, "CONT");
                return true;
            }
            if process.has_ended() {
                return true;
            }
            tokio::select! {
                _ = &mut enough => return false,
                () = sleep(BETWEEN_LOOKS) => {}
            }
            if Instant::now() > deadline {
                return false;
            }
        }
    }
}

const WITHOUT_FAULTS: &str = "the program has no faults to order: build it with \
     `--features pixmill-server/faults,pixmill-worker/faults`, as `cargo xtask test` and `cargo xtask faults` do";

/// Systems that nobody else has, with a bucket that is empty.
async fn systems_with_a_bucket() -> (Vec<(&'static str, String)>, Bucket) {
    let mut systems = systems();
    let own = |wanted: &str| systems.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
    let bucket = Bucket::for_tests().named(&own("RABBITMQ_QUEUE").expect("each has a queue of its own"));
    bucket.make().await;
    for (name, value) in bucket.variables() {
        if let Some(known) = systems.iter_mut().find(|(known, _)| *known == name) {
            known.1 = value;
        }
    }
    (systems, bucket)
}

fn bother(link: &Proxy, trouble: Trouble) {
    match trouble {
        Trouble::Cut => link.cut(),
        Trouble::Silence => link.silence(),
        Trouble::Deaf => link.deafen(),
        Trouble::Delay => link.delay(Duration::from_millis(500)),
        Trouble::Trickle => link.trickle(),
    }
}
