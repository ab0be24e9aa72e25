//! Animations, frame by frame: of each only the rectangle that differs from the frame before is stored.

mod gif;
mod webp;

use super::Encoding;
use crate::decode::Plays;
use crate::error::Error;
use crate::format::Format;
use crate::limits::CancelToken;
use crate::pixels::{Layout, Pixels};

/// An encoder at work. It holds two or three frames beside the bytes that are finished.
pub(crate) enum Animator {
    Gif(gif::Animator),
    Webp(webp::Animator),
}

impl Animator {
    /// Begins a file in a format that can be animated.
    pub(crate) fn new(size: (u32, u32), encoding: Encoding, plays: Plays) -> Result<Self, Error> {
        match encoding.format {
            Format::Gif => Ok(Self::Gif(gif::Animator::new(size, plays)?)),
            Format::Webp => Ok(Self::Webp(webp::Animator::new(size, encoding, plays))),
            other => Err(Error::Bug(format!("{other} can't be animated"))),
        }
    }

    /// Adds a frame, which has the size of the file and any layout but CMYK, and is shown for so many milliseconds.
    pub(crate) fn add(&mut self, frame: &Pixels, delay_ms: u32, cancel: &CancelToken) -> Result<(), Error> {
        let frame = super::expand::to(frame, Layout::Rgba).into_owned();
        match self {
            Self::Gif(animator) => animator.add(frame, delay_ms, cancel),
            Self::Webp(animator) => animator.add(frame, delay_ms, cancel),
        }
    }

    pub(crate) fn finish(self, cancel: &CancelToken) -> Result<Vec<u8>, Error> {
        match self {
            Self::Gif(animator) => animator.finish(cancel),
            Self::Webp(animator) => animator.finish(),
        }
    }
}

/// A rectangle of whole pixels, by its first and last columns and rows; the last ones are outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
}

impl Window {
    /// The smallest one around all pixels for which `differs` is true of those of two RGBA pictures of the same size.
    pub(super) fn around(a: &Pixels, b: &Pixels, differs: impl Fn([u8; 4], [u8; 4]) -> bool) -> Option<Self> {
        let mut window: Option<Self> = None;
        for y in 0..a.height {
            let (a, b) = (a.row(y), b.row(y));
            if a == b {
                continue;
            }
            let (a, b) = (a.as_chunks::<4>().0, b.as_chunks::<4>().0);
            let differs = |x: &usize| differs(a[*x], b[*x]);
            let Some(left) = (0..a.len()).find(differs) else { continue };
            let right = (left..a.len()).rfind(differs).unwrap_or(left) as u32 + 1;
            let row = Self { left: left as u32, top: y, right, bottom: y + 1 };
            window = Some(window.map_or(row, |window| window.with(row)));
        }
        window
    }

    pub(super) fn whole((width, height): (u32, u32)) -> Self {
        Self { left: 0, top: 0, right: width, bottom: height }
    }

    /// The smallest one around both.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    pub(super) fn size(self) -> (u32, u32) {
        (self.right - self.left, self.bottom - self.top)
    }

    /// The RGBA pixels inside.
    pub(super) fn cut(self, picture: &Pixels) -> Pixels {
        let (width, height) = self.size();
        let row = |y| &picture.row(y)[self.left as usize * 4..self.right as usize * 4];
        Pixels::from_data(
            width,
            height,
            Layout::Rgba,
            (self.top..self.bottom).flat_map(row).copied().collect(),
        )
    }

    /// Makes all pixels inside transparent.
    pub(super) fn clear(self, picture: &mut Pixels) {
        let stride = picture.stride();
        for y in self.top..self.bottom {
            picture.data[y as usize * stride..][self.left as usize * 4..self.right as usize * 4].fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_around_what_differs() {
        let a = Pixels::zeroed(5, 4, Layout::Rgba);
        let mut b = a.clone();
        assert_eq!(Window::around(&a, &b, |a, b| a != b), None);
        b.data[(5 + 3) * 4] = 1;
        b.data[(2 * 5 + 1) * 4 + 3] = 1;
        let window = Window::around(&a, &b, |a, b| a != b).unwrap();
        assert_eq!(window, Window { left: 1, top: 1, right: 4, bottom: 3 });
        assert_eq!(window.size(), (3, 2));
        assert_eq!(window.cut(&b).data.iter().map(|&sample| u32::from(sample)).sum::<u32>(), 2);
        window.clear(&mut b);
        assert_eq!(a, b);
        assert_eq!(Window::around(&a, &b, |_, _| true), None, "equal rows are not looked at");
    }
}
