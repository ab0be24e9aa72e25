//! Which source samples make each sample of the result along one axis, and by how much.

use std::f64::consts::PI;
use std::ops::Range;

/// Lobes of the kernel each way.
const LOBES: f64 = 3.0;
/// Weights add up to this.
pub(super) const ONE: i32 = 1 << 14;
/// The places of weights come in multiples of this, for the vector form.
const STEP: usize = 8;

/// The weights along one axis, in [`ONE`]ths.
#[derive(Debug)]
pub(crate) struct Axis {
    needed: Range<usize>,
    spans: Vec<(u32, u32)>,
    weights: Vec<i16>,
    taps: usize,
    copy: bool,
}

impl Axis {
    /// The part of a line from `start` on, `length` samples long (sample `i` covers `i..i+1`), to `count` samples. Only
    /// samples inside `bounds` are looked at; the part may reach a little past them.
    pub(crate) fn new(bounds: Range<usize>, start: f64, length: f64, count: usize) -> Self {
        let copy = start.fract() == 0.0
            && start >= bounds.start as f64
            && (length - count as f64).abs() < f64::EPSILON
            && start as usize + count <= bounds.end;
        let scale = length / count as f64;
        let stretch = scale.max(1.0);
        let radius = LOBES * stretch;
        let mut axis = Self { needed: 0..0, spans: Vec::new(), weights: Vec::new(), taps: STEP, copy };
        let span = |i: usize| {
            let middle = start + (i as f64 + 0.5) * scale;
            let first =
                ((middle - radius + 0.5).floor().max(bounds.start as f64) as usize).min(bounds.end - 1);
            let end = ((middle + radius + 0.5).floor() as usize).clamp(first + 1, bounds.end);
            (middle, first, end)
        };
        if !copy {
            let longest = (0..count).map(|i| span(i).2 - span(i).1).max().unwrap_or(1);
            axis.taps = longest.next_multiple_of(STEP);
        }
        axis.weights = vec![0; axis.taps * count];
        let period = period(length, count);
        let mut exact = Vec::new();
        for i in 0..count {
            let (middle, first, end) = span(i);
            let (before, weights) = axis.weights.split_at_mut(i * axis.taps);
            let weights = &mut weights[..axis.taps];
            if copy {
                let first = start as usize + i;
                weights[0] = ONE as i16;
                axis.spans.push((first as u32, first as u32 + 1));
                continue;
            }
            if let Some((samples, results)) = period
                && let Some(like) = i.checked_sub(results)
                && axis.spans[like]
                    == ((first.wrapping_sub(samples)) as u32, (end.wrapping_sub(samples)) as u32)
                && (span(like).0 + samples as f64 - middle).abs() < 1e-9
            {
                weights.copy_from_slice(&before[like * axis.taps..][..axis.taps]);
                axis.spans.push((first as u32, end as u32));
                continue;
            }
            exact.clear();
            kernel(first as f64 + 0.5 - middle, stretch, end - first, &mut exact);
            quantise(&exact, weights);
            axis.spans.push((first as u32, end as u32));
        }
        let start = axis.spans.iter().map(|span| span.0).min().unwrap_or(0);
        let end = axis.spans.iter().map(|span| span.1).max().unwrap_or(0);
        axis.needed = start as usize..end as usize;
        axis
    }

    /// Samples of the result.
    pub(crate) fn count(&self) -> usize {
        self.spans.len()
    }

    /// The source samples that are looked at.
    pub(crate) fn needed(&self) -> Range<usize> {
        self.needed.clone()
    }

    /// The source samples of which sample `index` of the result is made.
    pub(super) fn span(&self, index: usize) -> Range<usize> {
        let (start, end) = self.spans[index];
        start as usize..end as usize
    }

    /// All spans, as starts and ends.
    pub(super) fn spans(&self) -> &[(u32, u32)] {
        &self.spans
    }

    /// The weights of sample `index`: those of its span, then zeros up to [`Self::taps`].
    pub(super) fn weights(&self, index: usize) -> &[i16] {
        &self.weights[index * self.taps..][..self.taps]
    }

    /// All weights, [`Self::taps`] a sample.
    pub(super) fn all_weights(&self) -> &[i16] {
        &self.weights
    }

    pub(super) fn taps(&self) -> usize {
        self.taps
    }

    /// The most source samples of which one of the result is made.
    pub(crate) fn longest(&self) -> usize {
        self.spans.iter().map(|&(start, end)| (end - start) as usize).max().unwrap_or(0)
    }

    /// Whether samples are only copied.
    pub(crate) fn is_copy(&self) -> bool {
        self.copy
    }
}

/// After how many whole samples, and how many of the result, the two come to lie in the same way again.
fn period(length: f64, count: usize) -> Option<(usize, usize)> {
    if length.fract() != 0.0 {
        return None;
    }
    let (mut divisor, mut rest) = (length as usize, count);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (divisor > 1).then(|| (length as usize / divisor, count / divisor))
}

/// The kernel at `count` places a sample apart, the first at `from`: sinc(x) sinc(x/3), x being the distance over
/// `stretch`. Sines of equal steps follow from each other by the angle-sum formula.
fn kernel(from: f64, stretch: f64, count: usize, out: &mut Vec<f64>) {
    let turn = PI / stretch;
    let (mut sin, mut cos) = (from * turn).sin_cos();
    let (mut sin_third, mut cos_third) = (from * turn / LOBES).sin_cos();
    let (step_sin, step_cos) = turn.sin_cos();
    let (third_sin, third_cos) = (turn / LOBES).sin_cos();
    for i in 0..count {
        let x = (from + i as f64) * turn;
        let value = if x.abs() < 1e-6 {
            1.0
        } else if x.abs() >= PI * LOBES {
            0.0
        } else {
            LOBES * sin * sin_third / (x * x)
        };
        out.push(value);
        (sin, cos) = (sin * step_cos + cos * step_sin, cos * step_cos - sin * step_sin);
        (sin_third, cos_third) =
            (sin_third * third_cos + cos_third * third_sin, cos_third * third_cos - sin_third * third_sin);
    }
}

/// Rounds weights so that they add up to [`ONE`] exactly; the largest takes what is left over.
fn quantise(exact: &[f64], out: &mut [i16]) {
    let sum: f64 = exact.iter().sum();
    let (mut left, mut largest) = (ONE, 0);
    for (i, (&value, out)) in exact.iter().zip(&mut *out).enumerate() {
        *out = (value / sum * f64::from(ONE)).round() as i16;
        left -= i32::from(*out);
        if value > exact[largest] {
            largest = i;
        }
    }
    out[largest] = out[largest].saturating_add(left as i16);
}
