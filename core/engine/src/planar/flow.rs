//! Rows on their way: from one decoder to the results that are resampled from it, and from each of those to the smaller
//! ones.

use std::ops::Range;
use std::sync::Arc;

use super::geometry::{self, Feed, Geometry};
use super::mark::Marks;
use super::route::Route;
use super::sink::Sink;
use super::{Answer, Found, Job, Plan, Stop};
use crate::cascade::{Cascade, Part};
use crate::decode::baseline::{Frame, Strips, Wanted};
use crate::encode::baseline::Sampling;
use crate::error::Error;
use crate::ops::planes::{Axis, Resampler};
use crate::ops::watermark;
use crate::simd::Simd;

/// Who is made from whom, and at which scale the source is decoded for all of them.
pub(super) struct Flow<'a> {
    frame: &'a Frame,
    routes: &'a [Route],
    /// None for what is left out.
    geometries: Vec<Option<Geometry>>,
    cascade: Cascade,
    /// The scale of each plane.
    eighths: Vec<usize>,
}

/// A result in the making.
struct Node {
    /// Its place in the list.
    index: usize,
    resamplers: Vec<Resampler>,
    sink: Sink,
    /// Rows of each plane that the smaller results have seen.
    seen: Vec<usize>,
    smaller: Vec<Node>,
}

impl<'a> Flow<'a> {
    /// For the routes that are `wanted`.
    fn new(frame: &'a Frame, routes: &'a [Route], wanted: &[bool]) -> Self {
        let part = |route: &Route| Part {
            region: route.shown(),
            bounds: route.bounds(),
            to: route.to,
            chroma: geometry::sampling(frame, route).factor(),
        };
        let parts: Vec<_> =
            routes.iter().zip(wanted).map(|(route, wanted)| wanted.then(|| part(route))).collect();
        let cascade = Cascade::new(&parts);
        let mut eighths = vec![1; frame.components.len()];
        for index in cascade.roots().filter(|&index| wanted[index]) {
            let enough = geometry::enough_eighths(frame, &routes[index]);
            eighths.iter_mut().zip(enough).for_each(|(eighths, enough)| *eighths = enough.max(*eighths));
        }
        let mut geometries: Vec<Option<Geometry>> = parts.iter().map(|_| None).collect();
        for &index in cascade.order.iter().filter(|&&index| wanted[index]) {
            let larger = cascade.larger[index].and_then(|larger| geometries[larger].as_ref());
            let feed = larger.map_or(Feed::Decoder(&eighths), Feed::Larger);
            geometries[index] = Some(Geometry::new(frame, &routes[index], feed));
        }
        Self { frame, routes, geometries, cascade, eighths }
    }

    /// Estimated memory at the peak in bytes, beside the source's own.
    fn peak_bytes(&self) -> u64 {
        let results = self.geometries.iter().zip(self.routes).filter_map(|(geometry, route)| {
            Some(geometry.as_ref()?.peak_bytes(self.frame, route, &self.eighths))
        });
        geometry::decoder_bytes(self.frame, &self.eighths) + results.sum::<u64>()
    }

    /// Lets the rows flow from the decoder to every sink that is asked for, and what those are made from; `marks` has those
    /// of each route. What has come to its end is handed to `end` with its place in the list.
    ///
    /// All that the decoder looks at is the same whatever is asked for, so that a doubt is, too.
    fn run(
        &self,
        job: Job<'_>,
        asked: &[bool],
        mut marks: Vec<Vec<Marks>>,
        simd: Simd,
        mut end: impl FnMut(usize, Result<Found, Error>) -> Result<(), Error>,
    ) -> Result<(), Stop> {
        let roots: Vec<usize> =
            self.cascade.roots().filter(|&index| self.geometries[index].is_some()).collect();
        if roots.is_empty() {
            return Ok(());
        }
        let mut nodes: Vec<Node> =
            roots.iter().filter_map(|&index| self.node(index, asked, &mut marks, simd)).collect();
        let mut strips = Strips::new(job.source, self.frame, self.wanted(&roots), simd);
        while strips.advance()? {
            job.cancel.check()?;
            for node in &mut nodes {
                for (index, resampler) in node.resamplers.iter_mut().enumerate() {
                    let strip = strips.strip(index);
                    for y in 0..strip.rows {
                        resampler.push(strip.top + y, strip.row(y));
                    }
                }
                node.flow();
            }
        }
        drop(strips);
        while let Some(Node { index, sink, smaller, .. }) = nodes.pop() {
            if asked[index] {
                end(index, sink.finish(job.cancel))?;
            }
            nodes.extend(smaller);
        }
        Ok(())
    }

    /// What the decoder must give: whatever any of `roots` looks at.
    fn wanted(&self, roots: &[usize]) -> Vec<Wanted> {
        let roots: Vec<&Geometry> =
            roots.iter().filter_map(|&index| self.geometries[index].as_ref()).collect();
        let needed = |index: usize, axis: fn(&geometry::Plane) -> &Axis| -> Range<usize> {
            let all = || roots.iter().map(|root| axis(&root.planes[index]).needed());
            let start = all().map(|needed| needed.start).min().unwrap_or(0);
            start..all().map(|needed| needed.end).max().unwrap_or(0)
        };
        let wanted = |(index, &eighths)| Wanted {
            eighths,
            rows: needed(index, |plane| &plane.rows),
            columns: needed(index, |plane| &plane.columns),
        };
        self.eighths.iter().enumerate().map(wanted).collect()
    }

