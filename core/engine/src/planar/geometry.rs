//! Where each plane of the result lies in each plane of the source.
//!
//! Chroma of a JPEG is centred: a sample of chroma at half resolution covers two of luma. So a plane is a picture of its
//! own that covers the same area, and the regions of all planes follow from that of luma by scaling alone.

use std::sync::Arc;

use super::route::{End, Route};
use crate::decode::baseline::{Frame, Wanted};
use crate::encode::baseline::Sampling;
use crate::ops::planes::Axis;
use crate::ops::{Region, Turn};

/// One plane, from the decoder to the resampler's result.
pub(super) struct Plane {
    pub(super) eighths: usize,
    pub(super) columns: Arc<Axis>,
    pub(super) rows: Arc<Axis>,
}

impl Plane {
    /// The size of its result.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.columns.count(), self.rows.count())
    }
}

pub(super) struct Geometry {
    pub(super) planes: Vec<Plane>,
    /// The planes of the result.
    pub(super) sampling: Sampling,
}

impl Geometry {
    pub(super) fn new(frame: &Frame, route: &Route) -> Self {
        let sampling = match route.end {
            _ if frame.components.len() == 1 => Sampling::Grey,
            End::File { full_chroma: false, .. } => Sampling::Halved,
            End::File { .. } | End::Pixels { .. } => Sampling::Full,
        };
        let mut planes: Vec<Plane> = Vec::new();
        for index in 0..frame.components.len() {
            // The two planes of chroma are alike.
            let plane = match planes.get(1) {
                Some(like) => Plane {
                    eighths: like.eighths,
                    columns: Arc::clone(&like.columns),
                    rows: Arc::clone(&like.rows),
                },
                None => plane(frame, route, index, sampling),
            };
            planes.push(plane);
        }
        Self { planes, sampling }
    }

    /// What the decoder must give.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        let wanted = |plane: &Plane| Wanted {
            eighths: plane.eighths,
            rows: plane.rows.needed(),
            columns: plane.columns.needed(),
        };
        self.planes.iter().map(wanted).collect()
    }
}

/// Bytes of tables and windows, whatever the picture.
const FIXED_BYTES: usize = 256 << 10;

impl Geometry {
    /// Estimated memory at the peak: strips on both sides, the rows under the kernel, what a turn has to gather, and
    /// the file at a byte a pixel.
    pub(super) fn peak_bytes(&self, frame: &Frame, route: &Route) -> u64 {
        let mut bytes = FIXED_BYTES + route.to.0 as usize * route.to.1 as usize;
        let (mut gathered, mut largest) = (0, 0);
        for (plane, component) in self.planes.iter().zip(&frame.components) {
            let (width, height) = plane.size();
            let rows = component.down * plane.eighths;
            let stride = component.width * plane.eighths / 8 + 64;
            let needed = plane.columns.needed().len() + 16;
            // A strip beside the rows that the other planes let wait, as samples and as coefficients.
            bytes += stride * rows
                + needed * (plane.rows.longest() + 3 * rows + 16)
                + 3 * 16 * (width.max(height) + 32);
            gathered += width * height;
            largest = largest.max(width * height);
        }
        if route.turn() != Turn::NONE && route.turn() != Turn::FLOP {
            bytes += gathered + largest;
        }
        if route.mark().is_some() {
            // The stamp is never larger than the picture; it exists twice for a moment.
            bytes += 2 * 4 * route.to.0 as usize * route.to.1 as usize;
        }
        bytes as u64
    }
}

fn plane(frame: &Frame, route: &Route, index: usize, sampling: Sampling) -> Plane {
    let component = &frame.components[index];
    let (across, down) = frame.mcu();
    let (region, count) = target(route, if index == 0 { 1 } else { sampling.factor() });
    // From pixels of the decoded picture to samples of this plane at full scale.
    let full = 8.0 / f64::from(route.eighths);
    let shares = (component.across as f64 / across as f64, component.down as f64 / down as f64);
    let scaled = |region: Region, factor: f64| Region {
        left: region.left * factor * shares.0,
        top: region.top * factor * shares.1,
        width: region.width * factor * shares.0,
        height: region.height * factor * shares.1,
    };
    let eighths = if index == 0 {
        usize::from(route.eighths)
    } else {
        let wide = scaled(region, full / 8.0);
        let enough = |&n: &usize| {
            wide.width * n as f64 > count.0 as f64 - 0.5 && wide.height * n as f64 > count.1 as f64 - 0.5
        };
        [1, 2, 4].into_iter().find(enough).unwrap_or(8)
    };
    let factor = full * eighths as f64 / 8.0;
    let size = |side: usize| (side * eighths).div_ceil(8) as u32;
    let bounds = scaled(route.within.into(), factor).hull((size(component.width), size(component.height)));
    let region = scaled(region, factor);
    let range = |start: u32, length: u32| start as usize..(start + length) as usize;
    Plane {
        eighths,
        columns: Arc::new(Axis::new(range(bounds.left, bounds.width), region.left, region.width, count.0)),
        rows: Arc::new(Axis::new(range(bounds.top, bounds.height), region.top, region.height, count.1)),
    }
}

/// The part of the decoded picture that a plane with one sample for `factor` of luma shows, before the turn, and its
/// size. The last sample of an odd side reaches past the picture, to whichever side will be right or bottom.
fn target(route: &Route, factor: usize) -> (Region, (usize, usize)) {
    let (turn, size) = (route.turn(), route.size());
    let factor = factor as u32;
    let count = (size.0.div_ceil(factor), size.1.div_ceil(factor));
    let covered = Region::whole((count.0 * factor, count.1 * factor));
    let covered = turn.inverse().region(covered, size);
    let (width, height) = (f64::from(route.to.0), f64::from(route.to.1));
    let across = |length: f64| length * route.region.width / width;
    let down = |length: f64| length * route.region.height / height;
    let region = Region {
        left: route.region.left + across(covered.left),
        top: route.region.top + down(covered.top),
        width: across(covered.width),
        height: down(covered.height),
    };
    let count = turn.inverse().size(count);
    (region, (count.0 as usize, count.1 as usize))
}
