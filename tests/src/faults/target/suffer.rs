//! What happens to a system, one thing after the other.

use std::time::Duration;

use tokio::time::sleep;

use super::super::crowd::Crowd;
use super::super::place::Place;
use super::super::schedule::{Injection, SYSTEMS, Trouble};
use super::Target;
use crate::process::{memory, signal};
use crate::proxy::Proxy;

/// How many answers there are while the broker is gone, and how long that lasts at the most.
const WITHOUT_BROKER: (u64, Duration) = (10, Duration::from_secs(8));
/// How often it is looked how much memory a process has.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

impl Target {
    /// Lets something go wrong, and be well again. Returns whether it did: an order may ask for a call that does not come.
    pub(in super::super) async fn suffer(&mut self, fault: &Injection, crowd: &Crowd) -> bool {
        match fault {
            Injection::Order { part, orders } => return self.order(*part, orders, crowd).await,
            Injection::Deaths { part, most } => return self.die(*part, *most, crowd).await,
            Injection::Weigh => {
                let memory = self.weigh().await;
                crowd.note(|notes| notes.memory.push(memory));
            }
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
            Injection::KillChildren { part } => return self.parts[*part].process.kill_children() > 0,
            Injection::Link { part, system, trouble, time } => {
                self.bother(*part, system, *trouble, *time).await;
            }
            Injection::DeleteQueue => self.place().delete_queue().await,
            Injection::Forget => self.place().forget().await,
            Injection::Messages { bodies } => {
                for body in *bodies {
                    self.place().publish(body).await;
                }
                crowd.note(|notes| notes.unreadable += bodies.len() as u64);
            }
            Injection::KillBroker => {
                self.place().broker().kill9();
                crowd.more(WITHOUT_BROKER.0, WITHOUT_BROKER.1).await;
                self.place().broker().start_again().await;
            }
            Injection::Alarm { time } => {
                self.place().broker().alarm(true).await;
                sleep(*time).await;
                self.place().broker().alarm(false).await;
            }
            Injection::Overfill => return self.overfill(crowd).await,
            Injection::Flood { jobs, ahead } => return self.flood(jobs * self.scale, *ahead, crowd).await,
            Injection::DeadLetters { jobs } => return self.dead_letters(jobs * self.scale, crowd).await,
            Injection::Redrive { per_second } => return self.redrive(*per_second, crowd).await,
            Injection::FullDisk { time } => {
                if let Some(place) = &self.place {
                    place.database().fill();
                    sleep(*time).await;
                    return place.database().free();
                }
                let ballast = self.server().home().fill();
                sleep(*time).await;
                drop(ballast);
            }
            Injection::FailSync { time } => return self.fail_sync(*time).await,
            Injection::TearLog { bytes } => return self.tear_log(*bytes, crowd).await,
            Injection::Second => return self.start_second(crowd).await,
        }
        true
    }

    /// How much memory each process has while it does what it always does: the least of several looks.
    async fn weigh(&self) -> Vec<u64> {
        let mut least = vec![u64::MAX; self.parts.len()];
        for _ in 0..LOOKS {
            for (least, part) in least.iter_mut().zip(&self.parts) {
                *least = memory(part.process.processes().root()).min(*least);
            }
            sleep(BETWEEN_LOOKS).await;
        }
        least
    }

    fn place(&mut self) -> &mut Place {
        self.place.as_mut().expect("the scenario is for processes that are apart")
    }

    async fn bother(&self, part: Option<usize>, system: &str, trouble: Trouble, time: Duration) {
        let index = SYSTEMS.iter().position(|known| *known == system).expect("it is one of the systems");
        let parts = self.parts.iter().enumerate();
        let own = parts.filter(|(number, _)| part.is_none_or(|part| part == *number));
        let links: Vec<&Proxy> = own.map(|(_, part)| &part.links[index]).collect();
        for link in &links {
            match trouble {
                Trouble::Cut => link.cut(),
                Trouble::Silence => link.silence(),
                Trouble::Deaf => link.deafen(),
                Trouble::Delay => link.delay(Duration::from_millis(500)),
                Trouble::Trickle => link.trickle(),
                Trouble::Fails(status) => link.fail(status),
            }
        }
        sleep(time).await;
        for link in links {
            link.restore();
        }
    }
}
