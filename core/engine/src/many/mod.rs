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
/// The source is decoded once for as many of them as memory allows: what works at the same time is planned to stay
/// within [`Limits::max_memory_bytes`] together, and the rest follows. A result whose scale is at most half that of
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
    cancel.check()?;
    let header = header(source, limits)?;
    let run = Run { source, overlay, header, limits, cancel };
    let plans: Vec<Result<Plan, Error>> =
        transformations.iter().map(|transformation| plan(&header, transformation, limits)).collect();
    let possible: Vec<(usize, &Plan)> =
        plans.iter().enumerate().filter_map(|(index, plan)| Some((index, plan.as_ref().ok()?))).collect();
    let mut finished: Vec<Option<Result<Finished, Error>>> = plans.iter().map(|_| None).collect();

    let answers =
        run.all_planes(possible.iter().map(|(_, plan)| *plan), |at, found| run.found(possible[at].1, found))?;
    for ((index, _), answer) in possible.iter().zip(answers) {
        finished[*index] = answer;
    }
    let mut left: Vec<(usize, &Plan)> =
        possible.into_iter().filter(|(index, _)| finished[*index].is_none()).collect();
    // An animation is decoded frame by frame, and for each of its results.
    for (index, plan) in left.extract_if(.., |(_, plan)| plan.frames() > 1) {
        finished[index] = Some(run.steps(plan));
        cancel.check()?;
    }
    general::run(&run, &left, |index, result| finished[index] = Some(result))?;

    let output = |((plan, finished), transformation): ((&Result<Plan, Error>, _), &Transformation)| {
        let plan = plan.as_ref().map_err(Error::clone)?;
        let finished: Option<Result<Finished, Error>> = finished;
        let finished = finished.ok_or_else(|| Error::Bug("a transformation has no result".into()))??;
        run.output(transformation, plan, finished)
    };
    Ok(plans.iter().zip(finished).zip(transformations).map(output).collect())
}
