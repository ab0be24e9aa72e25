//! Medians and spreads: the machine drifts and is interrupted, so means say little.

use serde_json::{Value, json};

/// The middle of a distribution and the quarters around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// The quartiles of some values, of which there is at least one.
    pub(crate) fn quartiles(values: impl IntoIterator<Item = f64>) -> Self {
        let sorted = sorted(values);
        Self { low: at(&sorted, 0.25), median: at(&sorted, 0.5), high: at(&sorted, 0.75) }
    }

    /// The median with the least and the greatest of the values, of which there is at least one.
    pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> Self {
        let sorted = sorted(values);
        Self { low: at(&sorted, 0.0), median: at(&sorted, 0.5), high: at(&sorted, 1.0) }
    }

    pub(crate) fn json(self) -> Value {
        json!({"low": self.low, "median": self.median, "high": self.high})
    }
}

/// The median of some values, of which there is at least one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    Spread::quartiles(values).median
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

fn at(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let value = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or(f64::NAN);
    value(below) + (value(below + 1) - value(below)) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_its_neighbours() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(Spread::quartiles(values), Spread { low: 2.0, median: 3.0, high: 4.0 });
        assert_eq!(Spread::range(values), Spread { low: 1.0, median: 3.0, high: 5.0 });
        assert!((median([1.0, 2.0]) - 1.5).abs() < 1e-12);
        assert!((median([7.0]) - 7.0).abs() < 1e-12);
    }
}
