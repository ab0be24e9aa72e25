//! What the clients note.

use std::collections::{BTreeSet, HashMap};

use super::super::record::{Asked, Record, Sighting};
use crate::answer::Answer;

/// All that they did and saw so far.
#[derive(Default)]
pub(in super::super) struct Notes {
    pub(super) uploads: Vec<Asked>,
    pub(super) transforms: Vec<Asked>,
    /// Images that are there, as far as one knows.
    pub(super) images: Vec<String>,
    /// Jobs that were answered.
    pub(super) jobs: Vec<String>,
    pub(super) cancelled: BTreeSet<String>,
    pub(super) surely_cancelled: BTreeSet<String>,
    pub(super) deleted: BTreeSet<String>,
    pub(super) surely_deleted: BTreeSet<String>,
    sightings: Vec<Sighting>,
    last: HashMap<String, Sighting>,
    odd_answers: Vec<String>,
}

impl Notes {
    /// An image that was there before the clients began.
    pub(in super::super) fn uploaded_before(&mut self, id: &str) {
        self.uploads.push(Asked { sent: 1, answers: vec![id.to_owned()], ..Asked::default() });
        self.images.push(id.to_owned());
    }

    /// What a job looked like; what is not new is not kept.
    pub(super) fn saw(&mut self, seen: Sighting) {
        let before = self.last.insert(seen.job.clone(), seen.clone());
        if before.as_ref() != Some(&seen) {
            self.sightings.push(seen);
        }
    }

    /// An answer that nothing explains.
    pub(super) fn odd(&mut self, answer: &Answer) {
        self.odd_answers.push(format!(
            "{} was answered with {} {}",
            answer.request,
            answer.status,
            answer.text()
        ));
    }

    /// A record that holds this, and nothing of the end yet.
    pub(in super::super) fn into_record(self) -> Record {
        let Self {
            uploads,
            transforms,
            images: _,
            jobs: _,
            cancelled,
            surely_cancelled,
            deleted,
            surely_deleted,
            sightings,
            last: _,
            odd_answers,
        } = self;
        Record {
            uploads,
            transforms,
            cancelled,
            surely_cancelled,
            deleted,
            surely_deleted,
            odd_answers,
            sightings,
            ..Record::default()
        }
    }
}
