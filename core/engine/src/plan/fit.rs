//! How a picture fills a box: sizes only. The rules are sharp's, so that the same request gives the same size.

use crate::ops::Rect;
use crate::transformation::{Fit, Position, Transformation};

/// What a resize comes to, in upright pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fitted {
    /// The size to which the whole picture is scaled. Never allocated as such, so it may be huge.
    pub(super) scaled: (u64, u64),
    /// The part of `scaled` that is kept, and how its place is chosen.
    pub(super) kept: (u64, u64),
    /// The canvas on which the kept part lies.
    pub(super) canvas: (u64, u64),
}

/// Decides the sizes for a picture of `size`; nothing where no size is asked for.
pub(super) fn fit(size: (u32, u32), transformation: &Transformation) -> Option<Fitted> {
    let box_size = (transformation.width, transformation.height);
    let fit = transformation.fit.unwrap_or_default();
    let (across, down) = shrink(size, box_size, fit)?;
    let (across, down) =
        if transformation.without_enlargement { (across.max(1.0), down.max(1.0)) } else { (across, down) };
    let scaled = (side(size.0, across), side(size.1, down));
    let (mut kept, mut canvas) = (scaled, scaled);
    if let (Some(width), Some(height)) = box_size {
        let (width, height) = (u64::from(width), u64::from(height));
        match fit {
            Fit::Cover => {
                kept = (scaled.0.min(width), scaled.1.min(height));
                canvas = kept;
            }
            Fit::Contain => canvas = (scaled.0.max(width), scaled.1.max(height)),
            Fit::Fill | Fit::Inside | Fit::Outside => {}
        }
    }
    Some(Fitted { scaled, kept, canvas })
}

/// By how much to divide width and height.
fn shrink(size: (u32, u32), box_size: (Option<u32>, Option<u32>), fit: Fit) -> Option<(f64, f64)> {
    let ratio = |side: u32, wanted: Option<u32>| wanted.map(|wanted| f64::from(side) / f64::from(wanted));
    let (across, down) = (ratio(size.0, box_size.0), ratio(size.1, box_size.1));
    Some(match (across, down, fit) {
        (None, None, _) => return None,
        (across, down, Fit::Fill) => (across.unwrap_or(1.0), down.unwrap_or(1.0)),
        (Some(across), Some(down), Fit::Cover | Fit::Outside) => (across.min(down), across.min(down)),
        (Some(across), Some(down), Fit::Contain | Fit::Inside) => (across.max(down), across.max(down)),
        (Some(one), None, _) | (None, Some(one), _) => (one, one),
    })
}

/// A scaled side, rounded to the nearest and never nothing.
fn side(side: u32, shrink: f64) -> u64 {
    ((f64::from(side) / shrink).round() as u64).max(1)
}

/// Where something of size `part` lies in `whole` by `position`. The middle rounds towards the lower right when
/// cutting and towards the upper left when padding, as sharp's does.
pub(super) fn place(part: (u64, u64), whole: (u64, u64), position: Position, cutting: bool) -> (u64, u64) {
    let (across, down) = (whole.0 - part.0, whole.1 - part.1);
    let middle = |room: u64| if cutting { room.div_ceil(2) } else { room / 2 };
    let left = match position {
        Position::Left | Position::LeftTop | Position::LeftBottom => 0,
        Position::Right | Position::RightTop | Position::RightBottom => across,
        _ => middle(across),
    };
    let top = match position {
        Position::Top | Position::LeftTop | Position::RightTop => 0,
        Position::Bottom | Position::LeftBottom | Position::RightBottom => down,
        _ => middle(down),
    };
    (left, top)
}

/// The same with sizes that are known to fit into 32 bits.
pub(super) fn place_rect(part: (u32, u32), whole: (u32, u32), position: Position) -> Rect {
    let wide = |(width, height): (u32, u32)| (u64::from(width), u64::from(height));
    let (left, top) = place(wide(part), wide(whole), position, false);
    Rect { left: left as u32, top: top as u32, width: part.0, height: part.1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scaled kept canvas` for a picture of 300×200.
    fn check(json: &str, expected: &str) {
        let transformation: Transformation = serde_json::from_str(json).unwrap();
        let Fitted { scaled, kept, canvas } = fit((300, 200), &transformation).unwrap();
        let found = format!("{}x{} {}x{} {}x{}", scaled.0, scaled.1, kept.0, kept.1, canvas.0, canvas.1);
        assert_eq!(found, expected, "{json}");
    }

    #[test]
    fn every_fit() {
        check(r#"{"width":150}"#, "150x100 150x100 150x100");
        check(r#"{"height":50}"#, "75x50 75x50 75x50");
        check(r#"{"width":101}"#, "101x67 101x67 101x67");
        check(r#"{"width":1}"#, "1x1 1x1 1x1");
        check(r#"{"width":100,"height":100}"#, "150x100 100x100 100x100");
        check(r#"{"width":100,"height":100,"fit":"contain"}"#, "100x67 100x67 100x100");
        check(r#"{"width":100,"height":100,"fit":"fill"}"#, "100x100 100x100 100x100");
        check(r#"{"width":100,"height":100,"fit":"inside"}"#, "100x67 100x67 100x67");
        check(r#"{"width":100,"height":100,"fit":"outside"}"#, "150x100 150x100 150x100");
        check(r#"{"width":100,"fit":"fill"}"#, "100x200 100x200 100x200");
    }

    #[test]
    fn without_enlargement() {
        let with = |rest: &str| format!(r#"{{"withoutEnlargement":true,{rest}}}"#);
        check(&with(r#""width":600"#), "300x200 300x200 300x200");
        check(&with(r#""width":600,"height":100"#), "300x200 300x100 300x100");
        check(&with(r#""width":600,"height":600,"fit":"contain""#), "300x200 300x200 600x600");
        check(&with(r#""width":600,"height":100,"fit":"fill""#), "300x100 300x100 300x100");
        check(&with(r#""width":600,"height":600,"fit":"inside""#), "300x200 300x200 300x200");
    }

    #[test]
    fn places() {
        let at = |position, cutting| place((10, 10), (15, 21), position, cutting);
        assert_eq!(at(Position::Centre, true), (3, 6));
        assert_eq!(at(Position::Centre, false), (2, 5));
        assert_eq!(at(Position::Right, false), (5, 5));
        assert_eq!(at(Position::LeftBottom, true), (0, 11));
        assert_eq!(at(Position::Top, false), (2, 0));
    }
}
