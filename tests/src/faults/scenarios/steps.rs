//! The steps that scenarios consist of.

use std::time::Duration;

use super::super::schedule::Trouble::{self, Cut, Deaf, Delay, Fails, Silence, Trickle};
use super::super::schedule::{Form, Injection, Step, random, survived};
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

/// The process that works on jobs dies of each, more often than each may be tried.
pub(super) fn deaths(jobs: usize, attempts: u64) -> Vec<Step> {
    let most = jobs * (attempts as usize + 2);
    vec![Step { after: 0, fault: Injection::Deaths { part: 0, most } }]
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

/// The disk is full now and then.
pub(super) fn full_now_and_then(draw: &mut Draw) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..6 {
        let time = Duration::from_millis(draw.within(200..4000));
        steps.push(after(draw, Injection::FullDisk { time }));
    }
    steps
}

/// The ways to the database and the bucket have every trouble, and the bucket fails as well.
pub(super) fn bad_stores() -> Vec<Step> {
    let mut steps = links(&[], &["MONGO_URI", "AWS_ENDPOINT_URL"], &ALL_TROUBLES);
    steps.extend(links(&[], &["AWS_ENDPOINT_URL"], &[Fails(500), Fails(503)]));
    steps
}

/// The way to Redis has every trouble, and before each it forgets everything.
pub(super) fn bad_redis(draw: &mut Draw) -> Vec<Step> {
    let bad = links(&[], &["REDIS_URL"], &ALL_TROUBLES);
    bad.into_iter().flat_map(|step| [after(draw, Injection::Forget), step]).collect()
}

/// The queue is deleted a few times.
pub(super) fn deleted_queues(draw: &mut Draw, _: Form) -> Vec<Step> {
    (0..3).map(|_| Step { after: draw.within(20..40), fault: Injection::DeleteQueue }).collect()
}

/// The broker is killed a few times.
pub(super) fn killed_broker(draw: &mut Draw, _: Form) -> Vec<Step> {
    (0..3).map(|_| Step { after: draw.within(10..30), fault: Injection::KillBroker }).collect()
}

/// More is wanted than there is room for, before the broker can take no more, and after.
pub(super) fn overfilled(_: &mut Draw, form: Form) -> Vec<Step> {
    let mut steps = vec![Step { after: 4, fault: Injection::Overfill }; 2];
    if form == Form::Distributed {
        steps.insert(1, Step { after: 4, fault: Injection::Alarm { time: BAD } });
    }
    steps
}

/// Anything goes wrong, and then nothing that ends a process, so that its memory tells whether it grows.
pub(super) fn soak(draw: &mut Draw, form: Form) -> Vec<Step> {
    let mut steps = random(draw, form, 12);
    for _ in 0..6 {
        steps.push(Step { after: 0, fault: Injection::Weigh });
        steps.push(Step { after: 0, fault: survived(draw, form) });
    }
    steps.push(Step { after: 0, fault: Injection::Weigh });
    for step in &mut steps {
        step.after = 20;
    }
    steps
}

/// Messages that no worker of this version can read: of an older one, of a newer one with an operation that nobody knows,
/// cut short, of other types, no JSON, nothing at all.
const UNREADABLE: [&[u8]; 7] = [
    br#"{"schema":0,"jobId":"000000000000000000000001"}"#,
    br#"{"schema":2,"job":"000000000000000000000001","operation":"teleport"}"#,
    br#"{"schema":1,"jobId":"00000000"#,
    br#"{"schema":1,"jobId":17}"#,
    br#"{"schema":"1","jobId":"000000000000000000000001"}"#,
    b"\xff\xfe not JSON",
    b"",
];

/// They come all at once, and one by one.
pub(super) fn unreadable_messages(draw: &mut Draw, _: Form) -> Vec<Step> {
    let one = UNREADABLE.chunks(1).map(|bodies| (draw.within(1..8), bodies));
    let all = [&UNREADABLE[..]].map(|bodies| (5, bodies));
    let step = |(after, bodies)| Step { after, fault: Injection::Messages { bodies } };
    one.collect::<Vec<_>>().into_iter().chain(all).map(step).collect()
}

/// Nothing can be synced for a while, and then the process is killed, so that only what was synced is surely there.
pub(super) fn failing_syncs(draw: &mut Draw, _: Form) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..4 {
        let time = Duration::from_millis(draw.within(200..2000));
        steps.push(after(draw, Injection::FailSync { time }));
        steps.push(Step { after: draw.within(1..10), fault: Injection::Kill { part: 0 } });
    }
    steps
}

/// The log ends with parts of frames of every size, and a second process comes in between.
pub(super) fn torn_logs(draw: &mut Draw, _: Form) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..6 {
        let bytes = draw.within(1..4200) as usize;
        steps.push(after(draw, Injection::TearLog { bytes }));
    }
    steps.insert(3, Step { after: 5, fault: Injection::Second });
    steps
}

/// Many jobs fail, and are opened anew.
pub(super) fn opened_anew(draw: &mut Draw) -> Vec<Step> {
    let failing = Injection::DeadLetters { jobs: 250 };
    let opening = Injection::Redrive { per_second: draw.within(40..120) as u32 };
    vec![Step { after: 5, fault: failing }, Step { after: 5, fault: opening }]
}

/// How many jobs of one user are before the workers at once, and how many jobs a worker takes at once.
pub(super) const SHARE: (&str, usize) = ("8", 8);
pub(super) const SLOTS: (&str, usize) = ("4", 4);

/// One user wants very much. Ahead of somebody else's job may be that user's share, and whatever is in somebody's hands.
pub(super) fn flooded(form: Form) -> Vec<Step> {
    let workers = match form {
        Form::Embedded => 1,
        Form::Distributed => form.parts() - Form::SERVERS,
    };
    let ahead = SHARE.1 + workers * SLOTS.1;
    vec![Step { after: 5, fault: Injection::Flood { jobs: 300, ahead } }]
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
