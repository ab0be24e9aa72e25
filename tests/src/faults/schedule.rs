//! What goes wrong in a run, and when.

use std::time::Duration;

use crate::draw::Draw;

/// The forms of Pixmill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One process over one data folder.
    Embedded,
    /// Two servers and two workers over `RabbitMQ`, Redis, `MongoDB` and S3.
    Distributed,
}

impl Form {
    /// The name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Distributed => "distributed",
        }
    }

    /// How many processes it consists of: servers first, then workers.
    pub fn parts(self) -> usize {
        match self {
            Self::Embedded => 1,
            Self::Distributed => Self::SERVERS + 2,
        }
    }

    /// How many servers it has where it has several.
    pub const SERVERS: usize = 2;
}

/// A fault, and when it comes.
#[derive(Debug, Clone)]
pub struct Step {
    /// After so many more answers that had an effect; in a run that is larger than usual, so many times as many.
    pub after: u64,
    /// What goes wrong.
    pub fault: Injection,
}

/// Something that goes wrong. Whatever it is, it is over before the next step begins.
#[derive(Debug, Clone)]
pub enum Injection {
    /// A process is started anew with orders as [`Order`](pixmill_testkit::Order) reads them. If it dies of them, or after
    /// some more answers, it is started anew without.
    Order {
        /// Which process.
        part: usize,
        /// The orders.
        orders: String,
    },
    /// A process dies of the first job that it takes, and whenever it is started anew, until it has died so often or lives.
    Deaths {
        /// Which process.
        part: usize,
        /// How often it dies at the most.
        most: usize,
    },
    /// Nothing: it is looked how much memory each process has.
    Weigh,
    /// A process is killed and started again.
    Kill {
        /// Which process.
        part: usize,
    },
    /// A process is asked to stop and started again.
    Terminate {
        /// Which process.
        part: usize,
    },
    /// A process stands still for a while.
    Pause {
        /// Which process.
        part: usize,
        /// For how long.
        time: Duration,
    },
    /// The processes that work on pixels for a process are killed.
    KillChildren {
        /// Which process.
        part: usize,
    },
    /// There is no room left for a while: on the disk of a process alone, or on that of the database.
    FullDisk {
        /// For how long.
        time: Duration,
    },
    /// Nothing that is to be synced to the disk is, for a while: each attempt is answered with EIO.
    FailSync {
        /// For how long.
        time: Duration,
    },
    /// A process alone is killed, and its database's log ends with a frame of which only a part was written.
    TearLog {
        /// How many bytes of the frame.
        bytes: usize,
    },
    /// A second process is started in the data folder of the first.
    Second,
    /// The queue is deleted, with whatever waits in it.
    DeleteQueue,
    /// Redis forgets all that it was told, as when it starts anew.
    Forget,
    /// Messages come that no worker can read.
    Messages {
        /// Each of them.
        bodies: &'static [&'static [u8]],
    },
    /// A broker that nobody else has is killed, and started again after a while.
    KillBroker,
    /// A broker that nobody else has believes for a while that it is out of memory, and takes no messages.
    Alarm {
        /// For how long.
        time: Duration,
    },
    /// One more job is asked for, of which only the head of the request is sent, while the queue is full.
    Overfill,
    /// The clients' user asks for very many jobs, and then somebody else for one.
    Flood {
        /// How many; a run may be larger than usual.
        jobs: usize,
        /// How many of them may be done before the other one begins.
        ahead: usize,
    },
    /// Many jobs fail for a reason that passes.
    DeadLetters {
        /// How many; a run may be larger than usual.
        jobs: usize,
    },
    /// All jobs that have failed so are opened anew, also several times at once.
    Redrive {
        /// How many in a second at most.
        per_second: u32,
    },
    /// The way to a system is bad for a while.
    Link {
        /// Whose way; everybody's if absent.
        part: Option<usize>,
        /// The variable by which the system is found.
        system: &'static str,
        /// How bad.
        trouble: Trouble,
        /// For how long.
        time: Duration,
    },
}

/// What can be the matter with the way to a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Connections break, and there are no new ones.
    Cut,
    /// Connections stay, and nothing comes through.
    Silence,
    /// What is sent arrives, and what is answered does not.
    Deaf,
    /// Everything comes through half a second later.
    Delay,
    /// One byte a second comes through.
    Trickle,
    /// The system, which speaks HTTP, answers everything with this status: 500 as when its disk is full, or 503.
    Fails(u16),
}

