//! Many results of one picture: which of them can be resampled from a larger one instead of from the source.
//!
//! It knows sizes only, and its choice does not depend on the order in which the results are asked for.

use std::cmp::Ordering;

use crate::ops::Region;
use crate::plan::Size;

/// What a result shows of the stored picture, as the stored rows lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part {
    /// In pixels of the stored picture.
    pub(crate) region: Region,
    /// What the resampling may look at, around `region`.
    pub(crate) bounds: Region,
    /// The size to which it is resampled.
    pub(crate) to: Size,
    /// Pixels for one sample of chroma, each way.
    pub(crate) chroma: usize,
}

/// Every result after the one that it is made from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cascade {
    /// The results from the largest scale down, by their places in the list.
    pub(crate) order: Vec<usize>,
    /// From what each is resampled; nothing is the source.
    pub(crate) larger: Vec<Option<usize>>,
}

impl Cascade {
    /// The cheapest larger result that will do for each of `parts`. What is `None` stands for itself.
    pub(crate) fn new(parts: &[Option<Part>]) -> Self {
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by(|&a, &b| match (&parts[a], &parts[b]) {
            (Some(a), Some(b)) => a.cmp_scale(b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        });
        let mut larger = vec![None; parts.len()];
        for (place, &index) in order.iter().enumerate() {
            let Some(part) = &parts[index] else { continue };
            // What comes last is smallest.
            let serves = |&from: &usize| parts[from].as_ref().is_some_and(|from| from.serves(part));
            let from = order[..place].iter().copied().rfind(serves);
            // Equal ones are all made of their first, not each of the one before.
            let first = from.and_then(|from| larger[from]).filter(|&first| parts[first] == parts[index]);
            larger[index] = first.or(from);
        }
        Self { order, larger }
    }

    /// The results that are made from the source, in order.
    pub(crate) fn roots(&self) -> impl Iterator<Item = usize> {
        self.order.iter().copied().filter(|&index| self.larger[index].is_none())
    }

    /// The results that are made from `index`, in order.
    pub(crate) fn smaller(&self, index: usize) -> impl Iterator<Item = usize> {
        self.order.iter().copied().filter(move |&other| self.larger[other] == Some(index))
    }
}

impl Part {
    /// Pixels of the result for one of the stored picture, each way.
    fn scale(&self) -> (f64, f64) {
        (f64::from(self.to.0) / self.region.width, f64::from(self.to.1) / self.region.height)
    }

    /// From the largest scale down. Only what gives the same samples is equal.
    fn cmp_scale(&self, other: &Self) -> Ordering {
        let key = |part: &Self| {
            let (scale, Region { left, top, width, height }) = (part.scale(), part.bounds);
            let shown = part.region;
            [
                -scale.0 * scale.1,
                part.chroma as f64,
                -scale.0,
                shown.left,
                shown.top,
                -shown.width,
                -shown.height,
                left,
                top,
                width,
                height,
            ]
        };
        key(self)
            .iter()
            .zip(&key(other))
            .map(|(a, b)| a.total_cmp(b))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// Whether `smaller` may be made of this: it is the same, or it shows a part of this at half the scale or less, give
    /// or take the pixel that sizes are rounded by. What was enlarged is no source for anything.
    fn serves(&self, smaller: &Self) -> bool {
        if self == smaller {
            return true;
        }
        let (across, down) = self.scale();
        if across > 1.0 || down > 1.0 || self.chroma > smaller.chroma {
            return false;
        }
        let half = |scale: f64, length: f64, count: u32| 2.0 * f64::from(count) <= scale * length + 1.0;
        inside(smaller.region, self.region)
            && half(across, smaller.region.width, smaller.to.0)
            && half(down, smaller.region.height, smaller.to.1)
    }
}

/// Whether `part` lies in `whole`, but for rounding errors.
fn inside(part: Region, whole: Region) -> bool {
    let within = |start: f64, length: f64, from: f64, room: f64| {
        start >= from - 1e-6 && start + length <= from + room + 1e-6
    };
    within(part.left, part.width, whole.left, whole.width)
        && within(part.top, part.height, whole.top, whole.height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(to: Size) -> Part {
        let region = Region::whole((3000, 2000));
        Part { region, bounds: region, to, chroma: 2 }
    }

    fn larger(parts: &[Option<Part>]) -> Vec<Option<usize>> {
        Cascade::new(parts).larger
    }

    #[test]
    fn the_smallest_that_is_twice_as_large() {
        let widths = [1600, 1200, 1024, 800, 640, 480, 320, 240, 160, 96];
        let parts = widths.map(|width| Some(whole((width, (width * 2 + 1) / 3))));
        let expected = [None, None, None, Some(0), Some(0), Some(2), Some(4), Some(5), Some(6), Some(7)];
        assert_eq!(larger(&parts), expected);
        let mut turned = parts;
        turned.reverse();
        let mut found: Vec<_> = larger(&turned).into_iter().map(|from| from.map(|from| 9 - from)).collect();
        found.reverse();
        assert_eq!(found, expected);
    }

    #[test]
    fn equal_parts_are_made_once() {
        let part = Some(whole((160, 107)));
        let parts = [part, part, None, None, part];
        let cascade = Cascade::new(&parts);
        assert_eq!(cascade.larger, [None, Some(0), None, None, Some(0)]);
        assert_eq!(cascade.roots().collect::<Vec<_>>(), [2, 3, 0]);
        assert_eq!(cascade.smaller(0).collect::<Vec<_>>(), [1, 4]);
    }

    #[test]
    fn only_what_shows_the_part_whole_and_fine_enough_serves() {
        let part = |left: f64, width: f64, to, chroma| {
            let region = Region { left, top: 0.0, width, height: 1000.0 };
            Some(Part { region, bounds: region, to, chroma })
        };
        let large = part(100.0, 1000.0, (500, 500), 2);
        assert_eq!(larger(&[large, part(100.0, 500.0, (125, 250), 2)]), [None, Some(0)]);
        // Beside it, too large, too large one way, with finer chroma.
        for other in [
            part(99.0, 500.0, (125, 250), 2),
            part(601.0, 500.0, (125, 250), 2),
            part(100.0, 500.0, (130, 250), 2),
            part(100.0, 500.0, (100, 260), 2),
            part(100.0, 500.0, (125, 250), 1),
        ] {
            assert_eq!(larger(&[large, other]), [None, None], "{other:?}");
        }
        let enlarged = part(100.0, 1000.0, (2000, 2000), 2);
        assert_eq!(larger(&[enlarged, part(100.0, 500.0, (125, 250), 2)]), [None, None]);
        assert_eq!(larger(&[enlarged, enlarged]), [None, Some(0)]);
    }
}
