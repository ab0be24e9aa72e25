//! The versions of one image: what becomes of them as jobs add and drop some, and as the user steps through them. For
//! adapters that keep an image with all its versions in one place.

use serde::{Deserialize, Serialize};

use crate::content::BlobKey;
use crate::history::{History, Step};
use crate::image::{NewVersion, Version};
use crate::time::Timestamp;

/// All versions of an image, and where it stands among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Versions {
    /// Ascending by number.
    #[serde(rename = "versions")]
    all: Vec<Version>,
    #[serde(flatten)]
    history: History,
    last_number: u32,
}

impl Versions {
    /// Those of an image that has no other yet.
    pub fn of(first: Version) -> Self {
        let number = first.number;
        Self { all: vec![first], history: History::at(number), last_number: number }
    }

    /// All of them, ascending by number.
    pub fn all(&self) -> &[Version] {
        &self.all
    }

    /// The one with this number.
    pub fn get(&self, number: u32) -> Option<&Version> {
        self.all.iter().find(|version| version.number == number)
    }

    /// The one that the image shows; `None` only of stored data that is damaged.
    pub fn current(&self) -> Option<&Version> {
        self.get(self.history.current)
    }

    /// The number that redo leads to.
    pub fn redo(&self) -> Option<u32> {
        self.history.undone.last().copied()
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> u64 {
        self.all.iter().map(|version| version.content.bytes).sum()
    }

    /// Adds what a job has made and makes it current, unless that job has added the same or a later one, and returns the number
    /// of what is there then.
    pub fn add(&mut self, version: NewVersion, created_at: Timestamp) -> u32 {
        let NewVersion { image: _, job, parent, content, description } = version;
        if let Some(existing) = self.all.iter().find(|version| version.job == Some(job)) {
            if !content.blob.is_later_than(&existing.content.blob) {
                return existing.number;
            }
            let straggling = existing.content.blob.clone();
            self.drop_at(&straggling);
        }
        self.last_number += 1;
        let (number, parent, job) = (self.last_number, Some(parent), Some(job));
        self.all.push(Version { number, parent, job, content, description, created_at });
        self.history = History::at(number);
        number
    }

    /// Drops the version whose bytes are there, if there is one.
    pub fn drop_at(&mut self, blob: &BlobKey) {
        if let Some(place) = self.all.iter().position(|version| version.content.blob == *blob) {
            let dropped = self.all.remove(place);
            self.history = self.history.without(&dropped, &self.all);
        }
    }

    /// Takes a step. Returns whether it led anywhere.
    pub fn step(&mut self, step: Step) -> bool {
        let next = self.history.step(step, &self.all);
        next.map(|next| self.history = next).is_some()
    }
}