/// The systems of a distributed Pixmill, by the variables that name them.
pub const SYSTEMS: [&str; 4] = ["MONGO_URI", "RABBITMQ_URL", "REDIS_URL", "AWS_ENDPOINT_URL"];

/// The ports' operations between which a server that takes requests may be killed.
const OF_SERVERS: [&str; 12] = [
    "once_keys.begin",
    "images.reserve",
    "blobs.put",
    "images.insert",
    "once_keys.done",
    "jobs.accept",
    "events.publish",
    "images.get",
    "images.delete",
    "jobs.cancel_all",
    "blobs.delete",
    "jobs.cancel",
];

/// The same for whoever works on jobs.
const OF_WORKERS: [&str; 17] = [
    "queue.receive",
    "jobs.claim",
    "jobs.claim_siblings",
    "events.publish",
    "jobs.precedent",
    "blobs.copy",
    "blobs.get",
    "blobs.read",
    "processor.process",
    "processor.process_batch",
    "blobs.put",
    "cache.put",
    "processor.describe",
    "images.add_version",
    "jobs.finish",
    "jobs.load",
    "queue.settle",
];

/// The same for what a queue apart from the jobs needs.
const OF_QUEUES: [&str; 3] = ["queue.publish", "jobs.published", "jobs.due_unpublished"];

/// How long a lease must be over for another worker to take the job.
pub(super) const PAST_THE_LEASE: Duration = Duration::from_millis(4500);

/// So many faults, whatever the draw says.
pub(super) fn random(draw: &mut Draw, form: Form, steps: usize) -> Vec<Step> {
    let mut schedule = Vec::new();
    for _ in 0..steps {
        let part = draw.below(form.parts());
        let fault = match draw.below(10) {
            0..4 => Injection::Order { part, orders: order(draw, form, part) },
            4 | 5 => Injection::Kill { part },
            6 => Injection::Terminate { part },
            _ => survived(draw, form),
        };
        schedule.push(Step { after: draw.within(1..25), fault });
    }
    schedule
}

/// A fault after which every process is what it was.
pub(super) fn survived(draw: &mut Draw, form: Form) -> Injection {
    let part = draw.below(form.parts());
    match (draw.below(3), form) {
        (0, Form::Embedded) => Injection::Pause { part, time: Duration::from_millis(draw.within(100..5000)) },
        (0, Form::Distributed) => Injection::Pause { part, time: PAST_THE_LEASE },
        (_, Form::Embedded) => Injection::KillChildren { part },
        (_, Form::Distributed) => link(draw, form),
    }
}

fn order(draw: &mut Draw, form: Form, part: usize) -> String {
    let mut operations = Vec::new();
    let (serves, works) = match form {
        Form::Embedded => (true, true),
        Form::Distributed => (part < Form::SERVERS, part >= Form::SERVERS),
    };
    if serves {
        operations.extend(OF_SERVERS);
    }
    if works {
        operations.extend(OF_WORKERS);
    }
    if form == Form::Distributed && serves {
        operations.extend(OF_QUEUES);
    }
    let action = draw.one_of(&["kill", "kill", "kill", "fail"]);
    let when = draw.one_of(&["before", "after"]);
    format!("{action} {when} {} {}", draw.one_of(&operations), draw.within(1..6))
}

fn link(draw: &mut Draw, form: Form) -> Injection {
    let troubles = [Trouble::Cut, Trouble::Silence, Trouble::Deaf, Trouble::Delay, Trouble::Trickle];
    Injection::Link {
        part: (draw.below(2) == 0).then(|| draw.below(form.parts())),
        system: draw.one_of(&SYSTEMS),
        trouble: draw.one_of(&troubles),
        time: Duration::from_millis(draw.within(500..6000)),
    }
}

#[cfg(test)]
mod tests {
    use pixmill_testkit::Order;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_faults_again_and_orders_that_are_understood() {
        for form in [Form::Embedded, Form::Distributed] {
            let schedule = |seed| random(&mut Draw::new(seed), form, 200);
            assert_eq!(format!("{:?}", schedule(3)), format!("{:?}", schedule(3)));
            assert_ne!(format!("{:?}", schedule(3)), format!("{:?}", schedule(4)));
            let mut ordered = 0;
            for step in schedule(3) {
                if let Injection::Order { orders, .. } = step.fault {
                    assert!(Order::list(&orders).is_ok(), "{orders}");
                    ordered += 1;
                }
            }
            assert!(ordered > 20, "{ordered} orders");
        }
    }
}
