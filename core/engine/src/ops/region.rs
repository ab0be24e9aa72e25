//! Rectangles: of whole pixels, and of a picture as a continuous plane.

use std::fmt;

/// A rectangle of whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { left, top, width, height } = self;
        write!(f, "{width}x{height} at {left},{top}")
    }
}

/// A rectangle in the plane in which pixel `(x, y)` covers `x..x+1` by `y..y+1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Region {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Region {
    /// The whole of a picture.
    pub(crate) fn whole((width, height): (u32, u32)) -> Self {
        Self { left: 0.0, top: 0.0, width: f64::from(width), height: f64::from(height) }
    }

    /// The same part of a picture that is `factor` times as large.
    pub(crate) fn scaled(self, factor: f64) -> Self {
        let Self { left, top, width, height } = self;
        Self { left: left * factor, top: top * factor, width: width * factor, height: height * factor }
    }

    /// The same part in the pixels of a picture of `size` that shows `whole`. What is equal to `whole` has exactly that
    /// size.
    pub(crate) fn seen_in(self, whole: Self, size: (f64, f64)) -> Self {
        Self {
            left: (self.left - whole.left) / whole.width * size.0,
            top: (self.top - whole.top) / whole.height * size.1,
            width: self.width / whole.width * size.0,
            height: self.height / whole.height * size.1,
        }
    }

    /// The smallest rectangle of whole pixels around it, inside a picture of `size`.
    pub(crate) fn hull(self, (width, height): (u32, u32)) -> Rect {
        let left = (self.left.floor() as u32).min(width - 1);
        let top = (self.top.floor() as u32).min(height - 1);
        let right = ((self.left + self.width).ceil() as u32).clamp(left + 1, width);
        let bottom = ((self.top + self.height).ceil() as u32).clamp(top + 1, height);
        Rect { left, top, width: right - left, height: bottom - top }
    }

    /// The same rectangle as whole pixels, where it lies on their edges.
    pub(crate) fn exact(self) -> Option<Rect> {
        let sides = [self.left, self.top, self.width, self.height];
        let [left, top, width, height] = sides.map(|side| side as u32);
        let exact = sides.iter().all(|side| side.fract() == 0.0) && width > 0 && height > 0;
        exact.then_some(Rect { left, top, width, height })
    }
}

impl From<Rect> for Region {
    fn from(Rect { left, top, width, height }: Rect) -> Self {
        Self {
            left: f64::from(left),
            top: f64::from(top),
            width: f64::from(width),
            height: f64::from(height),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // At most two decimals, and none where the number is whole.
        let short = |value: f64| (value * 100.0).round() / 100.0;
        let [left, top, width, height] = [self.left, self.top, self.width, self.height].map(short);
        write!(f, "{width}x{height} at {left},{top}")
    }
}
