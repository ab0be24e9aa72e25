//! Jobs that were asked for with one request: which ones they are, and which of them one worker makes together.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::JobId;
use crate::job::Job;

/// The jobs of one request, of which there are at least two.
///
/// The ids of all follow from that of the first, so that any of them leads to the others, and a request that is sent again
/// gets the same ids whatever became of the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The job of the first output.
    pub first: JobId,
    /// How many there are.
    pub size: usize,
}

impl Batch {
    /// Most jobs of one request.
    pub const MOST: usize = 16;

    /// The ids of all, in the order of the outputs.
    pub fn ids(self) -> impl Iterator<Item = JobId> {
        (0..self.size).map(move |place| self.id(place))
    }

    /// As unlikely to meet another as a random id is, and to be guessed by anybody who does not know the first.
    fn id(self, place: usize) -> JobId {
        if place == 0 {
            return self.first;
        }
        let mut hasher = Sha256::new();
        hasher.update(b"job of a batch");
        hasher.update(self.first.as_bytes());
        hasher.update((place as u64).to_be_bytes());
        JobId::from_bytes(*hasher.finalize().first_chunk().expect("twelve of 32 bytes"))
    }
}

impl Job {
    /// Whether one call of the engine makes this and `other`: they are of one request, and so of one source, and need the
    /// same second image, if they need any.
    pub fn is_made_with(&self, other: &Self) -> bool {
        self.batch.is_some() && self.batch == other.batch && self.overlay == other.overlay
    }

    /// Whether the queue need not hear of this job, which is handed over with `earlier` ones: whoever takes one of those
    /// takes it along. If nobody does, the sweeper publishes it.
    pub fn follows<'a>(&self, earlier: impl IntoIterator<Item = &'a Self>) -> bool {
        earlier.into_iter().any(|other| other.is_released() && self.is_made_with(other))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_always_the_same_and_no_two_alike() {
        let batch = Batch { first: JobId::from_bytes([7; 12]), size: Batch::MOST };
        let ids: Vec<_> = batch.ids().collect();
        assert_eq!((ids[0], ids.len()), (batch.first, Batch::MOST));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), Batch::MOST);
        // Requests that are under way while a new version is started must find their jobs again.
        assert_eq!(ids[1].to_string(), "864b05be3529895909d2d728");
        let longer = Batch { size: Batch::MOST + 1, ..batch };
        assert!(longer.ids().take(Batch::MOST).eq(ids), "whatever their number");
        let other = Batch { first: JobId::from_bytes([8; 12]), size: 2 };
        assert!(!longer.ids().any(|id| other.ids().any(|other| other == id)));
    }
}
