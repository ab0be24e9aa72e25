//! Where the resampled rows go: into an encoder as they come, into planes that are turned first, or into a picture.

use super::geometry::Geometry;
use super::mark::Marks;
use super::route::{End, Route};
use super::{Found, rgb};
use crate::encode::planes::PlaneEncoder;
use crate::error::Error;
use crate::limits::CancelToken;
use crate::ops::planes::Resampler;
use crate::ops::{Turn, Turning};
use crate::pixels::{Layout, Pixels};
use crate::simd::Simd;

pub(super) enum Sink {
    File(File),
    Turned { planes: Vec<Turning>, encoder: Marked },
    Pixels { pixels: Pixels, next: u32, rows: Vec<Vec<u8>>, steps: usize, simd: Simd },
}

/// An encoder, and what is laid over the rows before.
pub(super) struct Marked {
    encoder: PlaneEncoder,
    /// One a plane, or none at all.
    marks: Vec<Marks>,
    /// Rows of each plane that are done.
    done: Vec<usize>,
}

/// An encoder and how far it has come.
pub(super) struct File {
    encoder: Marked,
    /// Rows that each plane has left.
    left: Vec<usize>,
    mirrored: bool,
}

impl Sink {
    /// `marks` are one a plane, or none at all.
    pub(super) fn new(route: &Route, geometry: &Geometry, marks: Vec<Marks>, simd: Simd) -> Self {
        let sizes = geometry.planes.iter().map(super::geometry::Plane::size);
        match route.end {
            End::File { turn, format, quality, .. } => {
                let (width, height) = route.size();
                let size = (width as usize, height as usize);
                let encoder = PlaneEncoder::new(format, size, geometry.sampling, quality, simd);
                let encoder = Marked { encoder, marks, done: vec![0; geometry.planes.len()] };
                if turn == Turn::NONE || turn == Turn::FLOP {
                    let left = sizes.map(|size| size.1).collect();
                    return Self::File(File { encoder, left, mirrored: turn == Turn::FLOP });
                }
                Self::Turned { planes: sizes.map(|size| Turning::new(size, turn)).collect(), encoder }
            }
            End::Pixels { steps } => {
                let layout = if geometry.planes.len() == 1 { Layout::Grey } else { Layout::Rgb };
                let rows = sizes.map(|size| vec![0; size.0]).collect();
                Self::Pixels {
                    pixels: Pixels::zeroed(route.to.0, route.to.1, layout),
                    next: 0,
                    rows,
                    steps,
                    simd,
                }
            }
        }
    }

    /// Takes every row that can be had, and shows each to `seen` as it came, with the index of its plane.
    pub(super) fn take(&mut self, from: &mut [Resampler], mut seen: impl FnMut(usize, &[u8])) {
        match self {
            Self::File(file) => file.take(from, seen),
            Self::Turned { planes, .. } => {
                for (index, (plane, from)) in planes.iter_mut().zip(from).enumerate() {
                    while !plane.is_whole() && from.has(1) {
                        plane.take(|row| {
                            from.pull(row);
                            seen(index, row);
                        });
                    }
                }
            }
            Self::Pixels { pixels, next, rows, simd, .. } => {
                while *next < pixels.height && from.iter().all(|from| from.has(1)) {
                    let stride = pixels.stride();
                    let out = &mut pixels.data[*next as usize * stride..][..stride];
                    if let [only] = from {
                        only.pull(out);
                        seen(0, out);
                    } else {
                        for (index, (row, from)) in rows.iter_mut().zip(&mut *from).enumerate() {
                            from.pull(row);
                            seen(index, row);
                        }
                        rgb::row(*simd, &rows[0], &rows[1], &rows[2], out);
                    }
                    *next += 1;
                }
            }
        }
    }

    /// Ends once the last row is there.
    pub(super) fn finish(self, cancel: &CancelToken) -> Result<Found, Error> {
        match self {
            Self::File(file) if file.left.iter().all(|&left| left == 0) => {
                Ok(Found::File(file.encoder.encoder.finish(cancel)?))
            }
            Self::Turned { planes, encoder } if planes.iter().all(Turning::is_whole) => {
                let planes: Vec<Pixels> = planes.into_iter().map(Turning::finish).collect();
                Ok(Found::File(encode(encoder, &planes, cancel)?))
            }
            Self::Pixels { pixels, next, steps, .. } if next == pixels.height => {
                Ok(Found::Pixels(pixels, steps))
            }
            Self::File(_) | Self::Turned { .. } | Self::Pixels { .. } => {
                Err(Error::Bug("the planes end before the picture".into()))
            }
        }
    }
}

impl Marked {
    /// Writes a strip, as [`PlaneEncoder::strip`] does, once it is marked.
    fn strip(&mut self, rows: &[usize]) {
        for (index, marks) in self.marks.iter().enumerate() {
            for y in 0..rows[index] {
                marks.lay_over(self.done[index] + y, self.encoder.row(index, y));
            }
        }
        self.done.iter_mut().zip(rows).for_each(|(done, rows)| *done += rows);
        self.encoder.strip(rows);
    }
}

impl File {
    fn take(&mut self, from: &mut [Resampler], mut seen: impl FnMut(usize, &[u8])) {
        loop {
            let rows = self.rows();
            let mut ready = from.iter().zip(&rows);
            if rows[0] == 0 || !ready.all(|(from, &rows)| from.has(rows)) {
                return;
            }
            for (index, (from, &rows)) in from.iter_mut().zip(&rows).enumerate() {
                for y in 0..rows {
                    let row = self.encoder.encoder.row(index, y);
                    from.pull(row);
                    seen(index, row);
                    if self.mirrored {
                        row.reverse();
                    }
                }
                self.left[index] -= rows;
            }
            self.encoder.strip(&rows);
        }
    }

    /// The rows of the next strip.
    fn rows(&self) -> Vec<usize> {
        self.left
            .iter()
            .enumerate()
            .map(|(index, &left)| left.min(self.encoder.encoder.rows(index)))
            .collect()
    }
}

/// Encodes whole planes.
fn encode(mut encoder: Marked, planes: &[Pixels], cancel: &CancelToken) -> Result<Vec<u8>, Error> {
    let mut done = vec![0; planes.len()];
    while done[0] < planes[0].height {
        cancel.check()?;
        let mut rows = Vec::new();
        for (index, (plane, done)) in planes.iter().zip(&mut done).enumerate() {
            let count = (encoder.encoder.rows(index) as u32).min(plane.height - *done);
            for y in 0..count {
                encoder.encoder.row(index, y as usize).copy_from_slice(plane.row(*done + y));
            }
            *done += count;
            rows.push(count as usize);
        }
        encoder.strip(&rows);
    }
    encoder.encoder.finish(cancel)
}
