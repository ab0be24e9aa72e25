//! Where each plane of the result lies in each plane of the source.
//!
//! Chroma of a JPEG is centred: a sample of chroma at half resolution covers two of luma. So a plane is a picture of its
//! own that covers the same area, and the regions of all planes follow from that of luma by scaling alone. The source
//! may as well be the planes of a larger result.

use std::sync::Arc;

use super::route::{End, Route};
use crate::decode::baseline::{Component, Frame};
use crate::encode::baseline::Sampling;
use crate::ops::planes::Axis;
use crate::ops::{Region, Turn, Turning};

/// One plane, from where its rows come from to the resampler's result.
pub(super) struct Plane {
    pub(super) columns: Arc<Axis>,
    pub(super) rows: Arc<Axis>,
    /// The part of the stored picture, in its pixels, that the result shows.
    covers: Region,
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

/// Where rows come from.
#[derive(Clone, Copy)]
pub(super) enum Feed<'a> {
    /// The decoder, at these eighths of the full size of each plane.
    Decoder(&'a [usize]),
    /// A larger result.
    Larger(&'a Geometry),
}

impl Geometry {
    pub(super) fn new(frame: &Frame, route: &Route, feed: Feed<'_>) -> Self {
        let sampling = sampling(frame, route);
        let mut planes: Vec<Plane> = Vec::new();
        for index in 0..frame.components.len() {
            // The two planes of chroma are alike.
            let plane = match planes.get(1) {
                Some(like) => Plane {
                    columns: Arc::clone(&like.columns),
                    rows: Arc::clone(&like.rows),
                    covers: like.covers,
                },
                None => {
                    plane(route, if index == 0 { 1 } else { sampling.factor() }, &grid(frame, index, feed))
                }
            };
            planes.push(plane);
        }
        Self { planes, sampling }
    }
}

/// The planes of the result of `route`.
pub(super) fn sampling(frame: &Frame, route: &Route) -> Sampling {
    match route.end {
        _ if frame.components.len() == 1 => Sampling::Grey,
        End::File { format, quality, .. } if !format.has_full_chroma(quality) => Sampling::Halved,
        End::File { .. } | End::Pixels { .. } => Sampling::Full,
    }
}

/// The smallest scale of each plane, in eighths, at which the decoder gives as many samples as `route` shows.
pub(super) fn enough_eighths(frame: &Frame, route: &Route) -> Vec<usize> {
    let factor = sampling(frame, route).factor();
    let (across, down) = frame.mcu();
    let eighths = |(index, component): (usize, &Component)| {
        if index == 0 {
            return usize::from(route.eighths);
        }
        let (covers, count) = target(route, factor);
        let width = covers.width * component.across as f64 / across as f64 / 8.0;
        let height = covers.height * component.down as f64 / down as f64 / 8.0;
        let enough =
            |&n: &usize| width * n as f64 > count.0 as f64 - 0.5 && height * n as f64 > count.1 as f64 - 0.5;
        [1, 2, 4].into_iter().find(enough).unwrap_or(8)
    };
    frame.components.iter().enumerate().map(eighths).collect()
}

/// Bytes of tables and windows, whatever the picture.
const FIXED_BYTES: usize = 256 << 10;

/// Estimated memory of the decoder: its tables, and a strip as samples.
pub(super) fn decoder_bytes(frame: &Frame, eighths: &[usize]) -> u64 {
    let strip = |(component, &eighths): (&Component, &usize)| {
        (component.width * eighths / 8 + 64) * component.down * eighths
    };
    (FIXED_BYTES + frame.components.iter().zip(eighths).map(strip).sum::<usize>()) as u64
}

impl Geometry {
    /// Estimated memory of what is behind the decoder, which works at `eighths`: the rows under the kernel, the planes
    /// that are turned, and the encoder with its file or the picture.
    pub(super) fn peak_bytes(&self, frame: &Frame, route: &Route, eighths: &[usize]) -> u64 {
        let pixels = route.to.0 as usize * route.to.1 as usize;
        let mut bytes = match route.end {
            End::File { format, .. } => format.peak_bytes(pixels),
            End::Pixels { .. } => pixels * self.planes.len(),
        };
        let turn = Some(route.turn()).filter(|&turn| turn != Turn::NONE && turn != Turn::FLOP);
        for ((plane, component), eighths) in self.planes.iter().zip(&frame.components).zip(eighths) {
            let (width, height) = plane.size();
            // A strip beside the rows that the other planes let wait, as samples and as coefficients.
            let rows = component.down * eighths;
            let needed = plane.columns.needed().len() + 16;
            bytes += needed * (plane.rows.longest() + 3 * rows + 16) + 3 * 16 * (width.max(height) + 32);
            bytes += turn.map_or(0, |turn| width * height + Turning::extra_bytes((width, height), turn));
        }
        if route.mark().is_some() {
            // The stamp is never larger than the picture; it exists twice for a moment.
            bytes += 2 * 4 * pixels;
        }
        bytes as u64
    }
}

/// The samples of a plane that rows come from, over the stored picture.
struct Grid {
    /// The part of the stored picture, in its pixels, that all samples together cover.
    covers: Region,
    /// That part in samples; its fraction is of a sample past the last.
    extent: (f64, f64),
    size: (u32, u32),
}

fn grid(frame: &Frame, index: usize, feed: Feed<'_>) -> Grid {
    match feed {
        Feed::Decoder(eighths) => {
            let component = &frame.components[index];
            let (across, down) = frame.mcu();
            let eighths = eighths[index];
            // An extent of the picture for which a pixel of the stored picture is a whole or a simple share of a sample.
            let extent = |sampled: usize, whole: usize| sampled as f64 / whole as f64 * eighths as f64 / 8.0;
            let size = |side: usize| (side * eighths).div_ceil(8) as u32;
            Grid {
                covers: Region { left: 0.0, top: 0.0, width: 1.0, height: 1.0 },
                extent: (extent(component.across, across), extent(component.down, down)),
                size: (size(component.width), size(component.height)),
            }
        }
        Feed::Larger(larger) => {
            let plane = &larger.planes[index];
            let (width, height) = plane.size();
            Grid {
                covers: plane.covers,
                extent: (width as f64, height as f64),
                size: (width as u32, height as u32),
            }
        }
    }
}

impl Grid {
    /// A part of the stored picture in samples.
    fn part(&self, region: Region) -> Region {
        region.seen_in(self.covers, self.extent)
    }
}

/// A plane of the result with one sample for `factor` of luma, made of `grid`.
fn plane(route: &Route, factor: usize, grid: &Grid) -> Plane {
    let (covers, count) = target(route, factor);
    let bounds = grid.part(route.bounds()).hull(grid.size);
    let region = grid.part(covers);
    let range = |start: u32, length: u32| start as usize..(start + length) as usize;
    Plane {
        columns: Arc::new(Axis::new(range(bounds.left, bounds.width), region.left, region.width, count.0)),
        rows: Arc::new(Axis::new(range(bounds.top, bounds.height), region.top, region.height, count.1)),
        covers,
    }
}

/// The part of the stored picture that a plane with one sample for `factor` of luma shows, before the turn, and its
/// size. The last sample of an odd side reaches past the picture, to whichever side will be right or bottom.
fn target(route: &Route, factor: usize) -> (Region, (usize, usize)) {
    let (turn, size) = (route.turn(), route.size());
    let factor = factor as u32;
    let count = (size.0.div_ceil(factor), size.1.div_ceil(factor));
    let covered = Region::whole((count.0 * factor, count.1 * factor));
    let covered = turn.inverse().region(covered, size);
    let shown = route.shown();
    let (width, height) = (f64::from(route.to.0), f64::from(route.to.1));
    let across = |length: f64| length * shown.width / width;
    let down = |length: f64| length * shown.height / height;
    let region = Region {
        left: shown.left + across(covered.left),
        top: shown.top + down(covered.top),
        width: across(covered.width),
        height: down(covered.height),
    };
    let count = turn.inverse().size(count);
    (region, (count.0 as usize, count.1 as usize))
}
