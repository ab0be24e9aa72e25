//! Many results the general way: whole pictures, decoded once for each scale that is wanted, and sampled for each result
//! or taken from a larger one.

use crate::cascade::{Cascade, Part};
use crate::decode::Decoded;
use crate::error::Error;
use crate::ops::{self, Region};
use crate::pixels::Pixels;
use crate::plan::{Plan, Step};
use crate::run::{Finished, Run};

/// Plans that work at the same time.
struct Group<'a, E> {
    run: &'a Run<'a>,
    /// Each with the place of its result.
    plans: &'a [(usize, &'a Plan)],
    /// By place: whether the result is asked for. The others are there for those that are made from them.
    wanted: &'a [bool],
    parts: Vec<Option<Part>>,
    cascade: Cascade,
    end: E,
}

/// Runs `plans` and hands what came of each that is `wanted` to `end`, with the number that stands before it. An error is
/// one of all.
pub(super) fn run(
    run: &Run<'_>,
    plans: &[(usize, &Plan)],
    wanted: &[bool],
    mut end: impl FnMut(usize, Result<Finished, Error>),
) -> Result<(), Error> {
    let mut left = plans.to_vec();
    while !left.is_empty() {
        // The largest are put off until the rest fits into memory.
        let (mut now, mut later) = (left, Vec::new());
        let cascade = loop {
            let parts: Vec<_> = now.iter().map(|(_, plan)| part(plan)).collect();
            let cascade = Cascade::new(&parts);
            if now.len() == 1 || peak_bytes(run.source, &now, &cascade) <= run.limits.max_memory_bytes {
                break (parts, cascade);
            }
            let bytes = |at: usize| now[at].1.whole_bytes_for(run.source);
            let largest = (0..now.len()).max_by_key(|&at| (bytes(at), now[at].0)).unwrap_or(0);
            later.push(now.remove(largest));
        };
        let (parts, cascade) = cascade;
        Group { run, plans: &now, wanted, parts, cascade, end: &mut end }.run()?;
        left = later;
    }
    Ok(())
}

/// What a plan takes of the stored picture, if it resamples.
fn part(plan: &Plan) -> Option<Part> {
    let Some(Step::Resize { within, region, to }) = plan.steps().get(1) else { return None };
    let full = 8.0 / f64::from(plan.decode_eighths);
    Some(Part { region: region.scaled(full), bounds: Region::from(*within).scaled(full), to: *to, chroma: 1 })
}

/// Estimated memory at the peak in bytes: beside what a plan needs alone, the decoded picture and every picture of
/// which a smaller one is made.
fn peak_bytes(source: &[u8], plans: &[(usize, &Plan)], cascade: &Cascade) -> u64 {
    let area = |size: (u32, u32)| u64::from(size.0) * u64::from(size.1) * 4;
    let decoded = |(_, plan): &(usize, &Plan)| match plan.steps().first() {
        Some(Step::Decode { to, .. }) => area(*to),
        _ => 0,
    };
    let sampled = |at: usize| match plans[at].1.steps().get(1) {
        Some(Step::Resize { to, .. }) => area(*to),
        _ => 0,
    };
    let held: u64 = (0..plans.len()).filter(|&at| cascade.smaller(at).next().is_some()).map(sampled).sum();
    let alone = plans.iter().map(|(_, plan)| plan.whole_bytes_for(source)).max().unwrap_or(0);
    alone.saturating_add(plans.iter().map(decoded).max().unwrap_or(0)).saturating_add(held)
}

impl<E: FnMut(usize, Result<Finished, Error>)> Group<'_, E> {
    fn run(mut self) -> Result<(), Error> {
        let roots: Vec<usize> = self.cascade.roots().filter(|&at| self.leads_to_any(at)).collect();
        for eighths in (1..=8).rev() {
            let plans = self.plans;
            let mut roots =
                roots.iter().copied().filter(|&at| plans[at].1.decode_eighths == eighths).peekable();
            let Some(&first) = roots.peek() else { continue };
            let mut decoded = match self.run.decoded(plans[first].1) {
                Ok((decoded, _)) => Some(decoded),
                Err(error) => {
                    roots.try_for_each(|at| self.fail(at, &error))?;
                    continue;
                }
            };
            while let Some(at) = roots.next() {
                let steps = &plans[at].1.steps()[1..];
                // What works on the whole picture gets one of its own, the last one the picture itself.
                let sampled = match (&mut decoded, roots.peek()) {
                    (Some(decoded), Some(_)) => self.sample(decoded, steps),
                    (decoded, _) => match decoded.take() {
                        Some(decoded) => self.run.sample(decoded, steps),
                        None => Err(Error::Bug("the decoded picture is gone".into())),
                    },
                };
                self.descend(at, sampled)?;
            }
        }
        Ok(())
    }

    fn sample<'s>(&self, decoded: &Decoded, steps: &'s [Step]) -> Result<(Pixels, &'s [Step]), Error> {
        self.run.cancel.check()?;
        match self.run.part(decoded, steps)? {
            Some(pixels) => Ok((pixels, &steps[1..])),
            None => {
                let decoded = Decoded { pixels: decoded.pixels.clone(), icc: decoded.icc.clone() };
                self.run.sample(decoded, steps)
            }
        }
    }

    /// Whether result `at`, or one that is made of it, is wanted.
    fn leads_to_any(&self, at: usize) -> bool {
        self.wanted[self.plans[at].0] || self.cascade.smaller(at).any(|smaller| self.leads_to_any(smaller))
    }

    /// Makes what is made of result `at`, and then finishes that.
    fn descend(&mut self, at: usize, sampled: Result<(Pixels, &[Step]), Error>) -> Result<(), Error> {
        let (pixels, rest) = match sampled {
            Ok(sampled) => sampled,
            Err(error) => return self.fail(at, &error),
        };
        let plans = self.plans;
        let smaller = self.cascade.smaller(at).filter(|&smaller| self.leads_to_any(smaller));
        for smaller in smaller.collect::<Vec<_>>() {
            self.run.cancel.check()?;
            let sampled =
                self.smaller(&pixels, at, smaller).map(|pixels| (pixels, &plans[smaller].1.steps()[2..]));
            self.descend(smaller, sampled)?;
        }
        if !self.wanted[plans[at].0] {
            return Ok(());
        }
        let finished = self.run.finish(pixels, rest);
        // A codec that was stopped may call that something else.
        self.run.cancel.check()?;
        (self.end)(plans[at].0, finished);
        Ok(())
    }

    /// Result `at` out of the pixels of the larger one `from`.
    fn smaller(&self, pixels: &Pixels, from: usize, at: usize) -> Result<Pixels, Error> {
        let (Some(larger), Some(part)) = (&self.parts[from], &self.parts[at]) else {
            return Err(Error::Bug("a result is made of one that is not resampled".into()));
        };
        if larger == part {
            return Ok(pixels.clone());
        }
        let size = (pixels.width, pixels.height);
        let seen = |region: Region| region.seen_in(larger.region, (f64::from(size.0), f64::from(size.1)));
        ops::resize(pixels, seen(part.bounds).hull(size), seen(part.region), part.to)
    }

    /// The same error for result `at` and all that would have been made of it.
    fn fail(&mut self, at: usize, error: &Error) -> Result<(), Error> {
        self.run.cancel.check()?;
        (self.end)(self.plans[at].0, Err(error.clone()));
        self.cascade.smaller(at).collect::<Vec<_>>().into_iter().try_for_each(|at| self.fail(at, error))
    }
}
