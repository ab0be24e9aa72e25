//! Processes that are told what is to go wrong in them.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::super::crowd::Crowd;
use super::super::schedule::PAST_THE_LEASE;
use super::Target;
use crate::process::{signal, stands_still};

/// After how many more answers a process that did not meet its order is started again without, and when if there are none.
const ORDERED_ANSWERS: u64 = 60;
const ORDERED_TIME: Duration = Duration::from_secs(15);
/// How often it is looked whether a process has met its order.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// Of this a process dies at the first job that it takes.
const DEADLY: &str = "kill after jobs.claim 1";
/// What a process writes that has understood its orders.
const ORDERED: &str = "faults are ordered";

impl Target {
    /// Starts a process with these orders, and once it has met them without. Returns whether it met them.
    pub(super) async fn order(&mut self, part: usize, orders: &str, crowd: &Crowd) -> bool {
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

    /// Starts a process again and again that dies of the first job it takes, and at last one that does not. Returns whether any
    /// died.
    pub(super) async fn die(&mut self, part: usize, most: usize, crowd: &Crowd) -> bool {
        let mut deaths = 0;
        while deaths < most {
            let started = self.start_again_with(part, &[("PIXMILL_FAULT", DEADLY)]).await;
            // It may die before it is heard of.
            if started.is_ok() {
                crowd.move_to(self.addresses());
                if !self.meet(part, DEADLY, crowd).await {
                    break;
                }
            }
            deaths += 1;
        }
        self.start_again(part, crowd).await;
        deaths > 0
    }

    /// Waits until a process says that it has orders.
    pub(super) async fn understood(&self, part: usize) {
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
                sleep(PAST_THE_LEASE).await;
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
