//! What is known of a run once it is over: what was asked for and answered, what was seen meanwhile, and what is there in
//! the end. Plain data, from which [`check`](super::check) tells whether a promise was broken.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pixmill_testkit::Deed;

/// A run, as it was seen from outside.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// How often a job may be tried.
    pub max_attempts: u64,
    /// Whether all changes were timed by one clock. Processes apart agree on the time of a shared one to some milliseconds.
    pub one_clock: bool,
    /// Every upload.
    pub uploads: Vec<Asked>,
    /// Every transformation.
    pub transforms: Vec<Asked>,
    /// Jobs whose cancellation was asked for.
    pub cancelled: BTreeSet<String>,
    /// Jobs that were cancelled, by the answer.
    pub surely_cancelled: BTreeSet<String>,
    /// Images whose deletion was asked for.
    pub deleted: BTreeSet<String>,
    /// Images that were deleted, by the answer.
    pub surely_deleted: BTreeSet<String>,
    /// Jobs that were to be opened anew after they had failed.
    pub redriven: BTreeSet<String>,
    /// How often jobs were opened anew, in the end, where that was to happen.
    pub generations: BTreeMap<String, u64>,
    /// What each command opened that was not cut short.
    pub redrivings: Vec<Redriving>,
    /// How long somebody had to wait for others.
    pub turns: Vec<Turn>,
    /// How many messages came that nobody can read, and how many were put aside.
    pub unreadable: (u64, u64),
    /// How many bytes of memory each process had, at several times between which none was started anew.
    pub memory: Vec<Vec<u64>>,
    /// Answers that nothing explains, whatever is away.
    pub odd_answers: Vec<String>,
    /// What somebody else saw or changed of what is not theirs.
    pub intrusions: Vec<String>,
    /// What processes did to jobs, in order.
    pub history: Vec<Deed>,
    /// What was seen of jobs while they changed, each job's in order.
    pub sightings: Vec<Sighting>,
    /// Every job in the end.
    pub jobs: Vec<FinalJob>,
    /// Every image in the end.
    pub images: Vec<FinalImage>,
    /// Every blob in the end.
    pub blobs: BTreeSet<String>,
    /// Every temporary file in the end.
    pub temporary_files: Vec<String>,
    /// What the user is said to have in the end.
    pub usage: Usage,
}

/// A request that makes something.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Whether it had an idempotency key, and so may have one effect at most.
    pub keyed: bool,
    /// How often it was sent.
    pub sent: u64,
    /// The ids that were answered.
    pub answers: Vec<String>,
    /// The image to be transformed; empty for an upload.
    pub image: String,
    /// The width asked for.
    pub width: u64,
    /// The quality asked for.
    pub quality: u64,
    /// Whether the result was to become a version.
    pub save: bool,
    /// The code of the failure that it comes to, if it can't be done.
    pub fails: Option<&'static str>,
}

/// A command that opened failed jobs anew.
#[derive(Debug, Clone, Copy)]
pub struct Redriving {
    /// How many.
    pub opened: u64,
    /// How many it was to open in a second at most.
    pub per_second: u32,
    /// How long it ran.
    pub took: Duration,
}

/// The turn of somebody with one job behind somebody with many.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// How many of the others' jobs were done between the acceptance of the one and its beginning.
    pub before: usize,
    /// How many may be.
    pub most: usize,
}

/// A job as it was at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Which.
    pub job: String,
    /// Where it stood.
    pub state: State,
    /// How often it had been begun.
    pub attempts: u64,
    /// When it had last changed, as the server writes it.
    pub updated_at: String,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits.
    Queued,
    /// A worker is at it.
    Running,
    /// It is done.
    Completed,
    /// It will not be tried again.
    Failed,
    /// It was ended.
    Cancelled,
}

impl State {
    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "queued" => Self::Queued,
            "running" => Self::Running,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            _ => return None,
        })
    }

    /// Whether nothing may come after it.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A job in the end.
#[derive(Debug, Clone)]
pub struct FinalJob {
    /// What is said of it.
    pub seen: Sighting,
    /// Its image.
    pub image: String,
    /// The code of its failure.
    pub failure: Option<String>,
    /// What it made.
    pub made: Option<Made>,
}

/// What a completed job made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The version that it became.
    pub version: Option<u64>,
    /// Width in pixels, as recorded.
    pub width: u64,
    /// Size in bytes, as recorded.
    pub bytes: u64,
    /// What could be fetched; `None` if it is gone.
    pub file: Option<Fetched>,
}

/// A file as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The hash that the server names.
    pub recorded_hash: String,
    /// The hash of what came.
    pub hash: String,
    /// How many bytes came.
    pub bytes: u64,
    /// The width of the picture; `None` if it can't be decoded.
    pub width: Option<u64>,
}

/// An image in the end.
#[derive(Debug, Clone)]
pub struct FinalImage {
    /// Which.
    pub id: String,
    /// Its versions.
    pub versions: Vec<FinalVersion>,
}

/// A version in the end.
#[derive(Debug, Clone)]
pub struct FinalVersion {
    /// Its number.
    pub number: u64,
    /// The job that made it.
    pub job: Option<String>,
    /// Size in bytes.
    pub bytes: u64,
}

/// What a user is said to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of all versions.
    pub bytes: u64,
    /// Images.
    pub images: u64,
    /// Open jobs.
    pub open_jobs: u64,
}

impl Record {
    /// The bytes of all versions of the end.
    pub fn bytes(&self) -> u64 {
        self.images.iter().flat_map(|image| &image.versions).map(|version| version.bytes).sum()
    }

    /// The blobs that the images and jobs of the end refer to.
    pub fn expected_blobs(&self) -> BTreeSet<String> {
        let mut blobs = BTreeSet::new();
        for image in &self.images {
            for version in &image.versions {
                let name = version.job.as_deref().unwrap_or("original");
                blobs.insert(format!("images/{}/{name}", image.id));
            }
        }
        let there: BTreeSet<&String> = self.images.iter().map(|image| &image.id).collect();
        for job in self.jobs.iter().filter(|job| there.contains(&job.image)) {
            if job.made.as_ref().is_some_and(|made| made.version.is_none()) {
                blobs.insert(format!("previews/{}/{}", job.image, job.seen.job));
            }
        }
        blobs
    }
}