    /// Result `index` with all that are made from it, if any of them is asked for.
    fn node(&self, index: usize, asked: &[bool], marks: &mut [Vec<Marks>], simd: Simd) -> Option<Node> {
        let geometry = self.geometries[index].as_ref()?;
        let smaller = self.cascade.smaller(index);
        let smaller: Vec<Node> = smaller.filter_map(|index| self.node(index, asked, marks, simd)).collect();
        if !asked[index] && smaller.is_empty() {
            return None;
        }
        let resampler = |plane: &geometry::Plane| {
            Resampler::new(Arc::clone(&plane.columns), Arc::clone(&plane.rows), simd)
        };
        let sink = Sink::new(&self.routes[index], geometry, std::mem::take(&mut marks[index]), simd);
        Some(Node {
            index,
            resamplers: geometry.planes.iter().map(resampler).collect(),
            sink,
            seen: vec![0; geometry.planes.len()],
            smaller,
        })
    }
}

impl Node {
    /// Lets whatever rows there are flow on.
    fn flow(&mut self) {
        let Self { resamplers, sink, seen, smaller, .. } = self;
        sink.take(resamplers, |index, row| {
            for node in &mut *smaller {
                node.resamplers[index].push(seen[index], row);
            }
            seen[index] += 1;
        });
        smaller.iter_mut().for_each(Self::flow);
    }
}

/// Runs `routes`, each with what `plans` tells of it, on a source with this frame. `finish` has the last word on what
/// comes out. What doesn't fit into the memory that is allowed beside the others is done after them.
///
/// A result is the same whichever of the others are wanted: who is made from whom follows from all of them.
pub(super) fn run<T>(
    job: Job<'_>,
    frame: &Frame,
    routes: &[Route],
    plans: &[Plan<'_>],
    simd: Simd,
    finish: impl Fn(usize, Found) -> Result<T, Error>,
) -> Result<Vec<Answer<T>>, Stop> {
    let mut answers: Vec<Answer<T>> = routes.iter().map(|_| None).collect();
    let mut left = vec![true; routes.len()];
    let asked: Vec<bool> = plans.iter().map(|plan| plan.wanted).collect();
    while left.contains(&true) {
        let mut wanted = group(frame, routes, plans, &left, job.limits.max_memory_bytes);
        left.iter_mut().zip(&wanted).for_each(|(left, &wanted)| *left &= !wanted);
        let mut all = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            all.push(Vec::new());
            if !wanted[index] {
                continue;
            }
            match marks(job, route, geometry::sampling(frame, route)) {
                Ok(marks) => all[index] = marks,
                Err(Stop::Doubt) => wanted[index] = false,
                Err(Stop::Failed(error)) => {
                    // Whoever asks to stop asks it of all.
                    job.cancel.check()?;
                    answers[index] = Some(Err(error));
                    wanted[index] = false;
                }
            }
        }
        for (index, _) in wanted.iter().enumerate().filter(|&(index, &wanted)| wanted && !asked[index]) {
            answers[index] = Some(Err(Error::Bug("a result that is not wanted is asked for".into())));
        }
        Flow::new(frame, routes, &wanted).run(job, &asked, all, simd, |index, found| {
            answers[index] = Some(found.and_then(|found| finish(index, found)));
            job.cancel.check()
        })?;
    }
    Ok(answers)
}

/// As many of those that are `left` as fit into `memory` together, at least one. The largest are put off first.
fn group(frame: &Frame, routes: &[Route], plans: &[Plan<'_>], left: &[bool], memory: u64) -> Vec<bool> {
    let mut wanted = left.to_vec();
    loop {
        let flow = Flow::new(frame, routes, &wanted);
        let chosen = |index: &usize| wanted[*index];
        let order: Vec<usize> = flow.cascade.order.iter().copied().filter(chosen).collect();
        // A picture is finished while the others wait.
        let after =
            order.iter().filter(|&&index| !routes[index].is_whole()).map(|&index| plans[index].peak_bytes);
        let needed = flow.peak_bytes().saturating_add(after.max().unwrap_or(0));
        match *order {
            [largest, _, ..] if needed > memory => wanted[largest] = false,
            _ => return wanted,
        }
    }
}

/// Estimated memory at the peak in bytes for one route, beside the source's own.
pub(super) fn peak_bytes(frame: &Frame, route: Route) -> u64 {
    Flow::new(frame, &[route], &[true]).peak_bytes()
}

/// The watermark for every plane, if there is one.
fn marks(job: Job<'_>, route: &Route, sampling: Sampling) -> Result<Vec<Marks>, Stop> {
    let Some(asked) = route.mark() else { return Ok(Vec::new()) };
    let Some(stamped) = watermark::stamped(route.size(), asked, job.overlay, job.limits, job.cancel)? else {
        return Ok(Vec::new());
    };
    if sampling == Sampling::Grey && !stamped.is_grey() {
        // The result is a coloured one.
        return Err(Stop::Doubt);
    }
    let marks = |index| Marks::new(&stamped, index, if index == 0 { 1 } else { sampling.factor() });
    Ok((0..sampling.planes()).map(marks).collect())
}
