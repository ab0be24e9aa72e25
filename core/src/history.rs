//! Undo and redo: which of an image's versions is current, and which ones undo has left.

use serde::{Deserialize, Serialize};

use crate::image::{Image, Version};

/// A move among the versions of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To the version that the current one was made from.
    Undo,
    /// Back to the version that the last undo left.
    Redo,
    /// To the version with this number.
    Restore(u32),
}

/// What came of a [`Step`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepped {
    /// The image, seen through the version that is current now.
    Moved(Box<Image>),
    /// There is nothing to undo or to redo.
    Nowhere,
    /// The image has no version with this number.
    NoVersion,
    /// The user has no such image.
    NoImage,
}

/// Where an image stands among its versions, for adapters to store. `versions` are always all of the image's,
/// ascending by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The number of the current version.
    pub current: u32,
    /// The versions that undo has left, the last one last. Redo takes them from the end.
    pub undone: Vec<u32>,
}

impl Step {
    /// The answer if it leads nowhere.
    pub fn refused(self) -> Stepped {
        match self {
            Self::Undo | Self::Redo => Stepped::Nowhere,
            Self::Restore(_) => Stepped::NoVersion,
        }
    }
}

impl History {
    /// Stands at a version, with nothing to redo: so it is after an upload, a save and a restoration.
    pub fn at(current: u32) -> Self {
        Self { current, undone: Vec::new() }
    }

    /// What `step` leads to; `None` if nowhere.
    pub fn step(&self, step: Step, versions: &[Version]) -> Option<Self> {
        let mut undone = self.undone.clone();
        match step {
            Step::Undo => {
                let place = versions.iter().position(|version| version.number == self.current)?;
                let current = before(&versions[place], &versions[..place])?;
                undone.push(self.current);
                Some(Self { current, undone })
            }
            Step::Redo => {
                let current = undone.pop()?;
                Some(Self { current, undone })
            }
            Step::Restore(number) => {
                versions.iter().any(|version| version.number == number).then(|| Self::at(number))
            }
        }
    }

    /// Where the image stands after `dropped` is taken out of `versions`.
    #[must_use]
    pub fn without(&self, dropped: &Version, versions: &[Version]) -> Self {
        let mut undone = self.undone.clone();
        undone.retain(|number| *number != dropped.number);
        let older = versions.partition_point(|version| version.number < dropped.number);
        let current = match before(dropped, &versions[..older]) {
            Some(number) if self.current == dropped.number => number,
            _ => self.current,
        };
        Self { current, undone }
    }
}

/// The version that `version` was made from. If that was dropped, the last of the older ones stands in for it.
fn before(version: &Version, older: &[Version]) -> Option<u32> {
    let parent = version.parent?;
    let kept = older.iter().find(|version| version.number == parent);
    kept.or(older.last()).map(|version| version.number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::content::{Content, ContentHash};
    use crate::ids::{ImageId, JobId};
    use crate::time::Timestamp;
    use crate::{BlobKey, Format};

    fn version(number: u32, parent: Option<u32>) -> Version {
        let content = Content {
            blob: BlobKey::original(ImageId::random()),
            hash: ContentHash::of(b""),
            bytes: 0,
            format: Format::Png,
            width: 1,
            height: 1,
            alpha: false,
        };
        Version {
            number,
            parent,
            job: Some(JobId::random()),
            content,
            description: None,
            created_at: Timestamp::from_millis(0),
        }
    }

    /// 1 ← 2 ← 3 and 2 ← 4.
    fn versions() -> Vec<Version> {
        [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(2))].map(|(n, parent)| version(n, parent)).into()
    }

    fn walk(start: History, steps: &[Step]) -> Option<History> {
        steps.iter().try_fold(start, |history, step| history.step(*step, &versions()))
    }

    #[test]
    fn undo_follows_the_parents_and_redo_comes_back() {
        let up = walk(History::at(4), &[Step::Undo, Step::Undo]).unwrap();
        assert_eq!(up, History { current: 1, undone: vec![4, 2] }, "past version 3, on another branch");
        assert_eq!(up.step(Step::Undo, &versions()), None);
        assert_eq!(walk(up, &[Step::Redo, Step::Redo]), Some(History::at(4)));
        assert_eq!(History::at(4).step(Step::Redo, &versions()), None);
    }

    #[test]
    fn restoring_ends_what_could_be_redone() {
        assert_eq!(walk(History::at(4), &[Step::Undo, Step::Restore(3)]), Some(History::at(3)));
        assert_eq!(History::at(4).step(Step::Restore(5), &versions()), None);
    }

    #[test]
    fn a_dropped_version_is_in_nobodys_way() {
        let mut left = versions();
        let dropped = left.remove(1);
        let undone = History { current: 2, undone: vec![4, 3] };
        assert_eq!(undone.without(&dropped, &left), History { current: 1, undone: vec![4, 3] });
        let elsewhere = History { current: 1, undone: vec![3, 2] };
        assert_eq!(elsewhere.without(&dropped, &left), History { current: 1, undone: vec![3] });
        let orphan = History::at(3).step(Step::Undo, &left).unwrap();
        assert_eq!(orphan, History { current: 1, undone: vec![3] }, "its parent is gone");
    }

    proptest! {
        #[test]
        fn the_current_version_exists_after_any_steps(choices in prop::collection::vec(0..7u32, 0..40)) {
            let (all, mut history) = (versions(), History::at(4));
            for choice in choices {
                let step = match choice {
                    0 => Step::Undo,
                    1 => Step::Redo,
                    number => Step::Restore(number - 1),
                };
                let Some(next) = history.step(step, &all) else { continue };
                if step == Step::Undo {
                    prop_assert_eq!(next.step(Step::Redo, &all), Some(history));
                }
                prop_assert!(all.iter().any(|version| version.number == next.current));
                history = next;
            }
        }
    }
}
