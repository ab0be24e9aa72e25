//! The steps that scenarios consist of.

use std::time::Duration;

use super::super::schedule::Trouble::{self, Cut, Deaf, Delay, Silence, Trickle};
use super::super::schedule::{Form, Injection, Step};
use crate::draw::Draw;

pub(super) const ALL_TROUBLES: [Trouble; 5] = [Cut, Silence, Deaf, Delay, Trickle];
pub(super) const HANGING: [Trouble; 2] = [Silence, Deaf];
/// How long a bad way stays bad: longer than a lease.
const BAD: Duration = Duration::from_secs(5);

/// A worker, or what is one.
fn worker(draw: &mut Draw, form: Form) -> usize {
    match form {
        Form::Embedded => 0,
        Form::Distributed => Form::SERVERS + draw.below(form.parts() - Form::SERVERS),
    }
}

fn after(draw: &mut Draw, fault: Injection) -> Step {
    Step { after: draw.within(2..12), fault }
}

/// One process is started with each of these orders in turn, which lack the number of the call.
pub(super) fn ordered(draw: &mut Draw, part: usize, orders: &[&str]) -> Vec<Step> {
    let mut order = |text: &&str| {
        let orders = format!("{text} {}", draw.within(1..4));
        after(draw, Injection::Order { part, orders })
    };
    orders.iter().map(&mut order).collect()
}

/// The first server is killed before and after each of these operations.
pub(super) fn of_servers(draw: &mut Draw, operations: &[&str]) -> Vec<Step> {
    let orders: Vec<_> = operations
        .iter()
        .flat_map(|operation| ["before", "after"].map(|when| format!("kill {when} {operation}")))
        .collect();
    ordered(draw, 0, &orders.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A worker is killed at its receipt, claim, reading, work, storing, update and acknowledgement.
pub(super) fn way_of_a_job(draw: &mut Draw, form: Form) -> Vec<Step> {
    let orders = [
        "kill after queue.receive",
        "kill after jobs.claim",
        "kill after blobs.read",
        // The lease is renewed after a second, and the work takes longer.
        "delay 2000 processor.process 1+; kill before jobs.renew",
        "kill before blobs.put",
        "kill after blobs.put",
        "kill before images.add_version",
        "kill after images.add_version",
        "kill before jobs.finish",
        "kill after jobs.finish",
        "kill before queue.settle",
        "kill after queue.settle",
    ];
    at_workers(draw, form, &orders)
}

/// A worker stands still, past its lease, before each of its effects.
pub(super) fn standing_still(draw: &mut Draw, form: Form) -> Vec<Step> {
    let orders = [
        "stop after jobs.claim",
        "stop before blobs.put",
        "stop before images.add_version",
        "stop before jobs.finish",
        "stop before queue.settle",
    ];
    at_workers(draw, form, &orders)
}

/// The confirmation is on its way when the server is killed, or never comes.
pub(super) fn unconfirmed(draw: &mut Draw, _: Form) -> Vec<Step> {
    let mut steps = links(&[0], &["RABBITMQ_URL"], &[Deaf]);
    steps.extend(ordered(draw, 0, &["kill after queue.publish", "fail after queue.publish"]));
    steps
}

/// What was written is said to have failed.
pub(super) fn lost_replies(draw: &mut Draw, form: Form) -> Vec<Step> {
    let of_server = ["jobs.accept", "images.insert", "images.reserve", "once_keys.begin", "once_keys.done"];
    let of_worker = ["jobs.claim", "images.add_version", "jobs.finish", "queue.settle", "blobs.put"];
    let mut steps = Vec::new();
    for (operations, serves) in [(of_server, true), (of_worker, false)] {
        for operation in operations {
            let part = if serves { 0 } else { worker(draw, form) };
            steps.extend(ordered(draw, part, &[&format!("fail after {operation}")]));
        }
    }
    if form == Form::Distributed {
        steps.extend(links(&[], &["MONGO_URI"], &[Deaf, Cut]));
    }
    steps
}

/// The ways of these parts, all if none is named, to each of these systems have each of these troubles.
pub(super) fn links(parts: &[usize], systems: &[&'static str], troubles: &[Trouble]) -> Vec<Step> {
    let parts: Vec<_> = if parts.is_empty() { vec![None] } else { parts.iter().copied().map(Some).collect() };
    let mut steps = Vec::new();
    for system in systems {
        for trouble in troubles {
            for part in &parts {
                let fault = Injection::Link { part: *part, system, trouble: *trouble, time: BAD };
                steps.push(Step { after: 10, fault });
            }
        }
    }
    steps
}

/// Children are killed several times.
pub(super) fn dying_children(draw: &mut Draw, form: Form) -> Vec<Step> {
    let mut child = |_| {
        let part = worker(draw, form);
        after(draw, Injection::KillChildren { part })
    };
    (0..8).map(&mut child).collect()
}

/// Every part is asked to stop, so many times.
pub(super) fn terminated(form: Form, rounds: usize) -> Vec<Step> {
    let parts = (0..rounds).flat_map(|_| 0..form.parts());
    parts.map(|part| Step { after: 10, fault: Injection::Terminate { part } }).collect()
}

/// Workers are killed a few times.
pub(super) fn killed_workers(draw: &mut Draw, form: Form) -> Vec<Step> {
    let mut kill = |_| {
        let part = worker(draw, form);
        after(draw, Injection::Kill { part })
    };
    (0..4).map(&mut kill).collect()
}

/// The disk is full now and then, and a process is killed whenever it comes.
pub(super) fn full_and_killed(draw: &mut Draw, _: Form) -> Vec<Step> {
    let mut steps = Vec::new();
    for round in 0..10 {
        if round % 3 == 0 {
            let time = Duration::from_millis(draw.within(200..2000));
            steps.push(after(draw, Injection::FullDisk { time }));
        }
        steps.push(Step { after: draw.within(1..20), fault: Injection::Kill { part: 0 } });
    }
    steps
}

/// Each of these orders at a worker of its own choosing, one after the other.
fn at_workers(draw: &mut Draw, form: Form, orders: &[&str]) -> Vec<Step> {
    let mut steps = Vec::new();
    for order in orders {
        let part = worker(draw, form);
        steps.extend(ordered(draw, part, &[order]));
    }
    steps
}
