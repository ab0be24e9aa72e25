//! Every scenario.

use std::time::Duration;

use super::super::crowd::Mix;
use super::super::schedule::Form::{self, Distributed, Embedded};
use super::super::schedule::random;
use super::{Need, Scenario, steps};

const BOTH: &[Form] = &[Embedded, Distributed];
const ALONE: &[Form] = &[Embedded];
const TOGETHER: &[Form] = &[Distributed];

/// What most faults have in common.
const USUAL: Scenario = Scenario {
    name: "",
    about: "",
    forms: BOTH,
    mix: Mix::ALL,
    settings: &[],
    needs: &[],
    skews: [0; 4],
    most_attempts: None,
    steps: |_, _| Vec::new(),
};

const KEYED_UPLOADS: Mix = Mix { always_keyed: true, ..Mix::UPLOADS };
const KEYED_TRANSFORMS: Mix = Mix { always_keyed: true, ..Mix::TRANSFORMS };
/// Every fourth request ends what another began.
const ENDING: Mix = Mix { uploads: 4, transforms: 12, cancels: 4, deletions: 2, ..Mix::ALL };

/// All of them, by the numbers of the promises' document.
pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "random", about: "anything", steps: |draw, form| random(draw, form, 8), ..USUAL },
    Scenario {
        name: "soak",
        about: "anything, over many jobs, and processes must not grow",
        mix: Mix {
            uploads: 1,
            transforms: 40,
            cancels: 3,
            deletions: 1,
            clients: 16,
            pause: Duration::ZERO,
            ..Mix::ALL
        },
        // Caches that are full early grow no more.
        settings: &[("MAX_OPEN_JOBS", "200"), ("CACHE_MAX_BYTES", "1048576")],
        steps: steps::soak,
        ..USUAL
    },
    Scenario {
        name: "F1",
        about: "a server is killed between the bytes of an upload and its image",
        mix: KEYED_UPLOADS,
        steps: |draw, _| {
            steps::of_servers(draw, &["images.reserve", "blobs.put", "images.insert", "once_keys.done"])
        },
        ..USUAL
    },
    Scenario {
        name: "F2",
        about: "a server is killed between a job and its message",
        forms: TOGETHER,
        mix: KEYED_TRANSFORMS,
        steps: |draw, _| steps::ordered(draw, 0, &["kill after jobs.accept", "kill before queue.publish"]),
        ..USUAL
    },
    Scenario {
        name: "F3",
        about: "a message is with the broker and its confirmation is not with the server",
        forms: TOGETHER,
        mix: KEYED_TRANSFORMS,
        steps: steps::unconfirmed,
        ..USUAL
    },
    Scenario {
        name: "F4",
        about: "a server is killed when all is done and before it says so",
        mix: Mix { always_keyed: true, ..Mix::ALL },
        steps: |draw, form| match form {
            Embedded => steps::ordered(draw, 0, &["kill after events.publish", "kill after once_keys.done"]),
            Distributed => {
                steps::ordered(draw, 0, &["kill after jobs.published", "kill after once_keys.done"])
            }
        },
        ..USUAL
    },
    Scenario {
        name: "F5",
        about: "the queue is deleted in the broker while jobs wait in it",
        forms: TOGETHER,
        mix: KEYED_TRANSFORMS,
        // So that some always wait.
        settings: &[("PIXMILL_FAULT", "delay 400 processor.process 1+")],
        steps: steps::deleted_queues,
        ..USUAL
    },
    Scenario {
        name: "F6",
        about: "the broker confirms nothing",
        forms: TOGETHER,
        mix: KEYED_TRANSFORMS,
        steps: |_, _| steps::links(&[0, 1], &["RABBITMQ_URL"], &steps::HANGING),
        ..USUAL
    },
    Scenario {
        name: "F7",
        about: "a worker is killed at every step of its way",
        mix: Mix { batches: 3, ..KEYED_TRANSFORMS },
        steps: steps::way_of_a_job,
        ..USUAL
    },
    Scenario {
        name: "F8",
        about: "a worker stands still until its lease is over",
        mix: KEYED_TRANSFORMS,
        steps: steps::standing_still,
        ..USUAL
    },
    Scenario {
        name: "F8-late",
        about: "an attempt is so late with its outcome that another one is at the job",
        mix: Mix { limit: 2, ..KEYED_TRANSFORMS },
        // The lease is renewed while there is work, lasts three seconds more, and is found to be over within two; the other
        // attempt is in the middle of its work when the first comes back.
        settings: &[("PIXMILL_FAULT", "delay 4000 processor.process 1+; delay 7000 jobs.finish 1")],
        ..USUAL
    },
    Scenario {
        name: "F9",
        about: "work takes longer than the lease",
        mix: Mix { limit: 6, ..KEYED_TRANSFORMS },
        // Somebody is free to take a job whose lease is over.
        settings: &[("PIXMILL_FAULT", "delay 6000 processor.process 1+"), ("WORKER_CONCURRENCY", "8")],
        most_attempts: Some(1),
        ..USUAL
    },
    Scenario {
        name: "F10",
        about: "whatever works on pixels dies",
        mix: KEYED_TRANSFORMS,
        steps: steps::dying_children,
        ..USUAL
    },
    Scenario {
        name: "F10-deadly",
        about: "whoever takes a job dies of it",
        forms: ALONE,
        mix: Mix { limit: 3, ..KEYED_TRANSFORMS },
        settings: &[("JOB_MAX_ATTEMPTS", "2")],
        most_attempts: Some(2),
        steps: |_, _| steps::deaths(3, 2),
        ..USUAL
    },
    Scenario {
        name: "F11",
        about: "damaged pictures, damaged watermarks and bombs are among what is worked on",
        mix: Mix { flawed: 14, limit: 80, ..KEYED_TRANSFORMS },
        ..USUAL
    },
    Scenario {
        name: "F12",
        about: "database and bucket are gone, hang, are slow, drip, or fail at everything",
        forms: TOGETHER,
        steps: |_, _| steps::bad_stores(),
        ..USUAL
    },
    Scenario {
        name: "F12-full",
        about: "the database has no room, and refuses to write",
        forms: TOGETHER,
        mix: ENDING,
        steps: |draw, _| steps::full_now_and_then(draw),
        ..USUAL
    },
    Scenario {
        name: "F13",
        about: "Redis is gone, hangs, is slow, drips, or forgets everything",
        forms: TOGETHER,
        steps: |draw, _| steps::bad_redis(draw),
        ..USUAL
    },
    Scenario { name: "F14", about: "what was written is not confirmed", steps: steps::lost_replies, ..USUAL },
    Scenario {
        name: "F15",
        about: "a broker of the run's own is killed under load and started again",
        forms: TOGETHER,
        mix: KEYED_TRANSFORMS,
        needs: &[Need::Broker],
        steps: steps::killed_broker,
        ..USUAL
    },
    Scenario {
        name: "F16",
        about: "the way of a worker to the broker is half-open",
        forms: TOGETHER,
        mix: KEYED_TRANSFORMS,
        steps: |_, _| steps::links(&[2], &["RABBITMQ_URL"], &steps::HANGING),
        ..USUAL
    },
    Scenario {
        name: "F17",
        about: "a worker hears of jobs and can't reach the database",
        forms: TOGETHER,
        mix: KEYED_TRANSFORMS,
        steps: |_, _| steps::links(&[2], &["MONGO_URI"], &steps::ALL_TROUBLES),
        ..USUAL
    },
    Scenario {
        name: "F18",
        about: "every message comes a hundred times at once",
        forms: TOGETHER,
        mix: Mix { limit: 30, ..KEYED_TRANSFORMS },
        settings: &[("PIXMILL_FAULT", "repeat 99 queue.publish 1+")],
        most_attempts: Some(1),
        ..USUAL
    },
    Scenario {
        name: "F19",
        about: "one key is sent 200 times at once",
        mix: Mix {
            uploads: 1,
            transforms: 1,
            cancels: 0,
            deletions: 0,
            limit: 6,
            copies: 200,
            // One that all wait for: more would measure the machine.
            clients: 1,
            ..KEYED_TRANSFORMS
        },
        // So that all copies are there before the first has its effect.
        settings: &[("PIXMILL_FAULT", "delay 300 jobs.accept 1+; delay 300 images.insert 1+")],
        ..USUAL
    },
    Scenario {
        name: "F20",
        about: "processes are asked to stop under load",
        steps: |_, form| steps::terminated(form, 2),
        ..USUAL
    },
    Scenario {
        name: "F21",
        about: "processes are started again one after the other, over and over",
        forms: TOGETHER,
        steps: |_, form| steps::terminated(form, 4),
        ..USUAL
    },
    Scenario {
        name: "F22",
        about: "as many jobs wait as may, and where processes are apart, a broker of the run's own is out of memory",
        mix: KEYED_TRANSFORMS,
        settings: &[("MAX_OPEN_JOBS", "6"), ("PIXMILL_FAULT", "delay 500 processor.process 1+")],
        needs: &[Need::Broker],
        steps: steps::overfilled,
        ..USUAL
    },
    Scenario {
        name: "F23",
        about: "the clocks of a server and of both workers are an hour off",
        forms: TOGETHER,
        skews: [3600, 0, 3600, -3600],
        steps: steps::killed_workers,
        ..USUAL
    },
    Scenario {
        name: "F24",
        about: "jobs and images are ended while a worker is killed at every step",
        // So many that what the killed one was at is mostly among them.
        mix: Mix { cancels: 24, ..ENDING },
        steps: steps::way_of_a_job,
        ..USUAL
    },
    Scenario {
        name: "F25",
        about: "messages come that are none, or of another version",
        forms: TOGETHER,
        mix: KEYED_TRANSFORMS,
        steps: steps::unreadable_messages,
        ..USUAL
    },
    Scenario {
        name: "F26",
        about: "the process is killed while it writes, and while the disk is full",
        forms: ALONE,
        mix: ENDING,
        needs: &[Need::Room(32 << 20)],
        steps: steps::full_and_killed,
        ..USUAL
    },
    Scenario {
        name: "F26-sync",
        about: "the disk answers with EIO whenever something is to be synced, and the process is killed after that",
        forms: ALONE,
        mix: ENDING,
        needs: &[Need::Tracer],
        steps: steps::failing_syncs,
        ..USUAL
    },
    Scenario {
        name: "F26-torn",
        about: "the last write to the database's log is cut short, and a second process wants the folder",
        forms: ALONE,
        mix: ENDING,
        steps: steps::torn_logs,
        ..USUAL
    },
    Scenario {
        name: "F27",
        about: "hundreds of failed jobs are opened anew by a command that is killed, by two at once, and one by one",
        mix: KEYED_TRANSFORMS,
        steps: |draw, _| steps::opened_anew(draw),
        ..USUAL
    },
    Scenario {
        name: "F28",
        about: "one user asks for hundreds of jobs, and then somebody else for one",
        mix: KEYED_TRANSFORMS,
        settings: &[
            ("MAX_OPEN_JOBS", "1000000"),
            ("USER_JOB_SHARE", steps::SHARE.0),
            ("WORKER_CONCURRENCY", steps::SLOTS.0),
            ("PIXMILL_FAULT", "delay 100 processor.process 1+"),
        ],
        steps: |_, form| steps::flooded(form),
        ..USUAL
    },
];
