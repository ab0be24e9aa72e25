//! What the clients note.

use std::collections::{BTreeSet, HashMap};

use super::super::record::{Asked, Record, Redriving, Sighting, Turn};
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
    /// What is noted by whoever lets things go wrong.
    pub(in super::super) redriven: BTreeSet<String>,
    pub(in super::super) redrivings: Vec<Redriving>,
    pub(in super::super) turns: Vec<Turn>,
    pub(in super::super) unreadable: u64,
    pub(in super::super) memory: Vec<Vec<u64>>,
    sightings: Vec<Sighting>,
    last: HashMap<String, Sighting>,
    odd_answers: Vec<String>,
}

impl Notes {
    /// An image that was there before the clients began.
    pub(in super::super) fn uploaded_before(&mut self, id: &str) {
        self.uploaded_apart(id);
        self.images.push(id.to_owned());
    }

    /// The same, of one that is not for everything.
    pub(in super::super) fn uploaded_apart(&mut self, id: &str) {
        self.uploads.push(Asked { sent: 1, answers: vec![id.to_owned()], ..Asked::default() });
    }

    /// A transformation that somebody else than the clients asked for, in their name.
    pub(in super::super) fn asked(&mut self, asked: Asked) {
        self.transforms.push(asked);
    }

    /// What a job looked like; what is not new is not kept.
    pub(super) fn saw(&mut self, seen: Sighting) {
        let before = self.last.insert(seen.job.clone(), seen.clone());
        if before.as_ref() != Some(&seen) {
            self.sightings.push(seen);
        }
    }

    /// An answer that nothing explains.
    pub(in super::super) fn odd(&mut self, answer: &Answer) {
        self.odd_text(format!("{} was answered with {} {}", answer.request, answer.status, answer.text()));
    }

    /// The same, in words.
    pub(in super::super) fn odd_text(&mut self, what: String) {
        self.odd_answers.push(what);
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
            redriven,
            redrivings,
            turns,
            unreadable,
            memory,
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
            redriven,
            redrivings,
            turns,
            unreadable: (unreadable, 0),
            memory,
            odd_answers,
            sightings,
            ..Record::default()
        }
    }
}
