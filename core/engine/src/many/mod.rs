//! Many results of one source: it is decoded once, and smaller results are resampled from larger ones.

mod general;
#[cfg(test)]
mod tests;

use crate::error::Error;
use crate::limits::{CancelToken, Limits};
use crate::plan::{Plan, plan};
use crate::run::{Finished, Run};
use crate::transform::{Output, header};
use crate::transformation::Transformation;

/// Applies each of `transformations` to `source` as [`transform`](crate::transform()) would, and gives the results in the
/// same order. `overlay` holds the bytes of the image that `watermark.imageId` names, which must be the same for all.
///
/// The source is decoded once for as many of them as memory allows, and once more where some keep its colour profile and some
/// do not: what works at the same time is planned to stay within [`Limits::max_memory_bytes`] together, and the rest follows. A result whose scale is at most half that of
/// another, of which it shows a part, is resampled from the pixels of that other before they are marked, filtered and
/// encoded. So the pixels may differ a little from what [`transform`](crate::transform()) gives, and with what else is in
/// the list; they do not depend on its order, and the same list always gives the same bytes.
///
/// The finished files are held until all are done.
///
/// # Errors
/// What is wrong with one transformation alone is in its place in the list. An error of the whole is one of the source
/// ([`Error::Unsupported`], [`Error::Undecodable`] or [`Error::LimitExceeded`] by its header), or [`Error::Cancelled`] and
/// [`Error::TimedOut`], which `cancel` says for all.
pub fn transform_many(
    source: &[u8],
    overlay: Option<&[u8]>,
    transformations: &[Transformation],
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Vec<Result<Output, Error>>, Error> {
    let all: Vec<usize> = (0..transformations.len()).collect();
    transform_some(source, overlay, transformations, &all, limits, cancel)
}

/// Gives those results of [`transform_many`] whose places are in `wanted`, each once, in that order, to the last byte as they come out
/// of it: so one of them can be made, or made again, without the others.
///
/// What a wanted result is resampled from is made as far as that takes. All else of the others is left undone.
///
/// # Errors
/// As for [`transform_many`].
///
/// # Panics
/// If a place is none of the list.
pub fn transform_some(
    source: &[u8],
    overlay: Option<&[u8]>,
    transformations: &[Transformation],
    wanted: &[usize],
    limits: &Limits,
    cancel: &CancelToken,
) -> Result<Vec<Result<Output, Error>>, Error> {
    cancel.check()?;
    let header = header(source, limits)?;
    let plans: Vec<Result<Plan, Error>> = transformations
        .iter()
        .map(|transformation| {
            let plan = plan(&header, transformation, limits)?;
            plan.check(source, limits)?;
            Ok(plan)
        })
        .collect();
    let mut is_wanted = vec![false; plans.len()];
    for &index in wanted {
        is_wanted[index] = true;
    }
    let mut outputs: Vec<Option<Result<Output, Error>>> = plans.iter().map(|_| None).collect();
    let converting = Run { source, overlay, header, limits, cancel, profile: None };
    let any_keeps = transformations.iter().any(Transformation::keeps_profile);
    let keeping = converting.clone().keeping(any_keeps)?;
    let has_profile = keeping.profile.is_some();
    // The same pixels don't serve those that keep the colours of the source and those that don't.
    for (run, keeps) in [(converting, false), (keeping, true)] {
        let group: Vec<(usize, &Plan)> = plans
            .iter()
            .enumerate()
            .filter(|&(index, _)| (has_profile && transformations[index].keeps_profile()) == keeps)
            .filter_map(|(index, plan)| Some((index, plan.as_ref().ok()?)))
            .collect();
        if !group.iter().any(|&(index, _)| is_wanted[index]) {
            continue;
        }
        let finished = all(&run, &group, &is_wanted)?;
        for ((index, plan), finished) in group.into_iter().zip(finished) {
            let output = |finished| run.output(&transformations[index], plan, finished);
            outputs[index] = finished.map(|finished| finished.and_then(output));
        }
    }
    let output = |&index: &usize| {
        plans[index].as_ref().map_err(Error::clone)?;
        outputs[index].take().ok_or_else(|| Error::Bug("a transformation has no result".into()))?
    };
    Ok(wanted.iter().map(output).collect())
}

/// What came of each of `plans` that is wanted, and maybe of others. Before each stands its place in the whole list.
fn all(
    run: &Run<'_>,
    plans: &[(usize, &Plan)],
    is_wanted: &[bool],
) -> Result<Vec<Option<Result<Finished, Error>>>, Error> {
    let told = plans.iter().map(|&(index, plan)| (plan, is_wanted[index]));
    let mut finished = run.all_planes(told, |at, found| run.found(plans[at].1, found))?;
    let mut left = Vec::new();
    for (at, (&(index, plan), finished)) in plans.iter().zip(&mut finished).enumerate() {
        if finished.is_some() {
            continue;
        }
        // An animation is decoded frame by frame, and for each of its results.
        if plan.frames() == 1 {
            left.push((at, plan));
        } else if is_wanted[index] {
            *finished = Some(run.steps(plan));
            run.cancel.check()?;
        }
    }
    let is_wanted: Vec<bool> = plans.iter().map(|&(index, _)| is_wanted[index]).collect();
    general::run(run, &left, &is_wanted, |at, result| finished[at] = Some(result))?;
    Ok(finished)
}
